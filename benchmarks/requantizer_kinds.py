# SPDX-License-Identifier: Apache-2.0
"""Every kind of requantizer that a profile's rules make."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from typing import assert_never, cast

import numpy as np

from benchmarks.requantizer_draws import CODES, Drawn, RequantizerKind
from intaglio.errors import InvalidOption
from intaglio.numerics import float32
from intaglio.numerics.float32 import Float32
from intaglio.numerics.integers import IntType
from intaglio.numerics.intervals import Interval
from intaglio.numerics.multipliers import quantize_multiplier, tosa_reciprocal
from intaglio.numerics.profile import Profile, derive
from intaglio.numerics.profile.methods import (
    DequantizedMethod,
    ExactTable,
    FixedPointMean,
    FixedPointTable,
    Float32Mean,
    Float32MeanZeroPointInside,
    Float32PoolMean,
    Float32RawRescale,
    Float32RawSum,
    Float32Rescale,
    Float32Table,
    FusedMultiplyAddMethod,
    InterpolatedTable,
    JoinedZeroPointMean,
    MeanMethod,
    OperandRescaleMethod,
    OperandShift,
    PairMethod,
    PlaneReciprocalMean,
    ProductMethod,
    RawCodeMean,
    ReciprocalMean,
    RescaledMean,
    RescaledSumMethod,
    SaturatingSumMethod,
    SharedShiftMethod,
    SigmoidTableMethod,
    SlopeTable,
    SquaredDifferenceMethod,
    UnaryMethod,
)
from intaglio.numerics.profile.schema import write
from intaglio.numerics.profile.schemes import (
    DoubleRoundingScheme,
    FixedPointCastScheme,
    PowerOfTwoScheme,
    Rescale,
    ScaleProduct,
    Scheme,
)
from intaglio.numerics.profile.table_method import TableMethod
from intaglio.numerics.requantizers import Requantizer
from intaglio.numerics.rounding import Rounding
from intaglio.numerics.scalings import (
    DoubleRounding,
    Float32Multiply,
    Float32MultiplyAdd,
    MultiplyStep,
    RationalMultiply,
    Scaling,
    ShiftStep,
    Stages,
)

_CODE_BITS, _SUM_BITS, _PRODUCT_BITS, _SHIFTED_BITS, _WIDEST_BITS = 9, 24, 18, 30, 40
"""Of a centred code, a window's sum, two codes' product, a code with a shift, any accumulator."""


def requantizer_kinds(profile: Profile) -> dict[str, RequantizerKind]:
    """By name, every kind that the rules of the profile name."""
    return {kind.name: kind for kind in _kinds(profile)}


def _kinds(profile: Profile) -> Iterator[RequantizerKind]:
    for rule in profile.contraction:
        yield _of_rescale(rule.rescale, rule.accumulator_bits)
        if rule.lanes is not None:
            remainder = replace(rule.rescale, scheme=rule.lanes.remainder)
            yield _of_rescale(remainder, rule.accumulator_bits)
    for pair in profile.pair:
        yield from _of_pair(pair.method)
    for mean in profile.mean:
        yield from _of_mean(mean.method, mean.accumulator_bits)
    for unary in profile.unary:
        yield from _of_unary(unary.method)
    for change in profile.rescale:
        match change.method:
            case Rescale():
                yield _of_rescale(change.method, _CODE_BITS)
            case Float32RawRescale():
                yield _of_scaling("raw codes", _CODE_BITS, _raw_rescale)
            case Float32Rescale():
                # A table of codes, or float32 steps; no requantizer.
                pass
            case _:
                assert_never(change.method)


def _of_pair(method: PairMethod) -> Iterator[RequantizerKind]:
    match method:
        case OperandRescaleMethod():
            yield _of_rescale(method.rescale, _CODE_BITS)
        case ProductMethod() if method.zero_point_inside:
            yield _of_scaling("float32, zero point inside", _PRODUCT_BITS, _product_inside)
        case ProductMethod():
            yield _of_rescale(method.rescale, _PRODUCT_BITS)
        case RescaledSumMethod():
            yield _of_rescale(Rescale(ScaleProduct.DOUBLE, method.scheme), _SHIFTED_BITS)
            yield _of_operand(method)
        case SquaredDifferenceMethod():
            yield _of_rescale(Rescale(ScaleProduct.DOUBLE, method.scheme), _PRODUCT_BITS)
        case (
            SharedShiftMethod()
            | FusedMultiplyAddMethod()
            | DequantizedMethod()
            | SaturatingSumMethod()
        ):
            # Functions of two codes.
            pass
        case _:
            assert_never(method)


def _of_operand(method: RescaledSumMethod) -> RequantizerKind:
    match method.operand_shift:
        case OperandShift.ROUND:
            scheme = method.operand_scheme or method.scheme
            return _of_rescale(Rescale(ScaleProduct.DOUBLE, scheme), _SHIFTED_BITS)
        case OperandShift.FLOOR:
            floor = DoubleRoundingScheme(Rounding.FLOOR)
            return _of_rescale(Rescale(ScaleProduct.DOUBLE, floor), _SHIFTED_BITS)
        case OperandShift.JOIN:

            def joined(drawn: Drawn) -> Scaling:
                larger = max(drawn.left, drawn.right, key=lambda scale: scale.fraction)
                twice = float32.multiply(larger, float32.from_integer(2))
                real = derive.real_multiplier(ScaleProduct.DOUBLE, drawn.left, twice)
                multiplier, shift = quantize_multiplier(float(real))
                shift += method.left_shift
                return DoubleRounding(multiplier, shift, Rounding.HALF_AWAY_FROM_ZERO)

            return _of_scaling(f"operand, joined shift {method.left_shift}", _CODE_BITS, joined)
        case _:
            assert_never(method.operand_shift)


def _of_mean(method: MeanMethod, bits: int) -> Iterator[RequantizerKind]:
    match method:
        case RescaledMean():
            yield _of_rescale(method.rescale, bits)
        case RawCodeMean():
            rounding = method.rounding
            name = f"raw codes' mean {rounding.value}"
            yield _of_scaling(
                name, _SUM_BITS, lambda drawn: RationalMultiply(1, drawn.count, rounding)
            )
        case ReciprocalMean():
            yield _of_scaling("reciprocal mean", 32, lambda drawn: tosa_reciprocal(drawn.count))
        case PlaneReciprocalMean():
            yield _of_scaling("plane's reciprocals", 32, lambda drawn: _plane(method, drawn))
        case FixedPointMean():
            yield _of_scaling("fixed-point mean", 32, _fixed_point_mean)
        case JoinedZeroPointMean():
            yield _joined_zero_point(method.ties)
            lanes = method.lanes
            if lanes is not None and isinstance(lanes.remainder, DoubleRoundingScheme):
                yield _joined_zero_point(lanes.remainder.ties)
        case Float32Mean() | Float32PoolMean():
            # A pool's other windows are averages in float32, no requantizers.
            yield _of_scaling("float32 mean", _SUM_BITS, _float32_mean)
        case Float32MeanZeroPointInside():
            yield _of_scaling("float32 mean, zero point inside", _SUM_BITS, _mean_inside)
        case Float32RawSum():
            yield _of_scaling("raw codes' sum", _SUM_BITS, _raw_sum)
        case _:
            assert_never(method)


def _of_unary(method: UnaryMethod) -> Iterator[RequantizerKind]:
    match method:
        case SlopeTable():
            yield _of_rescale(method.rescale, _CODE_BITS)
        case (
            ExactTable()
            | Float32Table()
            | FixedPointTable()
            | InterpolatedTable()
            | SigmoidTableMethod()
            | TableMethod()
        ):
            # Tables of codes.
            pass
        case _:
            assert_never(method)


def _of_rescale(rescale: Rescale, bits: int) -> RequantizerKind:
    """A convolution's 32-bit accumulator holds far less; the schemes state their own limits."""
    accumulator = IntType(min(bits, _WIDEST_BITS), signed=True)

    def make(drawn: Drawn) -> Requantizer:
        real = derive.real_multiplier(rescale.product, drawn.left, drawn.output, drawn.right)
        # Multipliers that bring the accumulator to about eight bits, as in a network.
        real *= Fraction(2) ** (drawn.exponent - round(float(np.log2(float(real)))))
        ends = (drawn.output_zero_point, CODES.minimum, CODES.maximum, CODES)
        try:
            return derive.requantizer(rescale.scheme, real, accumulator.interval, *ends)
        except InvalidOption:
            # MultiplyAddShift on a full word: the product has no room; use half the accumulator.
            half = Interval(-(1 << 20), 1 << 20)
            return derive.requantizer(rescale.scheme, real, half, *ends)

    powers = isinstance(rescale.scheme, PowerOfTwoScheme | FixedPointCastScheme)
    name = f"{_words(rescale.scheme)}, {rescale.product.value}, {accumulator}"
    return RequantizerKind(name, accumulator, powers, make)


