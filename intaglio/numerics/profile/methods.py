# SPDX-License-Identifier: Apache-2.0
"""How a machine does what is more than one requantizer: sums of two, means, tables, softmax."""

from dataclasses import dataclass
from enum import Enum

from intaglio.numerics.profile.ranges import require_within
from intaglio.numerics.profile.schemes import Lanes, Rescale, ScaleProduct, Scheme
from intaglio.numerics.profile.table_method import TableMethod
from intaglio.numerics.rounding import Rounding


class OperandShift(Enum):
    """What TFLite's ADD does with the exponent of an operand's multiplier, of 1/2 or less."""

    ROUND = "round"
    """A rounding shift behind the multiplication, as the scheme says."""
    FLOOR = "floor"
    """A shift behind the multiplication that rounds down: optimized uint8 kernels."""
    JOIN = "join"
    """Taken off the left shift before the multiplication, so that it rounds once: int8, int16."""


@dataclass(frozen=True, slots=True)
class RescaledSumMethod:
    """TFLite ADD and SUB: both operands scaled to twice the larger scale, summed, scaled again.

    ``operand_scheme`` scales the operands where that is another arithmetic than the result's.
    """

    left_shift: int
    scheme: Scheme
    operand_shift: OperandShift = OperandShift.ROUND
    operand_scheme: Scheme | None = None

    def __post_init__(self) -> None:
        """Refuse numbers that no machine has."""
        require_within("left_shift", self.left_shift, 0, 32)


@dataclass(frozen=True, slots=True)
class RatioLimits:
    """Beyond these a machine leaves the integers, and a sum is refused.

    Both ratios lie from 2**``least_exponent`` up to below 2**``exponent_above``, the shift is
    ``largest_shift`` at most, and no multiplier rounds up to a bit more.
    """

    least_exponent: int
    exponent_above: int
    largest_shift: int

    def __post_init__(self) -> None:
        """Refuse numbers that no machine has."""
        require_within("least_exponent", self.least_exponent, -126, 127)
        require_within("exponent_above", self.exponent_above, self.least_exponent + 1, 128)
        require_within("largest_shift", self.largest_shift, 0, 62)


@dataclass(frozen=True, slots=True)
class SharedShiftMethod:
    """Integer multipliers at one shared shift, one rounding.

    The larger ratio to the output scale gets ``multiplier_bits`` bits.  ``float32_ratios`` forms
    the ratios in float32 (XNNPACK, ONNX Runtime on ARM), else they are exact.  ``smaller_ratio``
    gives the bits to the smaller one, and the larger one as many more as it takes (NEMO).
    """

    multiplier_bits: int
    rounding: Rounding
    float32_ratios: bool
    limits: RatioLimits | None = None
    smaller_ratio: bool = False

    def __post_init__(self) -> None:
        """Refuse numbers that no machine has."""
        require_within("multiplier_bits", self.multiplier_bits, 2, 48)


@dataclass(frozen=True, slots=True)
class FusedMultiplyAddMethod:
    """ONNX Runtime QLinearAdd on x86: two fused multiply-adds, zero point inside the rounding.

    The inner one takes the second operand; or the first, where that is one code for each run of
    codes of the second: where its extent is 1 along the last axis that isn't 1 in both.
    """


@dataclass(frozen=True, slots=True)
class DequantizedMethod:
    """Dequantize, one float32 operation, quantize as at the border; each step rounds to float32."""


@dataclass(frozen=True, slots=True)
class SaturatingSumMethod:
    """TFLite's LSTM: operands in the result's scale are added as they stand, then saturated.

    ``saturate_operands`` saturates a wider operand first (TFLite Micro).
    """

    saturate_operands: bool


@dataclass(frozen=True, slots=True)
class OperandRescaleMethod:
    """Each operand is rescaled to the output's scale first, then combined in integers.

    ``saturate_operands`` saturates each to the codes of the result, without its zero point, before
    they are added or subtracted (Gemmini); minima and maxima are of codes anyway.
    """

    rescale: Rescale
    saturate_operands: bool = False


@dataclass(frozen=True, slots=True)
class ProductMethod:
    """(x1 - z1) * (x2 - z2), then a requantizer; ``zero_point_inside`` adds z before the rounding.

    The zero point inside is one float32 addition and exists with the float32 scheme alone.
    """

    rescale: Rescale
    zero_point_inside: bool = False


