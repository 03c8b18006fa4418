# SPDX-License-Identifier: Apache-2.0
"""From real scales to multipliers: each runtime has its own way, and the last bit depends on it.

``s_in``, ``s_w`` and ``s_out`` are a layer's float32 scales; the real multiplier of its accumulator
is ``s_in * s_w / s_out``.  The first half of this module forms that number as one runtime or
another does; the second half turns it into the parameters of a scaling.
"""

import math
from enum import Enum
from fractions import Fraction
from typing import assert_never

from intaglio.errors import InvalidOption
from intaglio.numerics import float32
from intaglio.numerics.float32 import Float32
from intaglio.numerics.float64 import Float64
from intaglio.numerics.integers import IntType
from intaglio.numerics.rounding import Rounding, round_fraction
from intaglio.numerics.scalings import (
    MultiplyAddShift,
    MultiplyShift,
    RationalMultiply,
    Shift,
    TosaScale,
)


def exact_multiplier(s_in: Float32, s_w: Float32, s_out: Float32) -> Fraction:
    """``s_in * s_w / s_out`` as the exact rational of the float32 factors."""
    _require_output_scale(s_out)
    return s_in.fraction * s_w.fraction / s_out.fraction


def double_multiplier(s_in: Float32, s_w: Float32, s_out: Float32) -> Float64:
    """``fl64(fl64(s_in * s_w) / s_out)``: TFLite's convolutions and per-channel fully connected.

    The product of two float32 is exact in double.
    """
    _require_output_scale(s_out)
    return Float64.from_value(s_in.value * s_w.value / s_out.value)


def float_product_multiplier(s_in: Float32, s_w: Float32, s_out: Float32) -> Float64:
    """``fl64(fl32(s_in * s_w) / s_out)``: TFLite's per-tensor fully connected and batch matmul."""
    _require_output_scale(s_out)
    return Float64.from_value(float32.multiply(s_in, s_w).value / s_out.value)


def double_ratio(s_in: Float32, s_out: Float32) -> Float64:
    """``fl64(s_in / s_out)``: TFLite's requantizing QUANTIZE."""
    _require_output_scale(s_out)
    return Float64.from_value(s_in.value / s_out.value)


def float_multiplier(s_in: Float32, s_w: Float32, s_out: Float32) -> Float32:
    """``fl32(fl32(s_in * s_w) / s_out)``: XNNPACK and ONNX Runtime."""
    return float32.divide(float32.multiply(s_in, s_w), s_out)


def quantize_multiplier(real: float, single_rounding: bool = False) -> tuple[int, int]:
    """A double as ``(Q, s)``, ``real ~ Q * 2**(s-31)`` with ``2**30 <= |Q| < 2**31``.

    ``Q`` rounds half away from zero; below ``2**-32`` the result is ``(0, 0)``.
    ``single_rounding`` is TFLite's build of that name: from ``2**30`` on it saturates.
    Source: TFLite ``QuantizeMultiplier``.

    >>> quantize_multiplier(0.75), quantize_multiplier(1.0), quantize_multiplier(2.0**-33)
    ((1610612736, 0), (1073741824, 1), (0, 0))

    Raises:
        InvalidOption: ``real`` is NaN or infinite.
    """
    if not math.isfinite(real):
        raise InvalidOption("real multiplier", real, "is not finite", "check the scales")
    if real == 0.0:
        return 0, 0
    significand, exponent = math.frexp(real)
    multiplier = round_fraction(Fraction(significand) * 2**31, Rounding.HALF_AWAY_FROM_ZERO)
    if abs(multiplier) == 1 << 31:
        multiplier, exponent = multiplier // 2, exponent + 1
    if exponent < -31:
        return 0, 0
    if single_rounding and exponent > 30:
        return (1 << 31) - 1, 30
    return multiplier, exponent


