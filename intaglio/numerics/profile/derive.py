# SPDX-License-Identifier: Apache-2.0
"""From float32 scales to a scaling, as a profile's ``Rescale`` says."""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from typing import assert_never

from intaglio.errors import InvalidOption
from intaglio.numerics import float32, multipliers
from intaglio.numerics.float32 import Float32
from intaglio.numerics.float64 import Float64
from intaglio.numerics.integers import IntType
from intaglio.numerics.intervals import Interval
from intaglio.numerics.profile.derive_cast import cast_requantizer
from intaglio.numerics.profile.derive_stages import staged_requantizer
from intaglio.numerics.profile.real_sums import RealSum, threshold_requantizer
from intaglio.numerics.profile.schemes import (
    DoubleRoundingScheme,
    FixedPointCastScheme,
    Float32Scheme,
    Float64Scheme,
    FractionScheme,
    Int16MultiplierScheme,
    MultiplyAddShiftScheme,
    MultiplyShiftScheme,
    NemoScheme,
    PowerOfTwoScheme,
    RationalScheme,
    RndnuScheme,
    ScaleProduct,
    Scheme,
    ThresholdsScheme,
    TosaScheme,
)
from intaglio.numerics.profile.stages_scheme import StagesScheme
from intaglio.numerics.requantizers import Requantizer
from intaglio.numerics.rounding import Rounding, round_fraction
from intaglio.numerics.scalings import (
    DoubleRounding,
    Float32Multiply,
    Float32MultiplyAdd,
    Float64Multiply,
    Int16Multiply,
    MultiplyAddShift,
    MultiplyShift,
    Scaling,
)

_ONE = Float32.from_value(1.0)
_EXPONENT_BITS = 5
_INT64 = IntType(64, signed=True)


def real_multiplier(
    product: ScaleProduct, left: Float32, output: Float32, right: Float32 = _ONE
) -> Fraction:
    """The ratio left * right / output, formed in the arithmetic of ``product``.

    A single operand has ``right`` = 1, which changes no bit of any product.
    """
    match product:
        case ScaleProduct.EXACT:
            return multipliers.exact_multiplier(left, right, output)
        case ScaleProduct.DOUBLE:
            return multipliers.double_multiplier(left, right, output).fraction
        case ScaleProduct.FLOAT32_PRODUCT:
            return multipliers.float_product_multiplier(left, right, output).fraction
        case ScaleProduct.FLOAT32:
            return multipliers.float_multiplier(left, right, output).fraction
        case _:
            assert_never(product)


def scaling(scheme: Scheme, real: Fraction, accumulator: Interval) -> Scaling:
    """The scaling that applies ``real`` to values of ``accumulator``.

    The interval matters to schemes whose multiplier shrinks so that the product fits its word.

    Raises:
        InvalidOption: the scheme can't represent the multiplier.
    """
    match scheme:
        case MultiplyShiftScheme():
            return multipliers.nearest_multiply_shift(real, scheme.multiplier_bits, scheme.rounding)
        case DoubleRoundingScheme():
            multiplier, shift = multipliers.quantize_multiplier(float(real))
            return DoubleRounding(multiplier, shift, scheme.ties)
        case Int16MultiplierScheme():
            multiplier, shift = multipliers.quantize_multiplier(float(real))
            return Int16Multiply(multiplier, shift)
        case Float32Scheme():
            return Float32Multiply(Float32.from_fraction(real))
        case Float64Scheme():
            return Float64Multiply(Float64.from_fraction(real))
        case RationalScheme():
            return multipliers.rational(real, scheme.rounding)
        case RndnuScheme():
            return multipliers.rndnu(Float32.from_fraction(real))
        case FractionScheme():
            one = 1 << scheme.fraction_bits
            multiplier = round_fraction(real * one, Rounding.HALF_EVEN)
            return MultiplyShift(multiplier, scheme.fraction_bits, Rounding.HALF_TOWARD_POSITIVE)
        case PowerOfTwoScheme():
            return multipliers.power_of_two_shift(
                real, scheme.rounding, multipliers.PowerOfTwo.EXACT
            )
        case MultiplyAddShiftScheme():
            return _multiply_add_shift(scheme, real, accumulator)
        case NemoScheme():
            return multipliers.nemo(real, scheme.factor)
        case ThresholdsScheme():
            # Without codes there is nothing to count up to.
            return multipliers.rational(real, scheme.rounding)
        case FixedPointCastScheme():
            return multipliers.power_of_two_shift(
                real, scheme.rounding, multipliers.PowerOfTwo.EXACT
            )
        case TosaScheme():
            return multipliers.tosa_scale(real, scheme.double_round)
        case StagesScheme():
            # Without a zero point, nothing but the registers is left.
            return staged_requantizer(scheme, real, accumulator, 0, 0, 0, _INT64).scaling
        case _:
            assert_never(scheme)