@dataclass(frozen=True, slots=True)
class SquaredDifferenceMethod:
    """TFLite SQUARED_DIFFERENCE: operands in twice the larger scale, subtracted, squared, scaled.

    Both are shifted left by ``left_shift`` before; three scalings, each with its own rounding.
    """

    left_shift: int
    scheme: Scheme

    def __post_init__(self) -> None:
        """Refuse numbers that no machine has."""
        require_within("left_shift", self.left_shift, 0, 16)


PairMethod = (
    RescaledSumMethod
    | SharedShiftMethod
    | FusedMultiplyAddMethod
    | DequantizedMethod
    | SaturatingSumMethod
    | OperandRescaleMethod
    | ProductMethod
    | SquaredDifferenceMethod
)


@dataclass(frozen=True, slots=True)
class RescaledMean:
    """The sum without zero point, then one requantizer for s_in / (s_out * n)."""

    rescale: Rescale


@dataclass(frozen=True, slots=True)
class RawCodeMean:
    """TFLite AVERAGE_POOL_2D: the raw codes' sum (zero point included) over n, rounded."""

    rounding: Rounding


@dataclass(frozen=True, slots=True)
class ReciprocalMean:
    """TOSA AVG_POOL2D: the sum without zero point times a 31-bit reciprocal, rounded half up."""


@dataclass(frozen=True, slots=True)
class PlaneReciprocalMean:
    """NVDLA's PDP: the sum times 1 / width, then times 1 / height, each rounded.

    Both reciprocals have ``fraction_bits``, rounded down.  A window that padding
    cuts, for which the machine has no registers, is multiplied by one reciprocal of its count.
    """

    fraction_bits: int
    rounding: Rounding

    def __post_init__(self) -> None:
        """Refuse numbers that no machine has."""
        require_within("fraction_bits", self.fraction_bits, 1, 30)


@dataclass(frozen=True, slots=True)
class FixedPointMean:
    """TFLite MEAN: the 31-bit multiplier of s_in / s_out divided by n as an integer."""


@dataclass(frozen=True, slots=True)
class JoinedZeroPointMean:
    """TFLite's optimized MEAN over planes: raw codes, the zero points joined into one.

    The multiplier is that of the float32 s_in / (n * s_out); the operand's zero point is rounded
    in the result's scale.  ``ties`` are those of the double rounding.
    """

    ties: Rounding
    lanes: Lanes | None = None


@dataclass(frozen=True, slots=True)
class Float32Mean:
    """ONNX Runtime QLinearGlobalAveragePool: float32 factor fl32(s_in / fl32(s_out * n))."""


@dataclass(frozen=True, slots=True)
class Float32MeanZeroPointInside:
    """XNNPACK mean: fl32(fl32(sum * f) + z), f = fl32(fl32(s_in / s_out) * fl32(1 / n))."""


@dataclass(frozen=True, slots=True)
class Float32RawSum:
    """TFLite's optimized SUM: half_away(fl32(fl32(fl32(Σ q) * f) + b)) + z_out, raw codes.

    f = fl32(s_in / s_out), b = fl32(fl32(-z_in * f) * n).
    """


@dataclass(frozen=True, slots=True)
class Float32PoolMean:
    """ONNX Runtime QLinearAveragePool: float32 average, zero point inside the rounding.

    A window that is the whole plane, without padding, is averaged as by ``Float32Mean``.
    """


MeanMethod = (
    RescaledMean
    | RawCodeMean
    | ReciprocalMean
    | PlaneReciprocalMean
    | FixedPointMean
    | JoinedZeroPointMean
    | Float32Mean
    | Float32MeanZeroPointInside
    | Float32RawSum
    | Float32PoolMean
)


@dataclass(frozen=True, slots=True)
class ExactTable:
    """The real function of the real operand over s_out, rounded once."""

    rounding: Rounding


@dataclass(frozen=True, slots=True)
class Float32Table:
    """fl32 of the function of the float32 operand, quantized in float32.

    ``reciprocal`` multiplies by fl32(1 / s_out) where the plain form divides; ``zero_point_inside``
    adds the zero point in float32 before the rounding.
    """

    rounding: Rounding
    reciprocal: bool
    zero_point_inside: bool


