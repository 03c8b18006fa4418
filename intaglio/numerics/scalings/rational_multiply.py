# SPDX-License-Identifier: Apache-2.0
"""The exact real scale, rounded once: what the other requantizers approximate."""

from dataclasses import dataclass

from intaglio.errors import InvalidOption
from intaglio.numerics.intervals import Interval
from intaglio.numerics.rounding import Rounding, divide
from intaglio.numerics.scalings.primitives import sign_of


@dataclass(frozen=True, slots=True)
class RationalMultiply:
    """``y = round(x * numerator / denominator)``.

    The reading of ONNX's operators in real numbers (half to even) and averages over a count of
    elements (``1 / n``; half away from zero in TFLite).

    Raises:
        InvalidOption: the denominator isn't positive.
    """

    numerator: int
    denominator: int
    rounding: Rounding

    def __post_init__(self) -> None:
        """Keep the sign in the numerator."""
        if self.denominator < 1:
            raise InvalidOption(
                "RationalMultiply denominator",
                self.denominator,
                "is not positive",
                "put the sign into the numerator",
            )

    def apply(self, x: int) -> int:
        """Scale one accumulator; exact for every integer."""
        return divide(x * self.numerator, self.denominator, self.rounding)

    def product_bits(self, accumulator: Interval) -> int:
        """Bits of two's complement that hold ``x * numerator``."""
        return accumulator.scale_by(self.numerator).signed_bits

    @property
    def monotone_domain(self) -> Interval | None:
        """All integers."""
        return None

    @property
    def direction(self) -> int:
        """The numerator's sign."""
        return sign_of(self.numerator)
