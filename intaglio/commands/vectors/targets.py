# SPDX-License-Identifier: Apache-2.0
"""What the windows of a layer should reach: corners of its sums, and operands that show terms."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from math import gcd

from intaglio.commands.vectors.layers import Layer
from intaglio.numerics.corners import Bin, Corner, Corners, Event, Impossible, corner_accumulators
from intaglio.numerics.corners.progressions import Progression
from intaglio.numerics.corners.sums import NotFound, Unreachable, reach
from intaglio.numerics.corners.value_corners import accumulator_outcomes, word_outcomes
from intaglio.numerics.intervals import Interval
from intaglio.numerics.requantizers import Requantizer
from intaglio.numerics.scalings import (
    Float32Multiply,
    Float32MultiplyAdd,
    Float64Multiply,
    TosaScale,
)

LANES = (4, 8, 16, 32, 64)
"""Multipliers that a machine may have side by side: a last tile that they don't fill is a tail."""

MANY = frozenset({Event.EXACT, Event.TIE_ON_EVEN, Event.TIE_ON_ODD, Event.CARRY})
"""Events that happen at many accumulators; each of the others has one."""

MOST_OTHER_SUMS = 64

NOT_ASCENDING = (Float32Multiply, Float32MultiplyAdd, Float64Multiply, TosaScale)
"""Scalings in pieces: the sum that is solved for needn't be the least of all that hit a bin."""


@dataclass(frozen=True, slots=True)
class Target:
    """Operands of one channel's terms, the exact sum that they give, and what is hit by it."""

    channel: int
    operands: tuple[int, ...]
    total: int
    bins: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Missed:
    """A bin that isn't hit: proved impossible, or else not found."""

    channel: int
    bin: str
    why: str
    impossible: bool


