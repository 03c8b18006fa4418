# SPDX-License-Identifier: Apache-2.0
"""What can be chosen about cross-layer equalization."""

from dataclasses import dataclass

from intaglio.compiler.real.equalization.weight_ranges import RangeMeasure
from intaglio.errors import InvalidOption


@dataclass(frozen=True, slots=True)
class EqualizationOptions:
    """How ranges are measured and balanced.

    Attributes:
        measure: the range of a slice of weights.
        exponent: a in s = r1**a / r2**(1 - a); 0.5 makes both ranges equal, more makes the ranges
            of the sources smaller.
        activation_share: t in r1**(1 - t) * reach**t, which takes the place of r1: how much the
            reach of the activations counts beside the weights that write them. Codes of weights
            and of activations both profit from channels that are alike.
        include_bias: whether a source's range covers its bias too.
        sweeps: how often all regions are visited at most.
        tolerance: the sweeps end once the scales of a region change alike, up to this share.
        least_range: a channel is dead, and keeps s = 1, where its range is at most this share of
            the largest one of its layer, in all layers that write it or in all that read it.
        largest_scale: every s stays between its reciprocal and this.
    """

    measure: RangeMeasure = RangeMeasure.MAX_ABS
    exponent: float = 0.5
    activation_share: float = 0.0
    include_bias: bool = False
    sweeps: int = 100
    tolerance: float = 1e-3
    least_range: float = 1e-8
    largest_scale: float = 1e8

    def __post_init__(self) -> None:
        """Refuse what has no meaning."""
        for name, value, right, advice in (
            ("exponent", self.exponent, 0 <= self.exponent <= 1, "choose one from 0 to 1"),
            (
                "activation share",
                self.activation_share,
                0 <= self.activation_share <= 1,
                "choose one from 0 to 1",
            ),
            ("sweeps", self.sweeps, self.sweeps >= 1, "choose at least 1"),
            ("tolerance", self.tolerance, self.tolerance >= 0, "choose 0 or more"),
            ("least range", self.least_range, self.least_range >= 0, "choose 0 or more"),
            ("largest scale", self.largest_scale, self.largest_scale >= 1, "choose 1 or more"),
        ):
            if not right:
                raise InvalidOption(f"equalization {name}", value, "it is out of range", advice)

    @property
    def solves_triples(self) -> bool:
        """Whether the closed form for a depthwise layer between two others applies."""
        plain = self.activation_share == 0 and not self.include_bias
        return self.exponent == 0.5 and plain
