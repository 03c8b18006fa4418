# SPDX-License-Identifier: Apache-2.0
"""The scaling of TOSA's RESCALE operator."""

from dataclasses import dataclass

from intaglio.errors import InvalidOption
from intaglio.numerics.integers import INT32
from intaglio.numerics.intervals import Interval


@dataclass(frozen=True, slots=True)
class TosaScale:
    """``y = (x * multiplier + r) >> shift``, ``r = 2**(shift-1)``: TOSA ``apply_scale_32``.

    With ``double_round`` and ``shift > 31``, ``r`` also gains ``2**30`` for ``x >= 0`` and loses it
    for ``x < 0``: both roundings of the gemmlowp scheme, added up before one shift; not the same.
    Source: TOSA specification 1.0, ``apply_scale_32``; a 48-bit value with a 16-bit multiplier
    (``apply_scale_16``) has the same equation without double rounding.

    Raises:
        InvalidOption: the multiplier isn't within 0..2**31-1, or the shift within 2..62.
    """

    multiplier: int
    shift: int
    double_round: bool

    def __post_init__(self) -> None:
        """Refuse what the specification requires not to happen."""
        if not 0 <= self.multiplier <= INT32.maximum:
            raise InvalidOption(
                "TosaScale multiplier",
                self.multiplier,
                "is not within 0..2**31-1",
                "TOSA multipliers are non-negative int32",
            )
        if not 2 <= self.shift <= 62:
            raise InvalidOption(
                "TosaScale shift", self.shift, "is not within 2..62", "normalise the multiplier"
            )

    def apply(self, x: int) -> int:
        """Scale one accumulator; exact for every integer."""
        return (x * self.multiplier + self._rounder(x)) >> self.shift

    def _rounder(self, x: int) -> int:
        half = 1 << (self.shift - 1)
        if not self.double_round or self.shift <= 31:
            return half
        return half + (1 << 30) if x >= 0 else half - (1 << 30)

    def product_bits(self, accumulator: Interval) -> int:
        """Bits of two's complement that hold the product and what is added to it."""
        product = accumulator.scale_by(self.multiplier)
        rounders = Interval(0, max(self._rounder(accumulator.low), self._rounder(accumulator.high)))
        return (product + rounders).signed_bits

    @property
    def monotone_domain(self) -> Interval:
        """The int32 values that the operator takes."""
        return INT32.interval

    @property
    def direction(self) -> int:
        """Never decreasing."""
        return 1
