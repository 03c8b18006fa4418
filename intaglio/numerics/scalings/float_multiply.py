# SPDX-License-Identifier: Apache-2.0
"""Requantizers that multiply in IEEE-754 floating point.

Accumulators are first rounded to the format, half to even, as every machine converts.
"""

from dataclasses import dataclass

from intaglio.errors import InvalidOption
from intaglio.numerics import float32
from intaglio.numerics.float32 import BINARY32, Float32
from intaglio.numerics.float64 import BINARY64, Float64
from intaglio.numerics.intervals import Interval
from intaglio.numerics.rounding import Rounding


@dataclass(frozen=True, slots=True)
class Float32Multiply:
    """``y = half_even(fl32(fl32(x) * factor))``.

    XNNPACK (x86, and per-channel kernels everywhere) and ONNX Runtime's MLAS.  They clamp in float
    before they round; clamping to integers after rounding gives the same.
    """

    factor: Float32

    def apply(self, x: int) -> int:
        """Scale one accumulator; raises ``InvalidData`` where float32 overflows."""
        product = float32.multiply(Float32.from_integer(x), self.factor)
        return float32.round_to_integer(product, Rounding.HALF_EVEN)

    def product_bits(self, accumulator: Interval) -> int:
        """The exact product of two significands, 48 bits, whatever the accumulator."""
        return 2 * BINARY32.precision

    @property
    def monotone_domain(self) -> Interval | None:
        """All integers whose product is finite: each of the three roundings is monotone."""
        return None

    @property
    def direction(self) -> int:
        """The factor's sign."""
        return -1 if self.factor.negative else 1


@dataclass(frozen=True, slots=True)
class Float32MultiplyAdd:
    """``y = round(fl32(fl32(fl32(x) * factor) + addend))``.

    The zero point is added before the rounding, so an odd one flips the parity of ties: ONNX
    Runtime's QLinearMul, XNNPACK's mean.  Not fused: product and sum round apart.  ``rounding`` is
    ``HALF_EVEN`` or, in C's ``round`` (LiteRT's optimized sum), ``HALF_AWAY_FROM_ZERO``.

    Raises:
        InvalidOption: ``rounding`` is another mode.
    """

    factor: Float32
    addend: Float32
    rounding: Rounding = Rounding.HALF_EVEN

    def __post_init__(self) -> None:
        """Refuse what no machine does."""
        if self.rounding not in (Rounding.HALF_EVEN, Rounding.HALF_AWAY_FROM_ZERO):
            raise InvalidOption(
                "Float32MultiplyAdd rounding",
                self.rounding.value,
                "is no known machine's",
                "choose half-even or half-away-from-zero",
            )

    def apply(self, x: int) -> int:
        """Scale one accumulator; raises ``InvalidData`` where float32 overflows."""
        product = float32.multiply(Float32.from_integer(x), self.factor)
        total = float32.add(product, self.addend)
        return float32.round_to_integer(total, self.rounding)

    def product_bits(self, accumulator: Interval) -> int:
        """The exact product of two significands, 48 bits, whatever the accumulator."""
        return 2 * BINARY32.precision

    @property
    def monotone_domain(self) -> Interval | None:
        """All integers whose product and sum are finite."""
        return None

    @property
    def direction(self) -> int:
        """The factor's sign."""
        return -1 if self.factor.negative else 1


@dataclass(frozen=True, slots=True)
class Float64Multiply:
    """``y = half_away_from_zero(fl64(fl64(x) * factor))``: C's ``round`` of a double product.

    LiteRT's reference fully connected kernels from version 1.3 on.
    """

    factor: Float64

    def apply(self, x: int) -> int:
        """Scale one accumulator; raises ``InvalidData`` where float64 overflows."""
        product = float32.multiply(Float64.from_integer(x), self.factor)
        return float32.round_to_integer(product, Rounding.HALF_AWAY_FROM_ZERO)

    def product_bits(self, accumulator: Interval) -> int:
        """The exact product of two significands, 106 bits, whatever the accumulator."""
        return 2 * BINARY64.precision

    @property
    def monotone_domain(self) -> Interval | None:
        """All integers whose product is finite."""
        return None

    @property
    def direction(self) -> int:
        """The factor's sign."""
        return -1 if self.factor.negative else 1