def requantizer(
    scheme: Scheme,
    real: Fraction,
    accumulator: Interval,
    zero_point: int,
    low: int,
    high: int,
    result: IntType,
) -> Requantizer:
    """The requantizer of ``round(x * real) + zero_point``, clamped to ``low..high``.

    Args as for ``staged_requantizer``; most schemes add the zero point last.

    Raises:
        InvalidOption: the scheme can't represent the multiplier.
    """
    if isinstance(scheme, StagesScheme):
        return staged_requantizer(scheme, real, accumulator, zero_point, low, high, result)
    if isinstance(scheme, FixedPointCastScheme):
        return cast_requantizer(scheme, real, zero_point, low, high, result)
    if isinstance(scheme, ThresholdsScheme):
        total = RealSum(real, Fraction(0), scheme.rounding, zero_point, low, high)
        return threshold_requantizer(total, accumulator)
    if isinstance(scheme, NemoScheme) and scheme.word_bits:
        limit = max(scheme.word_bits - result.bits, 0)
        return Requantizer(multipliers.nemo(real, scheme.factor, limit), zero_point, low, high)
    return Requantizer(scaling(scheme, real, accumulator), zero_point, low, high)


def _multiply_add_shift(
    scheme: MultiplyAddShiftScheme, real: Fraction, accumulator: Interval
) -> MultiplyAddShift:
    """The widest multiplier within ``multiplier_bits`` whose product can't leave the word."""
    sum_type = IntType(scheme.sum_bits, signed=True) if scheme.sum_bits else None
    if scheme.shift is not None:
        return _at_shift(scheme, real, sum_type, scheme.shift)
    bits = scheme.multiplier_bits
    if sum_type is not None:
        bits = min(bits, sum_type.bits - 1 - accumulator.magnitude.bit_length())
    # The half has to fit the word as well.
    longest = 62 if sum_type is None or not scheme.half_in_sum else sum_type.bits - 2
    while bits >= 1:
        nearest = multipliers.nearest_multiply_shift(real, bits, scheme.rounding, longest)
        half = (1 << nearest.shift) >> 1 if scheme.half_in_sum else 0
        chosen = MultiplyAddShift(
            nearest.multiplier, half, nearest.shift, scheme.rounding, sum_type
        )
        domain = chosen.monotone_domain
        if not half or domain is None or domain.contains(accumulator):
            return chosen
        bits -= 1
    raise InvalidOption(
        "accumulator",
        accumulator,
        f"leaves no bit for a multiplier in a {scheme.sum_bits}-bit word",
        "choose a profile with a wider word, or narrower weights",
    )


def _at_shift(
    scheme: MultiplyAddShiftScheme, real: Fraction, sum_type: IntType | None, shift: int
) -> MultiplyAddShift:
    """At the one shift that there is.

    A shift that channels share may leave nothing of the least multiplier: a channel that is as
    good as dead doesn't stop the others.
    """
    multiplier = round_fraction(real * (1 << shift), Rounding.HALF_AWAY_FROM_ZERO)
    lost = real and not multiplier and not scheme.shared_shift
    if multiplier.bit_length() > scheme.multiplier_bits or lost:
        raise InvalidOption(
            "shift",
            shift,
            f"makes {multiplier} of the multiplier {float(real):.6g}",
            f"give another, so that it has 1 to {scheme.multiplier_bits} bits",
        )
    half = (1 << shift) >> 1 if scheme.half_in_sum else 0
    return MultiplyAddShift(multiplier, half, shift, scheme.rounding, sum_type)


def with_shared_shift(
    scheme: MultiplyAddShiftScheme, wanted: Sequence[tuple[Fraction, Interval]]
) -> MultiplyAddShiftScheme:
    """The scheme at the least shift that one of the multipliers takes.

    Args:
        scheme: what shares one shift.
        wanted: each real multiplier, and the accumulators that it is for.

    Raises:
        InvalidOption: an accumulator leaves no bit for a multiplier.
    """
    chosen = (_multiply_add_shift(scheme, real, accumulator) for real, accumulator in wanted)
    return replace(scheme, shift=min(each.shift for each in chosen))


