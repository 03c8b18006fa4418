# SPDX-License-Identifier: Apache-2.0
"""The range of the weights of each output or input channel of a layer, under scales."""

from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from intaglio.compiler.real.linear import Linear

Reals = NDArray[np.float64]


class RangeMeasure(Enum):
    """What is taken for the range of a slice of weights.

    Attributes:
        MAX_ABS: max |w|, what symmetric weights have to cover.
        MAX_MIN: max(w, 0) - min(w, 0), what affine weights have to cover.
        L2: the Euclidean norm, which single large weights move less.
    """

    MAX_ABS = "max-abs"
    MAX_MIN = "max-min"
    L2 = "l2"


@dataclass(frozen=True, slots=True, eq=False)
class WeightRanges:
    """A layer's weights, reduced over the kernel as far as ranges allow.

    Attributes:
        parts: each ``[groups, outputs / groups, inputs / groups]``, not negative. The range of a
            slice is the sum over the parts of their maxima in it, or for L2 the norm.
        euclidean: whether it is the norm.
    """

    parts: tuple[Reals, ...]
    euclidean: bool

    @staticmethod
    def of(linear: Linear, measure: RangeMeasure) -> "WeightRanges":
        """Reduce the weights of a layer."""
        inner = linear.weight.shape[1]
        weight = linear.weight.reshape(linear.outputs, inner, -1)
        match measure:
            case RangeMeasure.MAX_ABS:
                parts: tuple[Reals, ...] = (np.abs(weight).max(axis=2, initial=0.0),)
            case RangeMeasure.MAX_MIN:
                parts = (weight.max(axis=2, initial=0.0), -weight.min(axis=2, initial=0.0))
            case RangeMeasure.L2:
                parts = (np.sqrt(np.square(weight).sum(axis=2)),)
        grouped = (linear.groups, linear.outputs // linear.groups, inner)
        return WeightRanges(
            tuple(part.reshape(grouped) for part in parts), measure is RangeMeasure.L2
        )

    def of_outputs(self, factors: Reals) -> Reals:
        """``[outputs]``: the range of each output's weights, times a factor for each input."""
        groups, _, inner = self.parts[0].shape
        return self._combined(factors.reshape(groups, 1, inner), axis=2)

    def of_inputs(self, factors: Reals) -> Reals:
        """``[inputs]``: the range of each input's weights, times a factor for each output."""
        groups, outer, _ = self.parts[0].shape
        return self._combined(factors.reshape(groups, outer, 1), axis=1)

    def _combined(self, factors: Reals, axis: int) -> Reals:
        if self.euclidean:
            squares: Reals = np.square(self.parts[0] * factors).sum(axis=axis)
            return np.sqrt(squares).reshape(-1)
        extremes = [(part * factors).max(axis=axis, initial=0.0) for part in self.parts]
        total: Reals = np.sum(extremes, axis=0)
        return total.reshape(-1)
