# SPDX-License-Identifier: Apache-2.0
"""Few real numbers that are whole multiples of one scale are codes, without any Quant."""

from collections.abc import Iterable
from dataclasses import replace
from fractions import Fraction
from functools import reduce
from math import gcd, lcm

import numpy as np

from intaglio.compiler.ir.types import FLOAT32, Quantization, TensorType
from intaglio.errors import InvalidData
from intaglio.frontends.onnx.emitter import Emitter
from intaglio.frontends.onnx.meanings import (
    Clipped,
    Computed,
    FloatInput,
    Meaning,
    Moved,
    Quantized,
    Real,
    Stepped,
)
from intaglio.frontends.onnx.moving import rearrange
from intaglio.frontends.onnx.qonnx.quantizers import emit
from intaglio.frontends.onnx.qonnx.stepping import Origin, start_of
from intaglio.frontends.onnx.site import Site
from intaglio.frontends.refusal import Refusal
from intaglio.numerics.float32 import Float32
from intaglio.numerics.float_steps import Apply, StepFunction, real_values, results
from intaglio.numerics.intervals import Interval

MOST_BITS = 16
"""Of codes whose every value is computed, and of the codes that they become."""


def with_codes(site: Site, *indices: int) -> Site:
    """The node with some operands as codes, where their few values lie on a grid.

    Raises:
        Refusal: they don't.
    """
    operands = list(site.operands)
    origin = Origin(site.source, site.name, site.label)
    for index in indices:
        operands[index] = as_codes(site.emitter, site.operand(index), origin)
    return replace(site, operands=tuple(operands))


def as_codes(emitter: Emitter, value: Meaning, origin: Origin) -> Meaning:
    """A computed value as codes; what is none, or has codes, as it is.

    Raises:
        Refusal: its values are too many, or on no grid.
    """
    match value:
        case Moved():
            parts = tuple(as_codes(emitter, part, origin) for part in value.parts)
            return rearrange(emitter, replace(value, parts=tuple(_real(part) for part in parts)))
        case FloatInput():
            raise Refusal(
                f"reads the float input {value.source}; put a Quant behind it, or say what it "
                f"holds, as in --datatype {value.source}=FIXED<16,6>"
            )
        case Computed() | Clipped() | Stepped():
            return _on_grid(emitter, start_of(emitter, value, origin))
        case _:
            return value


def _real(value: Meaning) -> Real:
    assert isinstance(value, Real)
    return value


def _on_grid(emitter: Emitter, value: Stepped) -> Quantized:
    type = emitter.builder.type_of(value.operand)
    if not value.steps and not value.factors and type.element != FLOAT32:
        return Quantized(value.operand, type, value.source, real=True)
    if type.element == FLOAT32 or type.integer.bits > MOST_BITS:
        raise Refusal(f"reads the float result of {value.label}; put a Quant between")
    scale = grid_of(Fraction(float(each)) for each in _values(value, type))
    if scale is None:
        raise Refusal(
            f"reads the float result of {value.label}, whose values are no codes of one scale; "
            "put a Quant between"
        )
    divide = Apply(StepFunction.DIVIDE, (scale,))
    codes = [round(float(each) / scale.value) for each in _values(value, type)]
    element = Interval.hull_of([*codes, 0]).smallest_type()
    if element.bits > MOST_BITS:
        raise Refusal(f"reads the float result of {value.label}; put a Quant between")
    divided = replace(value, steps=(*value.steps, divide))
    return emit(emitter, divided, element, Quantization((scale,)))


def _values(value: Stepped, type: TensorType) -> "np.ndarray[tuple[int], np.dtype[np.float32]]":
    """Every real number that comes out, once."""
    axis = value.axis
    channels = 1 if axis is None else value.shape[axis]
    own = type.scaled
    codes = np.arange(type.integer.minimum, type.integer.maximum + 1, dtype=np.int64)
    every = np.repeat(np.arange(channels, dtype=np.int64), codes.size)
    factors = tuple(own.scale.fraction * factor.fraction for factor in value.factors)
    centred = np.tile(codes - own.zero_point, channels)
    reals = real_values(centred, factors or (own.scale.fraction,), every)
    found = results(value.steps, reals, every)
    if not np.isfinite(found).all():
        raise Refusal(f"{value.label} overflows float32")
    return np.unique(found.astype(np.float32))


def grid_of(values: Iterable[Fraction]) -> Float32 | None:
    """The largest scale of which all values are whole multiples, None where float32 has none."""
    distinct = {abs(value) for value in values} - {Fraction(0)}
    if not distinct:
        return Float32.from_value(1.0)
    denominator = reduce(lcm, (value.denominator for value in distinct))
    numerators = (int(value * denominator) for value in distinct)
    scale = Fraction(reduce(gcd, numerators), denominator)
    try:
        found = Float32.from_fraction(scale)
    except InvalidData:
        return None
    return found if found.fraction == scale else None
