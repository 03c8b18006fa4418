# SPDX-License-Identifier: Apache-2.0
"""The channels of one layer whose sums could overflow, with weights that can't."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from intaglio.compiler.passes.fit_accumulators.budgets import bias_bounds, budgets, excess, within
from intaglio.compiler.passes.fit_accumulators.shrinking import shrink
from intaglio.numerics.float32 import Float32
from intaglio.numerics.integers import IntegerArray, IntType
from intaglio.numerics.intervals import Interval
from intaglio.numerics.rounding import Rounding, divide

STEPS = 12
"""How many larger scales are tried for a channel."""

_BEYOND = 1.25
"""Times the factor at which the codes, before they are rounded, would fit as they are."""


class FitMethod(Enum):
    """How weights are made small enough.

    ROUND keeps the scales and draws codes towards zero.  SCALE enlarges the scale of a channel,
    so that its codes shrink, draws them towards zero as far as that isn't enough, and then takes
    the scale that suits the new codes best, which may be a little smaller again.  AUTO takes, for
    each channel, what leaves the smallest exact square error of the real weights.
    """

    ROUND = "round"
    SCALE = "scale"
    AUTO = "auto"


@dataclass(frozen=True, slots=True)
class Bias:
    """Biases as they are added: the codes, or what the reals become, rounded up or down."""

    low: IntegerArray
    high: IntegerArray


@dataclass(frozen=True, slots=True)
class OperandMeans:
    """What was seen of an operand, zero points subtracted: exact sums over so many elements.

    Attributes:
        sums: ``[channels, weights]`` of what each weight is multiplied by.
        count: how many elements each sum has.
    """

    sums: IntegerArray
    count: int

    def chosen(self, rows: Sequence[int]) -> "OperandMeans":
        """For some of the channels."""
        return OperandMeans(self.sums[places(rows)], self.count)


@dataclass(frozen=True, slots=True)
class Channels:
    """A layer's weights by output channel.

    Attributes:
        codes: ``[channels, weights]`` without zero points, int64.
        scales: of each channel.
        biases: of each channel, in units of the operand's scale times the channel's; exact.
        rounded: whether the biases are codes; reals are rounded to codes later, either way.
        x: the codes that the operand can hold.
        zero_point: of the operand.
        means: what each weight is multiplied by on average; None where that isn't known.
    """

    codes: IntegerArray
    scales: tuple[Float32, ...]
    biases: tuple[Fraction, ...]
    rounded: bool
    x: Interval
    zero_point: int
    means: "OperandMeans | None" = None

    def bias(self, factors: Sequence[Fraction]) -> Bias:
        """The biases at scales that are so many times as large."""
        exact = [bias / factor for bias, factor in zip(self.biases, factors, strict=True)]
        if not self.rounded:
            low = [each.numerator // each.denominator for each in exact]
            high = [-(-each.numerator // each.denominator) for each in exact]
            return Bias(np.array(low, np.int64), np.array(high, np.int64))
        codes = [divide(e.numerator, e.denominator, Rounding.HALF_EVEN) for e in exact]
        array = np.array(codes, np.int64)
        return Bias(array, array)

    def chosen(self, rows: Sequence[int]) -> "Channels":
        """Some of the channels."""
        return Channels(
            self.codes[places(rows)],
            tuple(self.scales[row] for row in rows),
            tuple(self.biases[row] for row in rows),
            self.rounded,
            self.x,
            self.zero_point,
            None if self.means is None else self.means.chosen(rows),
        )


@dataclass(frozen=True, slots=True)
class FittedChannels:
    """New weights of the channels that needed some.

    Attributes:
        rows: which channels.
        codes: ``[rows, weights]``.
        scales: of each of these channels.
        biases: codes of each of these channels.
    """

    rows: tuple[int, ...]
    codes: IntegerArray
    scales: tuple[Float32, ...]
    biases: tuple[int, ...]


def places(rows: Sequence[int]) -> NDArray[np.intp]:
    """Rows as an index, of none as well."""
    return np.array(rows, np.intp)


def signed_sums(codes: IntegerArray) -> tuple[IntegerArray, IntegerArray]:
    """By channel, the sum of the positive codes and that of the magnitudes of the others."""
    return np.maximum(codes, 0).sum(axis=1), np.maximum(-codes, 0).sum(axis=1)


def overflowing(layer: Channels, word: IntType) -> tuple[int, ...]:
    """The channels in which some partial sum, in some order, could leave ``word``."""
    bias = layer.bias([Fraction(1)] * len(layer.biases))
    held = within(
        budgets(layer.x, layer.zero_point, bias.low, bias.high, word), *signed_sums(layer.codes)
    )
    found: list[int] = np.flatnonzero(~held).tolist()
    return tuple(found)


def fit_channels(
    layer: Channels, word: IntType, method: FitMethod
) -> tuple[FittedChannels, tuple[int, ...]]:
    """Weights with which no channel can overflow, and the channels for which there are none.

    Channels that can't overflow as they are stay as they are.
    """
    rows = overflowing(layer, word)
    some = layer.chosen(rows)
    best: list[tuple[Fraction, _Candidate, int] | None] = [None] * len(rows)
    for candidate in _candidates(some, word, method):
        for at, error in enumerate(_errors(some, candidate)):
            found = best[at]
            if candidate.fits[at] and (found is None or error < found[0]):
                best[at] = error, candidate, at
    kept = [each for each in best if each is not None]
    biases = [_bias(some, candidate, at, word) for _, candidate, at in kept]
    none = tuple(row for row, each in zip(rows, best, strict=True) if each is None)
    fitted = FittedChannels(
        tuple(row for row, each in zip(rows, best, strict=True) if each is not None),
        np.array([candidate.codes[at] for _, candidate, at in kept], np.int64).reshape(
            len(kept), layer.codes.shape[1]
        ),
        tuple(candidate.scales[at] for _, candidate, at in kept),
        tuple(biases),
    )
    return fitted, none


@dataclass(frozen=True, slots=True)
class _Candidate:
    """All channels at scales that are ``factors`` times their own; ``fits`` where that serves."""

    scales: tuple[Float32, ...]
    factors: list[Fraction]
    codes: IntegerArray
    biases: Bias
    fits: NDArray[np.bool_]


def _candidates(layer: Channels, word: IntType, method: FitMethod) -> Iterator[_Candidate]:
    if not len(layer.codes):
        return
    if method is not FitMethod.SCALE:
        yield _at_scales(layer, layer.scales, word)
    if method is FitMethod.ROUND:
        return
    bias = layer.bias([Fraction(1)] * len(layer.biases))
    found = budgets(layer.x, layer.zero_point, bias.low, bias.high, word)
    most = _BEYOND * excess(found, *signed_sums(layer.codes))
    for step in range(1, STEPS + 1):
        factors = most ** (step / STEPS)
        scales = tuple(
            Float32.from_value(scale.value * float(factor))
            for scale, factor in zip(layer.scales, factors, strict=True)
        )
        yield _refitted(layer, _at_scales(layer, scales, word), word)


def _at_scales(layer: Channels, scales: tuple[Float32, ...], word: IntType) -> _Candidate:
    factors = _factors(layer, scales)
    bias = layer.bias(factors)
    found = budgets(layer.x, layer.zero_point, bias.low, bias.high, word)
    fits = np.all([each.limit >= 0 for each in found], axis=0)
    wanted = np.abs(layer.codes) / np.array([float(f) for f in factors])[:, np.newaxis]
    magnitudes = np.zeros_like(layer.codes)
    positive = layer.codes > 0
    if fits.any():
        some = budgets(layer.x, layer.zero_point, bias.low[fits], bias.high[fits], word)
        magnitudes[fits] = shrink(wanted[fits], positive[fits], some)
    codes = np.where(positive, magnitudes, -magnitudes)
    # What shrinking promises, asked again in exact integers.
    fits = fits & within(found, *signed_sums(codes))
    return _Candidate(scales, factors, codes, bias, fits)


def _refitted(layer: Channels, candidate: _Candidate, word: IntType) -> _Candidate:
    """The same codes at the scales that leave them the least square error, where those fit."""
    old, new = layer.codes, candidate.codes
    crossed, squares = (old * new).sum(axis=1), (new * new).sum(axis=1)
    best = tuple(
        Float32.from_value(scale.value * (int(b) / int(c))) if b > 0 else other
        for scale, other, b, c in zip(layer.scales, candidate.scales, crossed, squares, strict=True)
    )
    factors = _factors(layer, best)
    bias = layer.bias(factors)
    found = budgets(layer.x, layer.zero_point, bias.low, bias.high, word)
    fits = candidate.fits & within(found, *signed_sums(new))
    either = [(each, at) for at, each in enumerate(fits.tolist())]
    scales = tuple((best if fit else candidate.scales)[at] for fit, at in either)
    factors = [(factors if fit else candidate.factors)[at] for fit, at in either]
    biases = Bias(
        np.where(fits, bias.low, candidate.biases.low),
        np.where(fits, bias.high, candidate.biases.high),
    )
    return _Candidate(scales, factors, new, biases, candidate.fits)


def _factors(layer: Channels, scales: tuple[Float32, ...]) -> list[Fraction]:
    if scales is layer.scales:
        return [Fraction(1)] * len(scales)
    return [new.fraction / old.fraction for new, old in zip(scales, layer.scales, strict=True)]


def _bias(layer: Channels, candidate: _Candidate, at: int, word: IntType) -> int:
    """The bias that makes up for the mean shift of the sum, as far as the accumulator lets it.

    With the mean m of what each weight w is multiplied by, its new weight w' and scales s and s',
    the sum shifts by ``Σ (w s - w' s') m``, which is exact until the code of the bias is rounded.
    """
    plain = int(candidate.biases.low[at])
    if layer.means is None or not layer.rounded:
        return plain
    old, new, sums = layer.codes[at], candidate.codes[at], layer.means.sums[at]
    factor = candidate.factors[at]
    before, after = int((old * sums).sum()), int((new * sums).sum())
    shift = (before / factor - after) / layer.means.count
    exact = layer.biases[at] / factor + shift
    wanted = divide(exact.numerator, exact.denominator, Rounding.HALF_EVEN)
    nothing = np.zeros(1, np.int64)
    found = budgets(layer.x, layer.zero_point, nothing, nothing, word)
    low, high = bias_bounds(found, *signed_sums(new[np.newaxis]))
    return min(max(wanted, min(low, plain)), max(high, plain))


def _errors(layer: Channels, candidate: _Candidate) -> list[Fraction]:
    """By channel, the exact square error of the real weights over the square of the old scale."""
    old, new = layer.codes, candidate.codes
    sums = zip(
        (old * old).sum(axis=1), (old * new).sum(axis=1), (new * new).sum(axis=1), strict=True
    )
    # In units of the old scale's square, so that errors of one channel compare.
    return [
        int(a) - 2 * int(b) * factor + int(c) * factor * factor
        for (a, b, c), factor in zip(sums, candidate.factors, strict=True)
    ]