@dataclass(frozen=True, slots=True)
class FixedPointTable:
    """TFLite's integer formulas for LEAKY_RELU, PRELU, HARD_SWISH and RSQRT.

    ``product`` forms the multipliers of the two rectifiers and of RSQRT: LiteRT in float32, TFLite
    Micro in double.  A negative slope of LEAKY_RELU is a multiplier like any other, or the result
    of the positive one is negated (``negates``): halves go the other way.
    """

    product: ScaleProduct = ScaleProduct.FLOAT32
    negates: bool = True


@dataclass(frozen=True, slots=True)
class SlopeTable:
    """A piecewise linear function: each branch's slope as a requantizer of its own."""

    rescale: Rescale


@dataclass(frozen=True, slots=True)
class InterpolatedTable:
    """TFLite's 16-bit functions: 513 samples in float32, interpolated in integers."""


@dataclass(frozen=True, slots=True)
class SigmoidTableMethod:
    """TFLite's 16-bit LOGISTIC and TANH: 256 samples of sigmoid, interpolated in integers.

    ``other_powers_of_two``: scales of 2**-12 (TANH: 2**-11 too) need no table, but a fixed-point
    formula (LiteRT's optimized kernels).
    """

    other_powers_of_two: bool = False


UnaryMethod = (
    ExactTable
    | Float32Table
    | FixedPointTable
    | SlopeTable
    | InterpolatedTable
    | SigmoidTableMethod
    | TableMethod
)


@dataclass(frozen=True, slots=True)
class Float32Rescale:
    """Dequantize to float32, quantize as at the border, but half to even."""


@dataclass(frozen=True, slots=True)
class Float32RawRescale:
    """TFLite's CONCATENATION of uint8: half_away(fl32(fl32(q * f) + b)) + z_out.

    f = fl32(s_in * fl32(1 / s_out)), b = fl32(-z_in * f).
    """


@dataclass(frozen=True, slots=True)
class FixedPointSoftmaxMethod:
    """gemmlowp fixed point exponential and reciprocal (TFLite reference, TFLM)."""


@dataclass(frozen=True, slots=True)
class IntegerTableSoftmaxMethod:
    """A table of exp with ``fraction_bits`` fractional bits and one exact division."""

    fraction_bits: int
    rounding: Rounding

    def __post_init__(self) -> None:
        """Refuse numbers that no machine has."""
        require_within("fraction_bits", self.fraction_bits, 1, 40)


@dataclass(frozen=True, slots=True)
class Float32TableSoftmaxMethod:
    """A float32 table of exp, float32 sum, division and rounding.

    ``reciprocal_output_scale`` multiplies e by floor(1 / s_out) before the division (ONNX Runtime);
    else the sum is multiplied by s_out (TFLite optimized).
    """

    rounding: Rounding
    reciprocal_output_scale: bool


@dataclass(frozen=True, slots=True)
class InterpolatedSoftmaxMethod:
    """TFLite's softmax of 16-bit codes: interpolated tables of exp and of 1 / (1 + x).

    ``product`` forms s beta: LiteRT in float32, TFLite Micro in double.  The tables are computed in
    float64 by LiteRT, in float32 by TFLite Micro.
    """

    product: ScaleProduct
    float64_tables: bool


@dataclass(frozen=True, slots=True)
class FixedPointL2NormalizationMethod:
    """TFLite's L2_NORMALIZATION: an inverse square root in fixed point, 1/128 as unit.

    ``shift_first``: a code is multiplied by 128 before (uint8), else its scaling is shifted by 7
    bits less (int8).
    """

    shift_first: bool


@dataclass(frozen=True, slots=True)
class FixedPointLogSoftmaxMethod:
    """gemmlowp fixed point exponential and logarithm, 1/16 as unit (TFLite reference, TFLM)."""


SoftmaxMethod = (
    FixedPointSoftmaxMethod
    | IntegerTableSoftmaxMethod
    | Float32TableSoftmaxMethod
    | InterpolatedSoftmaxMethod
    | FixedPointL2NormalizationMethod
    | FixedPointLogSoftmaxMethod
)
