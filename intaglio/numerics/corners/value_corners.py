# SPDX-License-Identifier: Apache-2.0
"""Accumulators at the edges of the clamp, around the zero point and at the ends of words."""

from collections.abc import Callable, Iterator

from intaglio.numerics.corners.bins import Bin, Corner, Event, Impossible, Outcome
from intaglio.numerics.corners.progressions import Progression
from intaglio.numerics.corners.proofs import EndsBefore, NothingThere, StepsOver
from intaglio.numerics.intervals import Interval
from intaglio.numerics.requantizers import Requantizer

FIRST, LAST = "first", "last"


def accumulator_outcomes(domain: Progression) -> Iterator[Outcome]:
    """The ends of the accumulator, and 0 and its neighbours."""
    yield Corner(Bin("accumulator", Event.LOWEST), domain.hull.low)
    yield Corner(Bin("accumulator", Event.HIGHEST), domain.hull.high)
    for event, value in ((Event.MINUS_ONE, -1), (Event.ZERO, 0), (Event.PLUS_ONE, 1)):
        bin = Bin("accumulator", event)
        if domain.contains(value):
            yield Corner(bin, value)
        else:
            yield Impossible(bin, NothingThere(f"the value {value}"))


def clamp_outcomes(requantizer: Requantizer, domain: Progression) -> Iterator[Outcome]:
    """First and last accumulators whose result, before the clamp, is a code at an edge.

    Args:
        requantizer: monotone on the domain.
        domain: the accumulators.
    """
    low, high = requantizer.low, requantizer.high
    wanted = {
        Event.LOW_CLAMPED: low - 1,
        Event.LOW_REACHED: low,
        Event.LOW_INSIDE: low + 1,
        Event.HIGH_INSIDE: high - 1,
        Event.HIGH_REACHED: high,
        Event.HIGH_CLAMPED: high + 1,
        Event.ZERO_POINT: requantizer.zero_point,
    }
    unclamped = unclamped_code(requantizer)
    for event, code in wanted.items():
        yield from run_outcomes("clamp", event, unclamped, code, requantizer, domain)


def unclamped_code(requantizer: Requantizer) -> Callable[[int], int]:
    """``scaling(x) + zero_point``."""
    return lambda x: requantizer.scaling.apply(x) + requantizer.zero_point


def run_outcomes(
    stage: str,
    event: Event,
    function: Callable[[int], int],
    value: int,
    requantizer: Requantizer,
    domain: Progression,
) -> Iterator[Outcome]:
    """The first and the last accumulator at which a monotone function has a value."""
    run = level_run(function, requantizer.scaling.direction, Interval(value, value), domain)
    for which in (FIRST, LAST):
        bin = Bin(stage, event, which)
        if isinstance(run, Progression):
            end = run.hull.low if which == FIRST else run.hull.high
            yield Corner(bin, end)
        else:
            yield Impossible(bin, run)


def level_run(
    function: Callable[[int], int], direction: int, values: Interval, domain: Progression
) -> Progression | StepsOver | EndsBefore:
    """The accumulators at which a monotone function lies within ``values``, or why none does."""
    low, high = (values.low, values.high) if direction > 0 else (-values.high, -values.low)
    start = domain.first_index(lambda x: direction * function(x) >= low)
    if start is None:
        end = domain.hull.high
        return EndsBefore(end, function(end))
    after = domain.first_index(lambda x: direction * function(x) > high)
    if after is None:
        after = domain.indices.high + 1
    if start < after:
        return Progression(domain.first, domain.step, Interval(start, after - 1))
    if start == domain.indices.low:
        return EndsBefore(domain.hull.low, function(domain.hull.low))
    return StepsOver(domain.at(start - 1), domain.at(start))


def word_outcomes(stage: str, word: Interval | None, domain: Progression) -> Iterator[Outcome]:
    """The last accumulators that a word holds, and the first that it doesn't, at both ends.

    Args:
        stage: what the word belongs to.
        word: the accumulators that it holds; None for none of them.
        domain: the accumulators.
    """
    inside = None if word is None else domain.within(word)
    for which in ("negative", "positive"):
        within = Bin(stage, Event.WITHIN_WORD, which)
        beyond = Bin(stage, Event.LEAVES_WORD, which)
        if inside is None or word is None:
            yield Impossible(within, NothingThere("a value that the word holds"))
            yield Corner(beyond, domain.hull.low if which == "negative" else domain.hull.high)
            continue
        end, step = (
            (inside.hull.low, -domain.step)
            if which == "negative"
            else (inside.hull.high, domain.step)
        )
        yield Corner(within, end)
        if domain.hull.contains(end + step):
            yield Corner(beyond, end + step)
        else:
            yield Impossible(beyond, NothingThere("a value beyond the word on that side"))
