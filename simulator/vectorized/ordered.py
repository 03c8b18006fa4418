# SPDX-License-Identifier: Apache-2.0
"""Accumulators that saturate at every addition: proved harmless, or added term by term."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import assert_never

import numpy as np

from intaglio.numerics.accumulator import AccumulationOrder, Accumulator, Overflow
from intaglio.numerics.intervals import Interval
from intaglio.simulator.vectorized.exact_sum import ExactSum, prove
from intaglio.simulator.vectorized.geometry import Geometry
from intaglio.simulator.vectorized.words import INT64, OBJECT, Array, Word


def prove_ordered(
    x: Interval, zero_point: int, weights: Array, bias: Array | None, accumulator: Accumulator
) -> tuple[ExactSum, Sequence[int]]:
    """A proved sum, and the output channels for which it isn't what the accumulator keeps.

    Arguments as for ``prove``.  Terms are added in the row-major order of the weights' axes.
    """
    if accumulator.overflow is not Overflow.SATURATE_EACH_ADD:
        return prove(x, zero_point, weights, bias, accumulator), ()
    unproved = unproved_channels(x, zero_point, weights, bias, accumulator)
    # Of the channels that are added again in order, any value will do here.
    plain = replace(accumulator, overflow=Overflow.WRAP)
    return prove(x, zero_point, weights, bias, plain), unproved


def unproved_channels(
    x: Interval, zero_point: int, weights: Array, bias: Array | None, accumulator: Accumulator
) -> Sequence[int]:
    """The output channels in which some partial sum, in order, may leave the accumulator's type."""
    word = _prefix_word(x, zero_point, weights, bias)
    terms = weights.reshape(-1, weights.shape[-1]).astype(word)
    constant = np.zeros(terms.shape[1], word) if bias is None else bias.astype(word)
    at_low, at_high = terms * (x.low - zero_point), terms * (x.high - zero_point)
    low, high = (
        np.cumsum(np.stack(list(in_order(list(ends), constant, accumulator.order))), axis=0)
        for ends in (np.minimum(at_low, at_high), np.maximum(at_low, at_high))
    )
    type = accumulator.type
    held = (low.min(axis=0) >= type.minimum) & (high.max(axis=0) <= type.maximum)
    return [int(channel) for channel in np.flatnonzero(~held.astype(bool))]


def _prefix_word(x: Interval, zero_point: int, weights: Array, bias: Array | None) -> Word:
    """int64 where no partial sum can overflow it, else Python ints."""
    reach = max(abs(x.low - zero_point), abs(x.high - zero_point))
    largest = int(np.abs(weights).max()) if weights.size else 0
    constant = 0 if bias is None else max(abs(value) for value in bias.tolist())
    return INT64 if reach * largest * weights.size + constant < 1 << 63 else OBJECT


def in_order(terms: Iterable[Array], bias: Array, order: AccumulationOrder) -> Iterable[Array]:
    """What is added to an accumulator that starts at zero."""
    match order:
        case AccumulationOrder.BIAS_FIRST:
            return chain((bias,), terms)
        case AccumulationOrder.BIAS_LAST:
            return chain(terms, (bias,))
        case _:
            assert_never(order)


def saturating_sum(terms: Iterable[Array], bias: Array, accumulator: Accumulator) -> Array:
    """The sum, clamped to the accumulator's type after every addition.

    Terms and bias are of a word that ``ordered_word`` chose.
    """
    type = accumulator.type
    total = np.zeros((), dtype=bias.dtype)
    for term in in_order(terms, bias, accumulator.order):
        total = np.clip(total + term, type.minimum, type.maximum)
    return total


def ordered_word(
    x: Interval, zero_point: int, weights: Array, bias: Array | None, accumulator: Accumulator
) -> Word:
    """int64 where no single addition to a saturated sum can overflow it, else Python ints."""
    largest = int(np.abs(weights).max()) if weights.size else 0
    reach = max(x.magnitude, abs(x.low - zero_point), abs(x.high - zero_point), abs(zero_point))
    constant = 0 if bias is None else max(abs(value) for value in bias.tolist())
    term = max(largest, reach, reach * largest, constant)
    return INT64 if accumulator.type.interval.magnitude + term < 1 << 63 else OBJECT


@dataclass(frozen=True, slots=True)
class OrderedChannels:
    """The channels of a convolution that must be added term by term.

    Attributes:
        channels: which.
        weights: ``[kh, kw, C / groups, O]`` without zero points.
        groups: of the convolution.
        bias: ``[O]`` as Python ints, or none.
        zero_point: of x.
        word: the integers to add in.
        accumulator: where the sum is kept.
    """

    channels: Sequence[int]
    weights: Array
    groups: int
    bias: Array | None
    zero_point: int
    word: Word
    accumulator: Accumulator

    def overwrite(
        self, accumulators: Array, image: Array, geometry: Geometry, first: int, fill: int
    ) -> None:
        """Replace these channels of accumulators ``[rows, columns, O]`` from row ``first`` on."""
        rows = accumulators.shape[0]
        centred_fill = fill - self.zero_point
        plane = geometry.plane(image, first, rows, self.word, self.zero_point, centred_fill)
        windows = geometry.windows(plane, rows)
        kernel_rows, kernel_columns, depth, outputs = self.weights.shape
        channels = np.array(self.channels)
        starts = channels // (outputs // self.groups) * depth
        terms = (
            windows[:, :, r, s, starts + c] * self.weights[r, s, c, channels].astype(self.word)
            for r, s, c in np.ndindex(kernel_rows, kernel_columns, depth)
        )
        bias = np.zeros(outputs, OBJECT) if self.bias is None else self.bias
        added = bias[channels].astype(self.word)
        accumulators[:, :, channels] = saturating_sum(terms, added, self.accumulator)
