# SPDX-License-Identifier: Apache-2.0
"""TFLite's softmax of 16-bit codes, in the fixed level's own ops: two tables and shifts.

A shift by a run-time number is a product with a power of two, which is looked up.
"""

from collections.abc import Callable
from fractions import Fraction
from functools import cache
from math import prod

import numpy as np

from intaglio.compiler.ir import fixed, scaled
from intaglio.compiler.ir.graph import Node
from intaglio.compiler.ir.types import Quantization, TensorType
from intaglio.compiler.passes.select_arithmetic.interpolated_functions import require_symmetric
from intaglio.compiler.passes.select_arithmetic.state import Lowering
from intaglio.numerics import float32, functions, interpolation, multipliers
from intaglio.numerics.accumulator import Accumulator
from intaglio.numerics.float32 import AnyFloat, Float32
from intaglio.numerics.float64 import Float64
from intaglio.numerics.functions import Real
from intaglio.numerics.integers import INT32, IntType
from intaglio.numerics.interpolation import INT16
from intaglio.numerics.profile.methods import InterpolatedSoftmaxMethod
from intaglio.numerics.profile.schemes import ScaleProduct
from intaglio.numerics.requantizers import Requantizer
from intaglio.numerics.rounding import Rounding
from intaglio.numerics.scalings import DoubleRounding, Scaling, Shift, Thresholds

_RANGE = (1 << 16) - 1
_HALF_UP = Rounding.HALF_TOWARD_POSITIVE
_COUNT = IntType(5, signed=False)
_LEAST_BITS, _MOST_BITS = 14, 30


def lower_interpolated_softmax(
    state: Lowering,
    node: Node,
    op: scaled.Softmax,
    method: InterpolatedSoftmaxMethod,
    source: Quantization,
    target: Quantization,
) -> str:
    """The equation of ``docs/numerics.md``, Softmax of 16-bit codes."""
    require_symmetric(state, node, source, target)
    shape = node.type.shape
    outer, length, inner = prod(shape[: op.axis]), shape[op.axis], prod(shape[op.axis + 1 :])
    if length > 1 << 16:
        raise state.refusal(node, f"{length} elements", "at most 65536, whose sum fits 32 bits")
    lines, line = (outer, length, 1, inner), (outer, 1, 1, inner)

    def requantize(
        name: str, scaling: Scaling, zero: int, word: IntType, suffix: str, low: int | None = None
    ) -> str:
        least = word.minimum if low is None else low
        op = fixed.Requantize((Requantizer(scaling, zero, least, word.maximum),))
        shape = state.builder.type_of(name).shape
        return state.emit(node, op, [name], word, shape, suffix)

    x = state.operand(node.operands[0])
    columns = state.emit(node, fixed.Reshape(), [x], INT16, lines, "columns")
    pool = fixed.MaxPool2d((length, 1))
    largest = state.emit(node, pool, [columns], INT16, line, "largest")
    distance = state.exact(node, fixed.Subtract(), [columns, largest], "distance")
    place = requantize(distance, _input_scaling(op, method, source), 32767, INT16, "place")
    exponentials = _exponentials(method.float64_tables)
    exponential = _looked_up(state, node, place, exponentials, "exponential")
    accumulator = Accumulator(INT32)
    reduction = fixed.ReduceSum(accumulator, (1,), True)
    total = state.emit(node, reduction, [exponential], INT32, line, "total")
    powers = Thresholds(tuple(1 << k for k in range(1, _MOST_BITS + 1)))
    bits = requantize(total, powers, 0, _COUNT, "bits")
    up = _power_of_two(state, node, bits, _MOST_BITS, "up")
    moved = state.exact(node, fixed.Multiply(), [total, up], "moved")
    inverse_place = requantize(
        moved, Shift(14, _HALF_UP), -(1 << 15) - (1 << 16), INT16, "inverse_place"
    )
    inverses = _inverses(method.float64_tables)
    inverse = _looked_up(state, node, inverse_place, inverses, "inverse")
    product = state.exact(node, fixed.Multiply(), [exponential, inverse], "product")
    up = _power_of_two(state, node, bits, _MOST_BITS, "spread")
    spread = state.exact(node, fixed.Multiply(), [product, up], "moved_product")
    codes = requantize(spread, Shift(_MOST_BITS, _HALF_UP), 0, INT16, "codes", low=0)
    return state.emit(node, fixed.Reshape(), [codes], INT16)