def chosen_channels(layer: Layer, more: int) -> tuple[tuple[int, tuple[str, ...]], ...]:
    """Channels with the extremes of the layer's parameters, and what they are chosen for.

    First and last channel; for each number of the requantizers the channels with the least and the
    greatest; the channel with the fewest weights that aren't 0; ``more`` that lie evenly between.
    """
    why: dict[int, list[str]] = {}
    last = layer.channels - 1
    why.setdefault(0, []).append("first channel")
    why.setdefault(last, []).append("last channel")
    numbers = [_numbers(each) for each in layer.requantizers]
    for name in dict.fromkeys(name for each in numbers for name in each):
        held = [(each[name], channel) for channel, each in enumerate(numbers) if name in each]
        for word, (_, channel) in (("least", min(held)), ("greatest", max(held))):
            why.setdefault(channel, []).append(f"{word} {name}")
    weights = layer.weights.array
    rows = weights.reshape(len(weights), -1) if weights.ndim == 4 else weights.T
    fewest = int((rows != 0).sum(axis=1).argmin())
    why.setdefault(fewest, []).append("fewest weights that aren't 0")
    for number in range(more):
        why.setdefault((number + 1) * last // (more + 1), []).append("in between")
    return tuple((channel, tuple(reasons)) for channel, reasons in sorted(why.items()))


def _numbers(requantizer: Requantizer) -> dict[str, int]:
    """The integers of a requantizer by name."""
    scaling = requantizer.scaling
    own = {each.name: getattr(scaling, each.name) for each in fields(scaling)}
    named = {name: value for name, value in own.items() if type(value) is int}
    return named | {"zero point": requantizer.zero_point, "low clamp": requantizer.low}


def targets_of(layer: Layer, channel: int) -> Iterator[Target | Missed]:
    """Every target of one channel, each sum once."""
    weights, bias = layer.row(channel), layer.bias_of(channel)
    codes = layer.centred_codes
    yield from _shown_terms(channel, weights, bias, codes)
    corners = sum_corners(layer, channel, weights, bias, codes)
    for impossible in corners.impossible:
        yield Missed(channel, str(impossible.bin), str(impossible.proof), impossible=True)
    for bin in corners.undecided:
        yield Missed(channel, str(bin), "left undecided", impossible=False)
    wanted: dict[int, list[Bin]] = {}
    for hit in corners.hits:
        wanted.setdefault(hit.accumulator, []).append(hit.bin)
    for total, bins in wanted.items():
        yield from _reached(layer, channel, weights, total, bins)


def _reached(
    layer: Layer, channel: int, weights: Sequence[int], total: int, bins: Sequence[Bin]
) -> Iterator[Target | Missed]:
    """Operands for one sum; where there are none, other sums that hit the same bins."""
    bias, codes = layer.bias_of(channel), layer.centred_codes
    match reach(weights, codes, total - bias):
        case Unreachable() as unreachable:
            why = f"sum {total}: {unreachable}"
            for bin in bins:
                if bin.event in MANY:
                    yield _other_sum(layer, channel, weights, total, bin)
                else:
                    yield Missed(channel, str(bin), why, impossible=True)
        case NotFound():
            why = f"no operands were found for the sum {total}"
            yield from (Missed(channel, str(bin), why, impossible=False) for bin in bins)
        case operands:
            yield Target(channel, operands, total, tuple(str(bin) for bin in bins))


def _other_sum(
    layer: Layer, channel: int, weights: Sequence[int], total: int, bin: Bin
) -> Target | Missed:
    """The next sums that hit a bin, of which many may, until one can be reached."""
    bias, codes = layer.bias_of(channel), layer.centred_codes
    sums = all_sums(weights, bias, codes)
    requantizer = layer.requantizers[channel]
    for tried in range(1, MOST_OTHER_SUMS):
        following = _next_hit(requantizer, sums, layer.accumulator.type.interval, total, bin)
        if following is None:
            why = f"none of the {tried} sums that hit it, which the weights can't make up"
            ascending = not isinstance(requantizer.scaling, NOT_ASCENDING)
            return Missed(channel, str(bin), why, impossible=ascending)
        total = following
        operands = reach(weights, codes, total - bias)
        if isinstance(operands, tuple):
            return Target(channel, operands, total, (str(bin),))
    why = f"the weights can't make up {MOST_OTHER_SUMS} sums that hit it; more weren't tried"
    return Missed(channel, str(bin), why, impossible=False)


def _next_hit(
    requantizer: Requantizer, sums: Progression, word: Interval, total: int, bin: Bin
) -> int | None:
    """The least sum above ``total`` that hits a bin."""
    rest = sums.within(Interval(total + sums.step, max(sums.hull.high, total + sums.step)))
    held = None if rest is None else rest.within(word)
    if held is None:
        return None
    corners = corner_accumulators(requantizer, held.hull, held.step)
    return next((hit.accumulator for hit in corners.hits if hit.bin == bin), None)


def all_sums(weights: Sequence[int], bias: int, codes: Interval) -> Progression:
    """The exact sums by their range and the common divisor of the weights."""
    ends = [(w * codes.low, w * codes.high) for w in weights]
    total = Interval(sum(map(min, ends)) + bias, sum(map(max, ends)) + bias)
    return Progression.of(total, gcd(*weights) or 1)


def sum_corners(
    layer: Layer, channel: int, weights: Sequence[int], bias: int, codes: Interval
) -> Corners:
    """The corners of a channel's exact sums: of its word, and of its requantizer."""
    sums = all_sums(weights, bias, codes)
    word = layer.accumulator.type.interval
    found = list(word_outcomes("accumulator word", word, sums))
    held = sums.within(word)
    if held is None or not layer.requantizers:
        if held is not None:
            found.extend(accumulator_outcomes(held))
        return _sorted(found)
    own = corner_accumulators(layer.requantizers[channel], held.hull, held.step)
    split = _sorted(found)
    return Corners(
        split.hits + own.hits, split.impossible + own.impossible, split.undecided + own.undecided
    )


def _sorted(outcomes: Sequence[Corner | Impossible]) -> Corners:
    hits = tuple(each for each in outcomes if isinstance(each, Corner))
    return Corners(hits, tuple(each for each in outcomes if isinstance(each, Impossible)))


def _shown_terms(
    channel: int, weights: Sequence[int], bias: int, codes: Interval
) -> Iterator[Target | Missed]:
    """Operands at their ends, greatest products, single terms, tails of the contraction."""
    count = len(weights)
    zero = min(max(0, codes.low), codes.high)

    def target(bin: str, operands: Sequence[int]) -> Target:
        total = sum(w * x for w, x in zip(weights, operands, strict=True)) + bias
        return Target(channel, tuple(operands), total, (f"operands: {bin}",))

    def at(places: Sequence[int], value: int) -> list[int]:
        operands = [zero] * count
        for place in places:
            operands[place] = value
        return operands

    yield target("all lowest", [codes.low] * count)
    yield target("all highest", [codes.high] * count)
    yield target("all at the zero point", [zero] * count)
    largest, smallest = weights.index(max(weights)), weights.index(min(weights))
    for word, place in (("greatest", largest), ("least", smallest)):
        yield target(f"highest code with the {word} weight", at([place], codes.high))
        yield target(f"lowest code with the {word} weight", at([place], codes.low))
    yield target("first term alone", at([0], codes.high))
    yield target("last term alone", at([count - 1], codes.high))
    for lanes in LANES:
        bin = f"tail behind whole tiles of {lanes} terms"
        tail = range(count - count % lanes, count)
        if not tail:
            why = f"{count} terms fill whole tiles"
            yield Missed(channel, f"operands: {bin}", why, impossible=True)
        elif not any(weights[place] for place in tail):
            why = "the weights of the tail are all 0"
            yield Missed(channel, f"operands: {bin}", why, impossible=True)
        else:
            yield target(bin, at(tail, codes.high))
