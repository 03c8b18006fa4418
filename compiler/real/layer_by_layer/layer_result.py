# SPDX-License-Identifier: Apache-2.0
"""What a layer yields for all samples, and its means."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from intaglio.compiler.real.distributions.distributions import Reals


@dataclass(frozen=True, slots=True, eq=False)
class LayerResult:
    """The result of a layer, its bias included, before it is rounded or clamped.

    Attributes:
        batches: numbers ``[N, C, ...]`` in float, or integers ``[N, ..., C]``, of each batch.
        steps: of integers, what a unit stands for, ``[C]`` or ``[1]``; None for floats.
    """

    batches: Sequence[NDArray[Any]]
    steps: Reals | None = None

    def means(self) -> Reals:
        """``[N, C]``, the mean over all positions of each sample; of integers, from exact sums."""
        if self.steps is None:
            return np.concatenate(
                [a.mean(axis=self._positions(a), dtype=float) for a in self.batches]
            )
        sums = [a.sum(axis=self._positions(a), dtype=np.int64) for a in self.batches]
        scale: Reals = self.steps / prod(self.batches[0].shape[1:-1])
        return np.concatenate(sums) * scale

    def clamped(self, shift: Reals, low: Reals, high: Reals) -> tuple[Reals, Reals]:
        """The means of clip(y + shift, low, high), and how much of y is within, in float32.

        Args:
            shift: ``[C]``.
            low: ``[C]``, as ``high``.
            high: ``[C]``.

        Returns:
            ``[N, C]``, the mean over all positions of each sample; ``[C]``, the share of samples
            and positions at which low < y + shift < high.
        """
        means: list[Reals] = []
        within: list[Reals] = []
        for batch in self.batches:
            numbers = batch.astype(np.float32)
            if self.steps is not None:
                numbers *= self.steps.astype(np.float32)
            numbers += self._spread(shift, batch)
            ends = self._spread(low, batch), self._spread(high, batch)
            axes = self._positions(batch)
            inside = (numbers > ends[0]) & (numbers < ends[1])
            within.append(inside.mean(axis=axes, dtype=np.float64))
            means.append(np.clip(numbers, *ends, out=numbers).mean(axis=axes, dtype=np.float64))
        return np.concatenate(means), np.concatenate(within).mean(axis=0)

    def _positions(self, array: NDArray[Any]) -> tuple[int, ...]:
        return tuple(range(2, array.ndim) if self.steps is None else range(1, array.ndim - 1))

    def _spread(self, vector: Reals, like: NDArray[Any]) -> NDArray[np.float32]:
        """The vector shaped to broadcast along the channels."""
        last = [] if self.steps is not None else [1] * (like.ndim - 2)
        return vector.astype(np.float32).reshape(-1, *last)