def single_rounding(real: float) -> MultiplyShift:
    """The scaling of TFLite's single-rounding build for a double multiplier.

    ``MultiplyShift(Q, 31 - s, half toward plus infinity)`` with ``(Q, s)`` from
    ``quantize_multiplier``.
    """
    multiplier, shift = quantize_multiplier(real, single_rounding=True)
    return MultiplyShift(multiplier, 31 - shift, Rounding.HALF_TOWARD_POSITIVE)


def rndnu(factor: Float32) -> MultiplyShift:
    """XNNPACK's "round to nearest, up": the float's own significand and exponent, exactly.

    ``MultiplyShift(M, S, half toward plus infinity)`` with ``factor == M / 2**S``; ``M`` has 24
    bits (fewer when subnormal; more from ``2**24`` on, where no shift is left).
    """
    negative, magnitude, exponent = factor.dyadic
    magnitude <<= max(exponent, 0)
    return MultiplyShift(
        -magnitude if negative else magnitude, max(-exponent, 0), Rounding.HALF_TOWARD_POSITIVE
    )


def rational(scale: Fraction, rounding: Rounding = Rounding.HALF_EVEN) -> RationalMultiply:
    """The exact scale, in lowest terms."""
    return RationalMultiply(scale.numerator, scale.denominator, rounding)


def nearest_multiply_shift(
    scale: Fraction,
    bits: int = 31,
    rounding: Rounding = Rounding.HALF_TOWARD_POSITIVE,
    maximum_shift: int = 62,
) -> MultiplyShift:
    """The normalised multiplier of ``bits`` bits nearest to ``scale``; halves away from zero.

    ``2**(bits-1) <= |multiplier| < 2**bits``; fewer bits are used where the shift would exceed
    ``maximum_shift``.  The defaults are those of our ``single-rounding`` profile: any 32-bit
    accumulator's product with its half fits 64 bits.

    >>> nearest_multiply_shift(Fraction(1, 3), bits=8)
    MultiplyShift(multiplier=171, shift=9, rounding=<Rounding.HALF_TOWARD_POSITIVE: \
'half-toward-positive'>)

    Raises:
        InvalidOption: ``bits`` is below 1, or the scale is ``2**bits`` or more.
    """
    if bits < 1:
        raise InvalidOption("multiplier bits", bits, "is not positive", "give 1 or more")
    if scale == 0:
        return MultiplyShift(0, 0, rounding)
    shift = min(bits - 1 - _floor_log2(abs(scale)), maximum_shift)
    multiplier = _rounded_away(scale, shift)
    if abs(multiplier) == 1 << bits:
        shift -= 1
        multiplier //= 2
    if shift < 0:
        raise InvalidOption(
            "scale", scale, f"needs more than {bits} bits", "use more bits or other scales"
        )
    return MultiplyShift(multiplier, shift, rounding)


def tosa_scale(scale: Fraction, double_round: bool) -> TosaScale:
    """The 31-bit multiplier and shift of a TOSA RESCALE; halves away from zero.

    Scales below ``2**-31`` lose low bits, as the shift ends at 62.

    Raises:
        InvalidOption: the scale is negative, or ``2**29`` or more.
    """
    if scale < 0:
        raise InvalidOption("TOSA scale", scale, "is negative", "TOSA multiplies by scales >= 0")
    if scale == 0:
        return TosaScale(0, 62, double_round)
    nearest = nearest_multiply_shift(scale, bits=31, maximum_shift=1 << 20)
    excess = max(nearest.shift - 62, 0)
    return TosaScale(nearest.multiplier >> excess, nearest.shift - excess, double_round)