def float32_mean_factor(scale: Float32, output: Float32, count: int) -> Float32:
    """fl32(scale / fl32(output * count)): ONNX Runtime QLinearGlobalAveragePool."""
    return float32.divide(scale, float32.multiply(output, float32.from_integer(count)))


def float32_mean_with_zero_point(
    scale: Float32,
    zero_point: int,
    output: Float32,
    output_zero_point: int,
    count: int,
    divisor: int,
) -> tuple[Float32, Float32]:
    """Factor and addend of fl32(fl32(Σ x * factor) + addend): XNNPACK's mean, and sum.

    factor = fl32(fl32(s / s_out) * fl32(1 / divisor)); addend = fl32(z_out - fl32(n * z * factor))
    over n elements.
    """
    reciprocal = float32.divide(_ONE, float32.from_integer(divisor))
    factor = float32.multiply(float32.divide(scale, output), reciprocal)
    offset = float32.multiply(float32.from_integer(count * zero_point), factor)
    return factor, float32.subtract(float32.from_integer(output_zero_point), offset)


def float32_raw_sum(
    scale: Float32, zero_point: int, output: Float32, count: int
) -> Float32MultiplyAdd:
    """TFLite's optimized SUM of ``count`` raw codes, without the result's zero point."""
    factor = float32.divide(scale, output)
    each = float32.multiply(float32.from_integer(-zero_point), factor)
    addend = float32.multiply(each, float32.from_integer(count))
    return Float32MultiplyAdd(factor, addend, Rounding.HALF_AWAY_FROM_ZERO)


def float32_raw_rescale(scale: Float32, zero_point: int, output: Float32) -> Float32MultiplyAdd:
    """TFLite's CONCATENATION of raw uint8 codes, without the result's zero point."""
    factor = float32.multiply(scale, float32.divide(_ONE, output))
    addend = float32.multiply(float32.from_integer(-zero_point), factor)
    return Float32MultiplyAdd(factor, addend, Rounding.HALF_AWAY_FROM_ZERO)


def fixed_point_mean(scale: Float32, output: Float32, count: int) -> DoubleRounding:
    """TFLite MEAN: ((Q << k) // n, s - k) with k = min(floor(log2(n)), 32, 31 + s).

    (Q, s) is the quantized multiplier of s_in / s_out.
    """
    ratio = multipliers.double_ratio(scale, output)
    multiplier, shift = multipliers.quantize_multiplier(ratio.value)
    extra = min(count.bit_length() - 1, 32, 31 + shift)
    divided = (multiplier << extra) // count
    return DoubleRounding(divided, shift - extra, Rounding.HALF_AWAY_FROM_ZERO)


def joined_zero_point_mean(
    scale: Float32, zero_point: int, output: Float32, output_zero_point: int, count: int
) -> tuple[DoubleRounding, int]:
    """TFLite's optimized MEAN: the scaling of the raw sum, and what is added to its result.

    The multiplier is that of fl32(s / fl32(n * s_out)); z_out - away(fl32(fl32(z * s) / s_out)) is
    added, where away adds or subtracts 1/2 in float32 and cuts the fraction off.
    """
    factor = float32_mean_factor(scale, output, count)
    multiplier, shift = multipliers.quantize_multiplier(factor.value)
    real = float32.divide(float32.multiply(float32.from_integer(zero_point), scale), output)
    half = Float32.from_value(0.5 if real.value > 0 else -0.5)
    moved = float32.round_to_integer(float32.add(real, half), Rounding.TOWARD_ZERO)
    return (
        DoubleRounding(multiplier, shift, Rounding.HALF_AWAY_FROM_ZERO),
        output_zero_point - moved,
    )


def exponent_scaling(scale: float) -> tuple[int, int, int]:
    """TFLite's ``(multiplier, left shift)`` of an exponent in Q5.26, and the least code it takes.

    Source: TFLite ``PreprocessSoftmaxScaling`` and ``CalculateInputRadius``.
    """
    fraction_bits = 31 - _EXPONENT_BITS
    limit = float((1 << 31) - 1)
    wanted = min(scale * float(1 << fraction_bits), limit)
    multiplier, left_shift = multipliers.quantize_multiplier(wanted)
    radius = Fraction(((1 << _EXPONENT_BITS) - 1) << fraction_bits)
    minimum = -round_fraction(radius / Fraction(2) ** left_shift, Rounding.FLOOR)
    return multiplier, left_shift, minimum
