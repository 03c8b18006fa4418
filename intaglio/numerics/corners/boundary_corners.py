# SPDX-License-Identifier: Apache-2.0
"""The last rounding of a monotone arithmetic, solved boundary by boundary with bisection."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction

from intaglio.numerics.corners.bins import Bin, Corner, Event, Impossible, Outcome
from intaglio.numerics.corners.progressions import Progression
from intaglio.numerics.corners.proofs import AllTried
from intaglio.numerics.corners.rounding_corners import NEGATIVE, POSITIVE
from intaglio.numerics.rounding import Rounding, round_fraction

MOST_BOUNDARIES = 1 << 11
"""How many integers and halves are looked at; a code of 8 bits has some 500."""

_HALF = Fraction(1, 2)


@dataclass(frozen=True, slots=True)
class _Nearest:
    """The accumulator that comes nearest to a boundary so far, and how near."""

    distance: Fraction
    accumulator: int


def boundary_outcomes(
    stage: str,
    before: Callable[[int], Fraction],
    direction: int,
    mode: Rounding,
    domain: Progression,
) -> Iterator[Outcome | Bin]:
    """The rounding bins of ``round(before(x))``; undecided where there are too many boundaries.

    Args:
        stage: the name of the stage.
        before: what is rounded, exactly; monotone.
        direction: 1 where it never falls, -1 where it never rises.
        mode: how it is rounded.
        domain: the accumulators.
    """
    ends = sorted(before(x) for x in (domain.hull.low, domain.hull.high))
    low, high = round_fraction(ends[0], Rounding.FLOOR), round_fraction(ends[1], Rounding.CEIL)
    complete = 2 * (high - low + 1) <= MOST_BOUNDARIES
    first = low if complete else max(low, -MOST_BOUNDARIES // 4)
    last = high if complete else min(high, MOST_BOUNDARIES // 4)
    halves = range(2 * first, 2 * last + 1)
    found: dict[Bin, _Nearest] = {}
    for half in halves:
        for bin, near in _around(stage, Fraction(half, 2), before, direction, domain):
            if bin not in found or near.distance < found[bin].distance:
                found[bin] = near
    for bin in _bins(stage):
        if bin in found:
            yield Corner(bin, found[bin].accumulator)
        elif complete:
            yield Impossible(bin, AllTried(len(halves)))
        else:
            yield bin
    carries = _carries(before, direction, mode, domain, range(first, last))
    longest = (max(high, 0) + 1).bit_length()
    for which in (*(f"{bits} bits" for bits in range(1, longest)), "all bits"):
        bin = Bin(stage, Event.CARRY, which)
        if which in carries:
            yield Corner(bin, carries[which])
        else:
            yield Impossible(bin, AllTried(last - first)) if complete else bin


def _bins(stage: str) -> Iterator[Bin]:
    for sign in (NEGATIVE, POSITIVE):
        for event in (
            Event.EXACT,
            Event.TIE_ON_EVEN,
            Event.TIE_ON_ODD,
            Event.ABOVE_INTEGER,
            Event.BELOW_HALF,
            Event.ABOVE_HALF,
            Event.BELOW_INTEGER,
        ):
            yield Bin(stage, event, sign)


def _around(
    stage: str,
    boundary: Fraction,
    before: Callable[[int], Fraction],
    direction: int,
    domain: Progression,
) -> Iterator[tuple[Bin, _Nearest]]:
    """What happens at, and directly beside, one integer or half."""
    at = domain.first_index(lambda x: direction * before(x) >= direction * boundary)
    past = domain.first_index(lambda x: direction * before(x) > direction * boundary)
    end = domain.indices.high + 1
    at, past = end if at is None else at, end if past is None else past
    indices = {at, past, at - 1, past - 1}
    for index in indices:
        if not domain.indices.contains(index):
            continue
        x = domain.at(index)
        value = before(x)
        event = _event(value, boundary)
        if value != 0 and event is not None:
            sign = NEGATIVE if value < 0 else POSITIVE
            yield Bin(stage, event, sign), _Nearest(abs(value - boundary), x)


def _event(value: Fraction, boundary: Fraction) -> Event | None:
    """What ``value`` is to a boundary less than one half away."""
    integer = boundary.denominator == 1
    if value == boundary:
        if integer:
            return Event.EXACT
        return Event.TIE_ON_ODD if (boundary - _HALF) % 2 else Event.TIE_ON_EVEN
    if abs(value - boundary) >= _HALF:
        return None
    if value > boundary:
        return Event.ABOVE_INTEGER if integer else Event.ABOVE_HALF
    return Event.BELOW_INTEGER if integer else Event.BELOW_HALF


def _carries(
    before: Callable[[int], Fraction],
    direction: int,
    mode: Rounding,
    domain: Progression,
    floors: range,
) -> dict[str, int]:
    """By how far the carry runs: an accumulator at which a floor is rounded up."""
    found: dict[str, int] = {}
    for floor in floors:
        ones = (~floor & (floor + 1)).bit_length() - 1
        if floor < -1 or ones == 0:
            continue
        # The greatest value below floor + 1 is rounded up if any is.
        edge = (
            domain.first_index(lambda x, end=floor + 1: before(x) >= end)  # type: ignore[misc]
            if direction > 0
            else domain.first_index(lambda x, end=floor + 1: before(x) < end)  # type: ignore[misc]
        )
        index = (domain.indices.high + 1 if edge is None else edge) - (direction > 0)
        if not domain.indices.contains(index):
            continue
        value = before(domain.at(index))
        if floor < value < floor + 1 and round_fraction(value, mode) == floor + 1:
            found.setdefault("all bits" if floor == -1 else f"{ones} bits", domain.at(index))
    return found
