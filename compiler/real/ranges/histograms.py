# SPDX-License-Identifier: Apache-2.0
"""Histograms of every value over a stream of batches, in one run and bounded memory."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from math import frexp

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from intaglio.compiler.real.observe import Progress, extremes, run_over
from intaglio.compiler.real.onnx_runtime import Array, Feeds
from intaglio.compiler.real.statistics import Statistics, ValueStatistics

Counts = NDArray[np.int64]

SIDE_BITS = 12
BINS_A_SIDE = 1 << SIDE_BITS
_AT_ONCE = 1 << 16  # elements, to stay in the cache
# Bins this narrow tell every two float32 numbers near zero apart.
_SMALLEST_EXPONENT = -149 - SIDE_BITS


@dataclass(frozen=True, slots=True, eq=False)
class Histogram:
    """How many elements lie in [k, k + 1) * 2**exponent, for k from -4096 to 4095.

    The exponent is the smallest that holds every element, so that at least 2048 bins serve the
    longer side. A histogram depends on the elements alone, not on how they came in batches:
    doubling the bins joins pairs of them, and floor(floor(x / w) / 2) = floor(x / (2 w)), exactly.

    Attributes:
        exponent: of the bins' width.
        counts: int64 ``[8192]``, exact zeros left out.
        zeros: how many elements are exactly zero, as most are after a Relu.
    """

    exponent: int
    counts: Counts
    zeros: int

    @staticmethod
    def of(array: Array) -> "Histogram":
        """Of the finite elements of an array."""
        flat = array.ravel()
        largest = max(-float(flat.min(initial=0)), float(flat.max(initial=0)))
        exponent = frexp(largest)[1] - SIDE_BITS if largest else _SMALLEST_EXPONENT
        exponent = max(exponent, _SMALLEST_EXPONENT)
        counts = np.zeros(2 * BINS_A_SIDE, dtype=np.int64)
        for start in range(0, flat.size, _AT_ONCE):
            part = flat[start : start + _AT_ONCE].astype(np.float64)
            bins = np.floor(part * 2.0**-exponent).astype(np.int64) + BINS_A_SIDE
            counts += np.bincount(bins, minlength=2 * BINS_A_SIDE)
        zeros = flat.size - int(np.count_nonzero(flat))
        counts[BINS_A_SIDE] -= zeros
        return Histogram(exponent, counts, zeros)

    @property
    def count(self) -> int:
        """How many elements there are."""
        return int(self.counts.sum()) + self.zeros

    @property
    def edges(self) -> NDArray[np.float64]:
        """``[8193]``: bin i lies between edges i and i + 1."""
        return np.ldexp(np.arange(-BINS_A_SIDE, BINS_A_SIDE + 1, dtype=np.float64), self.exponent)

    def coarser(self, exponent: int) -> "Histogram":
        """The same elements in bins as wide or wider."""
        if exponent == self.exponent:
            return self
        bins = np.arange(-BINS_A_SIDE, BINS_A_SIDE) >> min(exponent - self.exponent, SIDE_BITS)
        counts = np.zeros_like(self.counts)
        np.add.at(counts, bins + BINS_A_SIDE, self.counts)
        return Histogram(exponent, counts, self.zeros)

    def joined(self, other: "Histogram") -> "Histogram":
        """The elements of both."""
        exponent = max(self.exponent, other.exponent)
        one, two = self.coarser(exponent), other.coarser(exponent)
        return Histogram(exponent, one.counts + two.counts, one.zeros + two.zeros)


@dataclass(frozen=True, slots=True, eq=False)
class ObservedValue:
    """What was seen of one value.

    Attributes:
        histogram: of all its elements.
        batches: the extremes of each batch, in order.
    """

    histogram: Histogram
    batches: tuple[ValueStatistics, ...]

    @property
    def statistics(self) -> ValueStatistics:
        """The extremes of all batches."""
        whole = self.batches[0]
        for batch in self.batches[1:]:
            whole = whole.joined(batch)
        return whole


@dataclass(frozen=True, slots=True)
class Observed:
    """What was seen of every observed value.

    Attributes:
        values: by value name.
        samples: how many samples (leading dimension) were run.
    """

    values: Mapping[str, ObservedValue]
    samples: int

    @property
    def statistics(self) -> Statistics:
        """The extremes alone."""
        return Statistics({k: v.statistics for k, v in self.values.items()}, self.samples)


def observe_histograms(
    model: ir.Model,
    batches: Iterable[Feeds],
    values: Collection[str] | None = None,
    progress: Progress | None = None,
) -> Observed:
    """Run ``model`` over ``batches`` once and return the histograms of its float values.

    A value takes 64 KiB, and the extremes of each batch, however much data there is.

    Args:
        model: a float model; it stays as it is.
        batches: arrays by input name; consumed once, one batch held at a time.
        values: names to observe; None means every float input and computed value.
        progress: called after each batch with batches done and their total if it is known.

    Raises:
        InvalidData: there is no batch, a batch doesn't fit the inputs, or a value isn't finite.
    """
    histograms: dict[str, Histogram] = {}
    seen: dict[str, list[ValueStatistics]] = {}

    def note(name: str, array: Array) -> None:
        if array.size == 0:
            return
        seen.setdefault(name, []).append(extremes(name, array))
        new = Histogram.of(array)
        histograms[name] = histograms[name].joined(new) if name in histograms else new

    samples = run_over(model, batches, note, values, progress)
    found = {name: ObservedValue(histograms[name], tuple(seen[name])) for name in seen}
    return Observed(found, samples)
