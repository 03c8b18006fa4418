# SPDX-License-Identifier: Apache-2.0
"""The noise of one layer's weights, and of one value's codes, under scales of channels."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from intaglio.compiler.real.equalization.channel_ties import Slots
from intaglio.compiler.real.equalization.weight_ranges import WeightRanges

Reals = NDArray[np.float64]

TINY = float(np.finfo(np.float64).tiny)


@dataclass(frozen=True, slots=True, eq=False)
class WeightNoise:
    """The noise that a layer's rounded weights make in its result, relative to its signal.

    With s the scales of its inputs c and outputs o, over all groups of channels,

        J = unit * sum over groups of (sum_o g_o s_o^2 step_o^2) * (sum_c v_c / s_c^2)

    where the step is the largest |w| that shares it, times s_c / s_o.

    Attributes:
        inputs: slots, ``[inputs]``.
        outputs: slots, ``[outputs]``.
        ranges: of the weights.
        groups: of the layer.
        importance: g, ``[outputs]``: what a squared error of an output costs.
        variance: v, ``[inputs]``.
        unit: taps / (12 * levels^2).
        per_channel: whether each output has a step of its own.
    """

    inputs: Slots
    outputs: Slots
    ranges: WeightRanges
    groups: int
    importance: Reals
    variance: Reals
    unit: float
    per_channel: bool

    @property
    def is_free(self) -> bool:
        """Whether no scale changes its noise: each output reads one input, and has its own step."""
        return self.per_channel and self.inputs.size == self.groups

    def noise(self, rows: Reals, *, written: bool = True, read: bool = True) -> Reals:
        """``[K]``: J under each row of scales.

        Args:
            rows: ``[K, slots]``.
            written: whether scales of outputs differ between rows.
            read: whether those of inputs do.
        """
        sent = self.sent(rows, written=written, read=read)
        total: Reals = (sent * self.received(rows)).sum(axis=1)
        return self.unit * total

    def received(self, rows: Reals) -> Reals:
        """``[K, groups]``: sum_c v_c / s_c^2."""
        each = self.variance / np.square(rows[:, self.inputs])
        summed: Reals = each.reshape(len(rows), self.groups, -1).sum(axis=2)
        return summed

    def sent(self, rows: Reals, *, written: bool, read: bool) -> Reals:
        """``[K, groups]``: sum_o g_o s_o^2 step_o^2."""
        if self.per_channel:
            # s_o step_o doesn't depend on s_o.
            several = rows if read else rows[:1]
            spans = np.stack([self.ranges.of_outputs(row[self.inputs]) for row in several])
            each = self.importance * np.square(spans)
            own: Reals = each.reshape(len(several), self.groups, -1).sum(axis=2)
            return np.broadcast_to(own, (len(rows), self.groups))
        worth = self.importance * np.square(rows[:, self.outputs])
        summed: Reals = worth.reshape(len(rows), self.groups, -1).sum(axis=2)
        return summed * np.square(self._largest(rows, written=written, read=read))[:, None]

    def of_outputs(self, scales: Reals) -> Reals:
        """``[outputs]``: the largest scaled |w| of each output."""
        spans: Reals = self.ranges.of_outputs(scales[self.inputs]) / scales[self.outputs]
        return spans

    def of_inputs(self, scales: Reals) -> Reals:
        """``[inputs]``: the largest scaled |w| of each input."""
        spans: Reals = self.ranges.of_inputs(1 / scales[self.outputs]) * scales[self.inputs]
        return spans

    def shares(self, scales: Reals) -> Reals:
        """``[inputs]``: the largest |w| of each, as a share of the largest with the same step."""
        if not self.per_channel:
            spans = self.of_inputs(scales)
            return spans / max(float(spans.max(initial=0.0)), TINY)
        before = scales[self.inputs]
        own = np.maximum(self.ranges.of_outputs(before), TINY)
        shares: Reals = self.ranges.of_inputs(1 / own) * before
        return shares

    def _largest(self, rows: Reals, *, written: bool, read: bool) -> Reals:
        """``[K]``: the largest scaled |w|; ranges are reduced once where one side stays."""
        if not read:
            spans = self.of_outputs(rows[0]) * rows[0, self.outputs] / rows[:, self.outputs]
        elif not written:
            spans = self.of_inputs(rows[0]) / rows[0, self.inputs] * rows[:, self.inputs]
        else:
            spans = np.stack([self.of_outputs(row) for row in rows])
        largest: Reals = spans.max(axis=1, initial=0.0)
        return largest


@dataclass(frozen=True, slots=True, eq=False)
class ActivationNoise:
    """The noise that codes of a value make, relative to the signal of what reads it.

        J = unit * step^2 * sum_c q_c s_c^2,  step = max_c high_c / s_c - min_c low_c / s_c

    Attributes:
        slots: ``[C]``.
        importance: q, ``[C]``: what a squared error of a channel costs.
        low: ``[C]``, how far the channel reaches down; not positive.
        high: ``[C]``, up; not negative.
        unit: 1 / (12 * levels^2).
    """

    slots: Slots
    importance: Reals
    low: Reals
    high: Reals
    unit: float

    def noise(self, rows: Reals) -> Reals:
        """``[K]``: J under each row of scales, ``[K, slots]``."""
        own = rows[:, self.slots]
        step = (self.high / own).max(axis=1) - (self.low / own).min(axis=1)
        total: Reals = np.square(step) * (self.importance * np.square(own)).sum(axis=1)
        return self.unit * total

    def shares(self, scales: Reals) -> Reals:
        """``[C]``: how far each reaches, as a share of what reaches farthest on its side."""
        low, high = -self.low / scales[self.slots], self.high / scales[self.slots]
        shares: Reals = np.maximum(low / max(low.max(), TINY), high / max(high.max(), TINY))
        return shares


@dataclass(frozen=True, slots=True, eq=False)
class QuantizationNoise:
    """All noise of a network that its scales change.

    Attributes:
        layers: of the weights of each layer of ``Scales``, in order; a reason where unknown.
        values: of the codes of values.
        unknown: by slot, why the noise of a value with that slot isn't known.
    """

    layers: tuple[WeightNoise | str, ...]
    values: tuple[ActivationNoise, ...]
    unknown: Mapping[int, str]

    def total(self, scales: Reals) -> float:
        """The sum of all noise-to-signal ratios."""
        rows = scales[None]
        weights = [w.noise(rows)[0] for w in self.layers if isinstance(w, WeightNoise)]
        return float(sum(weights) + sum(value.noise(rows)[0] for value in self.values))
