# SPDX-License-Identifier: Apache-2.0
"""Bilinear interpolation: integer weights of two neighbours along each axis."""

from dataclasses import dataclass
from fractions import Fraction
from math import floor, lcm
from typing import assert_never

from intaglio.compiler.ir import fixed, scaled
from intaglio.compiler.ir.graph import Node
from intaglio.compiler.passes.select_arithmetic.rescaling import full_bounds, rescale_codes
from intaglio.compiler.passes.select_arithmetic.state import Lowering
from intaglio.numerics.float32 import Float32
from intaglio.numerics.integers import IntType
from intaglio.numerics.multipliers import exact_multiplier, rational
from intaglio.numerics.profile.methods import Float32Rescale
from intaglio.numerics.profile.rules import ResizeRule, ResizeWeights
from intaglio.numerics.requantizers import Requantizer
from intaglio.numerics.rounding import Rounding, divide, round_fraction
from intaglio.numerics.scalings import RationalMultiply

_ONE = Float32.from_value(1.0)


@dataclass(frozen=True, slots=True)
class _Axis:
    """The neighbours of every output position and the high one's weight over ``denominator``."""

    low: tuple[int, ...]
    high: tuple[int, ...]
    weights: tuple[int, ...]
    denominator: int


def lower_resize_linear(state: Lowering, node: Node, op: scaled.ResizeLinear) -> str:
    """The exact weighted sum, divided once; then the result's own scale where it differs."""
    source, element = state.activation(node, node.operands[0])
    target, wanted = state.result(node)
    rule = state.profile.first(state.profile.resize, "resize_linear", element, wanted)
    before, after = state.source.type_of(node.operands[0]).shape, node.type.shape
    rows = _axis(op, rule, before[1], after[1])
    columns = _axis(op, rule, before[2], after[2])
    one = rows.denominator * columns.denominator
    interpolate = fixed.ResizeLinear(
        rows.low,
        rows.high,
        rows.weights,
        columns.low,
        columns.high,
        columns.weights,
        rows.denominator,
        columns.denominator,
    )
    reach = element.interval.scale_by(one)
    weighted = state.emit(
        node,
        interpolate,
        [state.operand(node.operands[0])],
        reach.smallest_type(),
        suffix="weighted",
    )
    # TFLite rounds the raw codes; elsewhere the zero point stays outside the rounding.
    raw = rule.weights is ResizeWeights.STEP
    zero_point = 0 if raw else source.zero_point
    centred, _ = state.centred(node, weighted, zero_point * one, "weighted")
    if rule.weights is ResizeWeights.EXACT and _goes_through_float(state, element, wanted):
        # In float32 nothing is rounded to a code on the way: one rounding, in the result's scale.
        real = exact_multiplier(source.scale, _ONE, target.scale) / one
        scaling = rational(real, rule.rounding)
        low, high = wanted.minimum, wanted.maximum
        once = fixed.Requantize((Requantizer(scaling, target.zero_point, low, high),))
        return state.emit(node, once, [centred], wanted)
    mean = Requantizer(
        RationalMultiply(1, one, rule.rounding), zero_point, element.minimum, element.maximum
    )
    same = (source.scale, source.zero_point, element) == (
        target.scale,
        target.zero_point,
        wanted,
    )
    suffix = "" if same else "mean"
    resized = state.emit(node, fixed.Requantize((mean,)), [centred], element, suffix=suffix)
    return rescale_codes(state, node, resized, source, target, full_bounds(wanted))


def _goes_through_float(state: Lowering, element: IntType, wanted: IntType) -> bool:
    """Whether the profile has another scale reached by way of real numbers."""
    rule = state.profile.first(state.profile.rescale, "requantize", element, wanted)
    return isinstance(rule.method, Float32Rescale)


def _axis(op: scaled.ResizeLinear, rule: ResizeRule, before: int, after: int) -> _Axis:
    if rule.weights is ResizeWeights.STEP:
        return _stepped(op, rule.fraction_bits, before, after)
    coordinates = [_coordinate(op, index, before, after) for index in range(after)]
    low = [floor(coordinate) for coordinate in coordinates]
    high = [min(index + 1, before - 1) for index in low]
    fractions = [x - index for x, index in zip(coordinates, low, strict=True)]
    match rule.weights:
        case ResizeWeights.EXACT:
            denominator = lcm(*(fraction.denominator for fraction in fractions))
        case ResizeWeights.NEAREST:
            denominator = 1 << rule.fraction_bits
        case _:
            assert_never(rule.weights)
    weights = [round_fraction(x * denominator, Rounding.HALF_EVEN) for x in fractions]
    return _Axis(tuple(low), tuple(high), tuple(weights), denominator)


def _coordinate(op: scaled.ResizeLinear, index: int, before: int, after: int) -> Fraction:
    """The real source coordinate, clamped to the plane."""
    if op.align_corners:
        source = Fraction(index * (before - 1), after - 1) if after > 1 else Fraction(0)
    elif op.half_pixel:
        source = Fraction((2 * index + 1) * before, 2 * after) - Fraction(1, 2)
    else:
        source = Fraction(index * before, after)
    return min(max(source, Fraction(0)), Fraction(before - 1))


def _stepped(op: scaled.ResizeLinear, bits: int, before: int, after: int) -> _Axis:
    """TFLite RESIZE_BILINEAR: an integer step of ``bits`` fractional bits (10)."""
    one = 1 << bits
    if op.align_corners and after > 1:
        step = (one * (before - 1) + (after - 1) // 2) // (after - 1)
    else:
        step = (one * before + after // 2) // after
    low: list[int] = []
    high: list[int] = []
    weights: list[int] = []
    for index in range(after):
        position = index * step + (step // 2 - one // 2 if op.half_pixel else 0)
        near = max(divide(position, one, Rounding.TOWARD_ZERO), 0)
        far = min(divide(position + one - 1, one, Rounding.TOWARD_ZERO), before - 1)
        low.append(near)
        high.append(far)
        # Where both neighbours are the same pixel TFLite's weight may be negative: any one serves.
        weights.append(0 if near == far else position - one * near)
    return _Axis(tuple(low), tuple(high), tuple(weights), one)