def tosa_reciprocal(count: int) -> TosaScale:
    """1 / count as AVG_POOL2D multiplies by it: TOSA 1.0, ``reciprocal_scale``.

    k = bits of (count - 1); multiplier = ((2**30 + 1) << k) // count, shift = 30 + k.

    >>> tosa_reciprocal(3)
    TosaScale(multiplier=1431655766, shift=32, double_round=False)

    Raises:
        InvalidOption: the count isn't positive.
    """
    if count < 1:
        raise InvalidOption("count", count, "is not positive", "average one element or more")
    k = (count - 1).bit_length()
    return TosaScale((((1 << 30) + 1) << k) // count, 30 + k, double_round=False)


class PowerOfTwo(Enum):
    """Which power of two stands for a scale."""

    NEAREST = "nearest"
    """Nearest in ratio: the error factor is at most the square root of two."""
    CEIL = "ceil"
    """The smallest that isn't below the scale."""
    EXACT = "exact"
    """The scale itself, which must be one."""


def power_of_two_shift(scale: Fraction, rounding: Rounding, choice: PowerOfTwo) -> Shift:
    """The shift for a scale: ``2**-shift`` is the power of two that ``choice`` names.

    Raises:
        InvalidOption: the scale isn't positive; or must be a power of two and isn't.
    """
    if scale <= 0:
        raise InvalidOption("scale", scale, "is not positive", "give a scale above 0")
    floor = _floor_log2(scale)
    rest = scale / Fraction(2) ** floor
    match choice:
        case PowerOfTwo.NEAREST:
            return Shift(-floor - (rest * rest > 2), rounding)
        case PowerOfTwo.CEIL:
            return Shift(-floor - (rest > 1), rounding)
        case PowerOfTwo.EXACT:
            if rest != 1:
                raise InvalidOption(
                    "scale",
                    scale,
                    "is not a power of two",
                    "quantize with power-of-two scales (intaglio quantize --power-of-two)",
                )
            return Shift(-floor, rounding)
        case _:
            assert_never(choice)


def dory(
    scale: Fraction, offset: Fraction, multiplier_bits: int, maximum_shift: int, sum_type: IntType
) -> MultiplyAddShift:
    """DORY's integer batch normalisation: ``(x * k + l) >> d``, floor.

    ``d`` is the largest shift at which ``k`` keeps within ``multiplier_bits`` of magnitude;
    ``k`` and ``l`` are ``scale * 2**d`` and ``offset * 2**d``, halves away from zero.

    Raises:
        InvalidOption: the scale doesn't fit the multiplier.
    """
    nearest = nearest_multiply_shift(scale, multiplier_bits, Rounding.FLOOR, maximum_shift)
    addend = _rounded_away(offset, nearest.shift)
    return MultiplyAddShift(nearest.multiplier, addend, nearest.shift, Rounding.FLOOR, sum_type)


def nemo(
    scale: Fraction, requantization_factor: int, maximum_shift: int | None = None
) -> MultiplyShift:
    """NEMO: ``D = 2**ceil(log2(factor / scale))``, ``round(D * scale)`` half even, floor shift.

    ``D`` is at most ``2**maximum_shift`` where that is given.

    Raises:
        InvalidOption: the scale isn't positive, or above the factor.
    """
    if scale <= 0:
        raise InvalidOption("scale", scale, "is not positive", "give a scale above 0")
    ratio = requantization_factor / scale
    shift = _floor_log2(ratio) + (ratio != Fraction(2) ** _floor_log2(ratio))
    if shift < 0:
        raise InvalidOption(
            "scale", scale, "is above the requantization factor", "use a larger factor"
        )
    if maximum_shift is not None:
        shift = min(shift, maximum_shift)
    return MultiplyShift(
        round_fraction(scale * 2**shift, Rounding.HALF_EVEN), shift, Rounding.FLOOR
    )


def _rounded_away(value: Fraction, shift: int) -> int:
    return round_fraction(value * Fraction(2) ** shift, Rounding.HALF_AWAY_FROM_ZERO)


def _floor_log2(value: Fraction) -> int:
    """The largest ``e`` with ``2**e <= value``, for a positive value."""
    exponent = value.numerator.bit_length() - value.denominator.bit_length()
    return exponent if Fraction(2) ** exponent <= value else exponent - 1


def _require_output_scale(s_out: Float32) -> None:
    if s_out.value == 0.0:
        raise InvalidOption("output scale", s_out, "is zero", "quantize the model again")
