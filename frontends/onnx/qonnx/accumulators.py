# SPDX-License-Identifier: Apache-2.0
"""The exact integer results of products and sums of codes, in a scale that means the same."""

from dataclasses import replace

import numpy as np

from intaglio.compiler.ir import scaled
from intaglio.compiler.ir.graph import Constant
from intaglio.compiler.ir.types import Quantization, TensorType
from intaglio.errors import InvalidData
from intaglio.frontends.onnx.emitter import Emitter
from intaglio.frontends.onnx.meanings import Computed, Stepped
from intaglio.frontends.refusal import Refusal
from intaglio.numerics.float32 import Float32
from intaglio.numerics.integers import IntType
from intaglio.numerics.intervals import Interval

ONE = Float32.from_value(1.0)
MOST_BITS = 62
_LARGEST_RATIO = 1 << 16


def accumulated(emitter: Emitter, value: Computed) -> Stepped:
    """Emit the op in a type that holds each of its results, in the scale of their grid.

    Raises:
        Refusal: the op's results are no integers in any scale that float32 can state.
    """
    match value.op:
        case scaled.FullyConnected() | scaled.Conv2d() | scaled.ConvTranspose2d():
            return _sum_of_products(emitter, value)
        case scaled.MatMul():
            return _product_of_values(emitter, value)
        case scaled.Add() | scaled.Subtract() | scaled.Minimum() | scaled.Maximum():
            return _sum_of_values(emitter, value)
        case scaled.Multiply():
            return _elementwise_product(emitter, value)
        case _:
            raise Refusal(
                f"reads the float result of {value.label}, which isn't an exact sum of codes; "
                f"quantize the output of {value.label}"
            )


def _sum_of_products(emitter: Emitter, value: Computed) -> Stepped:
    """Constant weights: scales that the accumulator's type can't hold become factors."""
    data, given = value.operands  # biases are added as steps
    x, weights = emitter.builder.type_of(data), _constant(emitter, given)
    own = weights.type.scaled
    product = _exact(x.scaled.scale, own.scale) if own.per_tensor else None
    factors: tuple[Float32, ...] = ()
    name = weights.name
    if product is None:
        product, factors = x.scaled.scale, own.scales
        plain = replace(own, scales=(ONE,), axis=own.axis if len(own.zero_points) > 1 else None)
        type = TensorType(weights.type.element, weights.type.shape, plain)
        name = emitter.builder.constant(weights.name, type, weights.array, weights.source)
    element = _type(_reach(value.op, x, weights), value)
    operands = (data, name)
    if factors:
        value = replace(value, source=f"{value.source}.codes")
    start = _emit(emitter, value, element, product, operands)
    axis = len(value.shape) - 1 if len(factors) > 1 else None
    return replace(start, factors=factors, axis=axis)


def _reach(op: scaled.Op, x: TensorType, weights: Constant) -> Interval:
    """Every sum of products, over all codes of ``x`` and all output channels; padding is zero."""
    codes = x.integer.interval - _point(x.scaled.zero_point)
    codes = codes | Interval(0, 0) if not isinstance(op, scaled.FullyConnected) else codes
    own = weights.type.scaled
    rank = weights.type.rank
    last = isinstance(op, scaled.FullyConnected)
    along = (1,) * (rank - 1) + (-1,) if last else (-1,) + (1,) * (rank - 1)
    zeros = np.array(own.zero_points, np.int64).reshape(along if len(own.zero_points) > 1 else ())
    centred = weights.array.astype(np.int64) - zeros
    axes = tuple(range(rank - 1)) if last else tuple(range(1, rank))
    positive = np.maximum(centred, 0).sum(axis=axes).tolist()
    negative = np.minimum(centred, 0).sum(axis=axes).tolist()
    highest = max(
        codes.high * up + codes.low * down for up, down in zip(positive, negative, strict=True)
    )
    lowest = min(
        codes.low * up + codes.high * down for up, down in zip(positive, negative, strict=True)
    )
    return Interval(min(lowest, 0), max(highest, 0))


def _product_of_values(emitter: Emitter, value: Computed) -> Stepped:
    left, right = (emitter.builder.type_of(name) for name in value.operands)
    product = _exact(left.scaled.scale, right.scaled.scale)
    if product is None:
        raise Refusal(f"the product of the scales of {value.label} is no float32")
    terms = left.shape[-1]
    return _emit(emitter, value, _type(_products(left, right).scale_by(terms), value), product)


def _elementwise_product(emitter: Emitter, value: Computed) -> Stepped:
    left, right = (emitter.builder.type_of(name) for name in value.operands)
    product = _exact(left.scaled.scale, right.scaled.scale)
    if product is None:
        raise Refusal(f"the product of the scales of {value.label} is no float32")
    return _emit(emitter, value, _type(_products(left, right), value), product)


def _products(left: TensorType, right: TensorType) -> Interval:
    first = left.integer.interval - _point(left.scaled.zero_point)
    second = right.integer.interval - _point(right.scaled.zero_point)
    return first * second


def _sum_of_values(emitter: Emitter, value: Computed) -> Stepped:
    """Of two scales, one a whole multiple of the other: the smaller one is that of the result."""
    left, right = (emitter.builder.type_of(name) for name in value.operands)
    scale = min((left.scaled.scale, right.scaled.scale), key=lambda each: each.fraction)
    intervals: list[Interval] = []
    for type in (left, right):
        ratio = type.scaled.scale.fraction / scale.fraction
        if ratio.denominator != 1 or ratio > _LARGEST_RATIO:
            raise Refusal(
                f"{value.label} combines codes of the scales {left.scaled.scale} and "
                f"{right.scaled.scale}; scales of which one is a whole multiple are expected"
            )
        centred = type.integer.interval - _point(type.scaled.zero_point)
        intervals.append(centred.scale_by(int(ratio)))
    first, second = intervals
    match value.op:
        case scaled.Add():
            reach = first + second
        case scaled.Subtract():
            reach = first - second
        case _:
            reach = first | second
    return _emit(emitter, value, _type(reach | Interval(0, 0), value), scale)


def _emit(
    emitter: Emitter,
    value: Computed,
    element: IntType,
    scale: Float32,
    operands: tuple[str, ...] | None = None,
) -> Stepped:
    type = TensorType(element, value.shape, Quantization((scale,)))
    operands = value.operands if operands is None else operands
    name = emitter.node(value.source, type, value.op, operands, value.node)
    return Stepped(name, (), (), None, value.shape, value.source, value.node, value.label)


def _type(reach: Interval, value: Computed) -> IntType:
    bits = max(reach.signed_bits, 2)
    if bits > MOST_BITS:
        raise Refusal(f"the sums of {value.label} need {bits} bits; at most {MOST_BITS} are held")
    return IntType(bits, signed=True)


def _exact(first: Float32, second: Float32) -> Float32 | None:
    """The product of two scales, None where float32 doesn't hold it."""
    product = first.fraction * second.fraction
    try:
        found = Float32.from_fraction(product)
    except InvalidData:
        return None
    return found if found.fraction == product else None


def _constant(emitter: Emitter, name: str) -> Constant:
    found = emitter.builder.definitions[name]
    if not isinstance(found, Constant):
        raise AssertionError(f"the weights {name} are computed")
    return found


def _point(value: int) -> Interval:
    return Interval(value, value)
