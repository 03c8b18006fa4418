# SPDX-License-Identifier: Apache-2.0
"""How a machine derives a requantizer from float32 scales: which product, then which scheme."""

from dataclasses import dataclass
from enum import Enum

from intaglio.errors import InvalidOption
from intaglio.numerics.profile.ranges import require_within
from intaglio.numerics.profile.stages_scheme import StagesScheme
from intaglio.numerics.rounding import Rounding


class ScaleProduct(Enum):
    """In which arithmetic the real multiplier s1 * s2 / s_out is formed; the last bit differs."""

    EXACT = "exact"
    """The rational number."""
    DOUBLE = "double"
    """fl64(fl64(s1 * s2) / s_out): TFLite convolutions, MUL and QUANTIZE."""
    FLOAT32_PRODUCT = "float32-product"
    """fl64(fl32(s1 * s2) / s_out): TFLite per-tensor FULLY_CONNECTED and BATCH_MATMUL."""
    FLOAT32 = "float32"
    """fl32(fl32(s1 * s2) / s_out): XNNPACK and ONNX Runtime."""


@dataclass(frozen=True, slots=True)
class MultiplyShiftScheme:
    """A normalised multiplier of ``multiplier_bits`` bits, one shift, one rounding."""

    multiplier_bits: int
    rounding: Rounding

    def __post_init__(self) -> None:
        """Refuse numbers that no machine has."""
        require_within("multiplier_bits", self.multiplier_bits, 1, 62)


@dataclass(frozen=True, slots=True)
class DoubleRoundingScheme:
    """gemmlowp: 31-bit multiplier, doubling high multiply, then a rounding shift with ``ties``."""

    ties: Rounding


@dataclass(frozen=True, slots=True)
class Int16MultiplierScheme:
    """TFLite int16x8: the 31-bit multiplier reduced to 16 bits, 64-bit product, half up."""


@dataclass(frozen=True, slots=True)
class Float32Scheme:
    """One float32 multiplication, then half to even."""


@dataclass(frozen=True, slots=True)
class Float64Scheme:
    """One float64 multiplication, then half away from zero."""


@dataclass(frozen=True, slots=True)
class RationalScheme:
    """The exact real multiplier, rounded once."""

    rounding: Rounding


@dataclass(frozen=True, slots=True)
class RndnuScheme:
    """XNNPACK rndnu: the float32's own 24-bit mantissa as multiplier, half up."""


@dataclass(frozen=True, slots=True)
class FractionScheme:
    """multiplier = half_even(m * 2**fraction_bits), then a shift by ``fraction_bits``, half up."""

    fraction_bits: int

    def __post_init__(self) -> None:
        """Refuse numbers that no machine has."""
        require_within("fraction_bits", self.fraction_bits, 0, 30)


@dataclass(frozen=True, slots=True)
class PowerOfTwoScheme:
    """A shift alone; the real multiplier has to be a power of two."""

    rounding: Rounding


@dataclass(frozen=True, slots=True)
class MultiplyAddShiftScheme:
    """(x * multiplier + addend) >> shift; the sum wraps at ``sum_bits`` (0: it can't).

    ``half_in_sum`` makes half of ``2**shift`` the addend, inside the word (Deeploy); the rounding
    is ``floor`` then.  ``shared_shift`` gives all channels of a convolution or matrix product the
    least of their shifts.  ``shift`` is the only one that the machine does, where it isn't free.
    """

    multiplier_bits: int
    rounding: Rounding
    sum_bits: int
    half_in_sum: bool = False
    shared_shift: bool = False
    shift: int | None = None

    def __post_init__(self) -> None:
        """Refuse numbers that no machine has."""
        require_within("multiplier_bits", self.multiplier_bits, 1, 62)
        require_within("sum_bits", self.sum_bits, 0, 64)
        if self.shift is not None:
            require_within("shift", self.shift, 0, 62)
        if self.half_in_sum and self.rounding is not Rounding.FLOOR:
            raise InvalidOption(
                "rounding", self.rounding.value, "rounds what the half has rounded", "give floor"
            )


@dataclass(frozen=True, slots=True)
class NemoScheme:
    """NEMO: floor(x * ratio / D), ratio = half_even(D * m), D the least power of two of its size.

    ``D * m >= factor``, a power of two; and ``D <= 2**(word_bits - bits of the result)``, unless
    ``word_bits`` is 0.
    """

    factor: int
    word_bits: int = 0

    def __post_init__(self) -> None:
        """Refuse numbers that no machine has."""
        require_within("factor", self.factor, 1, 1 << 30)
        require_within("word_bits", self.word_bits, 0, 64)


@dataclass(frozen=True, slots=True)
class ThresholdsScheme:
    """FINN: a code is the number of thresholds that the accumulator has reached.

    The k-th threshold is the least accumulator whose exact product rounds to the k-th code or
    more.  Results have at most 8 bits.
    """

    rounding: Rounding


class CastOverflow(Enum):
    """What becomes of a value that a fixed-point type can't hold: the overflow modes of ap_fixed.

    AP_WRAP, AP_SAT, AP_SAT_SYM and AP_SAT_ZERO.
    """

    WRAP = "wrap"
    """Its low bits."""
    SATURATE = "saturate"
    """The nearest value."""
    SATURATE_SYMMETRIC = "saturate-symmetric"
    """The nearest value, of signed types without the least one."""
    ZERO = "zero"
    """0."""


@dataclass(frozen=True, slots=True)
class FixedPointCastScheme:
    """ap_fixed: a shift with ``rounding``, then ``overflow``; the multiplier is a power of two.

    An activation's bounds clamp behind it.
    """

    rounding: Rounding
    overflow: CastOverflow


@dataclass(frozen=True, slots=True)
class TosaScheme:
    """TOSA apply_scale_32 with a 31-bit multiplier."""

    double_round: bool


Scheme = (
    MultiplyShiftScheme
    | DoubleRoundingScheme
    | Int16MultiplierScheme
    | Float32Scheme
    | Float64Scheme
    | RationalScheme
    | RndnuScheme
    | FractionScheme
    | PowerOfTwoScheme
    | MultiplyAddShiftScheme
    | NemoScheme
    | ThresholdsScheme
    | FixedPointCastScheme
    | TosaScheme
    | StagesScheme
)


@dataclass(frozen=True, slots=True)
class Rescale:
    """How a real multiplier becomes a requantizer.

    Attributes:
        product: the arithmetic that forms the real multiplier.
        scheme: the arithmetic that applies it.
    """

    product: ScaleProduct
    scheme: Scheme


@dataclass(frozen=True, slots=True)
class Lanes:
    """A kernel whose vectors of channels and whose last few channels differ in arithmetic.

    Attributes:
        count: channels in a vector.
        remainder: how the channels behind the last whole vector are rescaled.
    """

    count: int
    remainder: Scheme

    def __post_init__(self) -> None:
        """Refuse numbers that no machine has."""
        require_within("count", self.count, 1, 1024)

    def scheme_of(self, channel: int, channels: int, whole: Scheme) -> Scheme:
        """The scheme of one of ``channels``; that of whole vectors is ``whole``."""
        return whole if channel < channels - channels % self.count else self.remainder
