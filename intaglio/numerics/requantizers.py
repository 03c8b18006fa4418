# SPDX-License-Identifier: Apache-2.0
"""A requantizer: scale an accumulator, add the zero point, clamp to the output's codes."""

from dataclasses import dataclass

from intaglio.errors import InvalidOption
from intaglio.numerics.intervals import Interval
from intaglio.numerics.scalings import Scaling


@dataclass(frozen=True, slots=True)
class Requantizer:
    """``y = min(max(scaling(x) + zero_point, low), high)``.

    ``low`` and ``high`` are the output type's ends, or tighter where an activation is fused.

    Raises:
        InvalidOption: ``low`` is above ``high``.
    """

    scaling: Scaling
    zero_point: int
    low: int
    high: int

    def __post_init__(self) -> None:
        """Refuse an empty clamp."""
        if self.low > self.high:
            raise InvalidOption(
                "requantizer clamp", f"[{self.low}, {self.high}]", "is empty", "give low <= high"
            )

    def apply(self, x: int) -> int:
        """Requantize one accumulator."""
        return min(max(self.scaling.apply(x) + self.zero_point, self.low), self.high)

    @property
    def output(self) -> Interval:
        """The codes that can come out, ``[low, high]``."""
        return Interval(self.low, self.high)