def _ends(word: IntType) -> tuple[int, int]:
    return word.minimum, word.maximum


def _input_scaling(
    op: scaled.Softmax, method: InterpolatedSoftmaxMethod, source: Quantization
) -> DoubleRounding:
    """S beta / (10 / 65535): -65535 .. 0 stand for -10 .. 0."""
    if method.product is ScaleProduct.DOUBLE:
        scale = source.scale.value * op.beta.value
    else:
        scale = float32.multiply(source.scale, op.beta).value
    multiplier, shift = multipliers.quantize_multiplier(scale / (10.0 / 65535.0))
    return DoubleRounding(multiplier, shift, Rounding.HALF_AWAY_FROM_ZERO)


def _looked_up(state: Lowering, node: Node, name: str, values: tuple[int, ...], suffix: str) -> str:
    table = state.builder.constant(
        f"{node.name}.{suffix}.table", TensorType(INT16, (len(values),)), np.array(values)
    )
    shape = state.builder.type_of(name).shape
    return state.emit(node, fixed.Lookup(), [name, table], INT16, shape, suffix)


def _power_of_two(state: Lowering, node: Node, name: str, top: int, suffix: str) -> str:
    """2**(top - x) for x up to ``top``; x is never below 14, so that 16 bits hold it."""
    word = IntType(top - _LEAST_BITS + 1, signed=False)
    values = [1 << min(max(top - k, 0), top - _LEAST_BITS) for k in range(1 << _COUNT.bits)]
    type = TensorType(word, (len(values),))
    table = state.builder.constant(f"{node.name}.{suffix}.table", type, np.array(values))
    shape = state.builder.type_of(name).shape
    return state.emit(node, fixed.Lookup(), [name, table], word, shape, suffix)


@cache
def _exponentials(float64: bool) -> tuple[int, ...]:
    """Exp on [-10, 0] in Q0.15, for every 16-bit code."""
    width, zero_point = 10, INT16.maximum
    if float64:
        return _table(Float64, functions.exponential, width, zero_point)
    return _table(Float32, functions.exponential, width, zero_point)


@cache
def _inverses(float64: bool) -> tuple[int, ...]:
    """1 / (1 + x) on [0, 1] in Q0.15, for every 16-bit code."""
    width, zero_point = 1, INT16.minimum
    if float64:
        return _table(Float64, _inverse, width, zero_point)
    return _table(Float32, _inverse, width, zero_point)


def _inverse(x: Fraction) -> Real:
    return functions.rational(1 / (1 + x))


def _table(
    form: type[AnyFloat], function: Callable[[Fraction], Real], width: int, zero_point: int
) -> tuple[int, ...]:
    def ratio(numerator: int) -> AnyFloat:
        return float32.divide(form.from_integer(numerator), form.from_integer(_RANGE))

    def end(scale: AnyFloat, code: int) -> AnyFloat:
        return float32.multiply(scale, form.from_integer(code))

    scale, output = ratio(width), ratio(2)
    first, last = (end(scale, code - zero_point) for code in _ends(INT16))
    low, high = (end(output, code) for code in _ends(INT16))
    unit = float32.divide(form.from_integer(1 << 16), float32.subtract(high, low))
    table = interpolation.samples(function, first, last, unit)
    codes = range(INT16.minimum, INT16.maximum + 1)
    return tuple(interpolation.interpolated(table, code) for code in codes)