def _of_scaling(name: str, bits: int, make: Callable[[Drawn], Scaling]) -> RequantizerKind:
    accumulator = IntType(bits, signed=True)

    def requantizer(drawn: Drawn) -> Requantizer:
        zero_point = drawn.output_zero_point
        return Requantizer(make(drawn), zero_point, CODES.minimum, CODES.maximum)

    return RequantizerKind(f"{name}, {accumulator}", accumulator, False, requantizer)


def _joined_zero_point(ties: Rounding) -> RequantizerKind:
    def make(drawn: Drawn) -> Scaling:
        scaling, _ = derive.joined_zero_point_mean(
            drawn.left, drawn.zero_point, drawn.output, drawn.output_zero_point, drawn.count
        )
        return replace(scaling, ties=ties)

    return _of_scaling(f"joined zero point mean {ties.value}", _SUM_BITS, make)


def _plane(method: PlaneReciprocalMean, drawn: Drawn) -> Scaling:
    sides = (drawn.count, 3)
    bits, rounding = method.fraction_bits, method.rounding
    each = [(MultiplyStep((1 << bits) // side), ShiftStep(bits, rounding)) for side in sides]
    return Stages(tuple(step for steps in each for step in steps))


def _fixed_point_mean(drawn: Drawn) -> Scaling:
    return derive.fixed_point_mean(drawn.left, drawn.output, drawn.count)


def _float32_mean(drawn: Drawn) -> Scaling:
    return Float32Multiply(derive.float32_mean_factor(drawn.left, drawn.output, drawn.count))


def _mean_inside(drawn: Drawn) -> Scaling:
    factor, addend = derive.float32_mean_with_zero_point(
        drawn.left,
        drawn.zero_point,
        drawn.output,
        drawn.output_zero_point,
        drawn.count,
        drawn.count,
    )
    return Float32MultiplyAdd(factor, addend)


def _raw_sum(drawn: Drawn) -> Scaling:
    return derive.float32_raw_sum(drawn.left, drawn.zero_point, drawn.output, drawn.count)


def _raw_rescale(drawn: Drawn) -> Scaling:
    return derive.float32_raw_rescale(drawn.left, drawn.zero_point, drawn.output)


def _product_inside(drawn: Drawn) -> Scaling:
    product = ScaleProduct.FLOAT32
    real = derive.real_multiplier(product, drawn.left, drawn.output, drawn.right)
    addend = float32.from_integer(drawn.output_zero_point)
    return Float32MultiplyAdd(Float32.from_fraction(real), addend)


def _words(scheme: Scheme) -> str:
    """The scheme as a profile writes it, without the keys; flags that are set by name."""
    tree = cast(dict[str, object], write(Scheme, scheme))
    set_flags = [key for key, value in tree.items() if value is True]
    plain = [str(value) for value in tree.values() if not isinstance(value, bool)]
    return " ".join([*plain, *set_flags])
