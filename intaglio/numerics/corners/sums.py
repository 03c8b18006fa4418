# SPDX-License-Identifier: Apache-2.0
"""Operands whose products with given weights sum to exactly what is wanted."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import gcd

from intaglio.numerics.intervals import Interval

MOST_BITS = 1 << 22
"""Length of the sets of reachable sums, a bit for each sum."""

FEW = 12
"""So many terms are decided for good; of more, some of the smallest make up the last rest."""

_SMALLEST = (6, 14)
"""How many of them, and how many where that isn't enough: sums near the ends have gaps."""


@dataclass(frozen=True, slots=True)
class Unreachable:
    """No operands reach the sum."""

    why: str

    def __str__(self) -> str:
        """One sentence."""
        return self.why


@dataclass(frozen=True, slots=True)
class NotFound:
    """The search was given up: operands may exist."""


Reached = tuple[int, ...] | Unreachable | NotFound


@dataclass(frozen=True, slots=True)
class _Term:
    """``size * u`` of the sum, ``0 <= u <= most``; ``index`` is the operand's."""

    index: int
    size: int


def reach(weights: Sequence[int], operands: Interval, target: int) -> Reached:
    """Operands ``x`` within an interval with ``Σ weights[k] * x[k] == target``.

    The largest weights are given their share of the target, greedily.  Of the smallest, which have
    the common divisor of all, the set of all sums is known, and the rest is taken from it: where
    these are all weights, a sum that isn't reached is proved unreachable.

    >>> reach((7, -4, 0), Interval(-128, 127), 1)
    (-1, -2, 0)

    Args:
        weights: one for each operand.
        operands: what each operand can be.
        target: the wanted sum.
    """
    terms = [_Term(index, abs(weight)) for index, weight in enumerate(weights) if weight]
    lowest = sum(min(w * operands.low, w * operands.high) for w in weights)
    most, rest = operands.width, target - lowest
    if not 0 <= rest <= most * sum(term.size for term in terms):
        return Unreachable(f"all sums lie in [{lowest}, {lowest + most * _total(terms)}]")
    common = gcd(*weights) or 1
    if rest % common:
        return Unreachable(f"every sum is {lowest % common} modulo {common}")
    terms.sort(key=lambda term: -term.size)
    found: dict[int, int] | None = None
    for smallest in _SMALLEST:
        head, tail = _split(terms, most, common, smallest)
        found = _solve(head, tail, most, rest)
        if found is None and not head:
            return Unreachable(f"none of the sums of the {len(tail)} weights that aren't 0")
        if found is not None:
            break
    if found is None:
        return NotFound()
    values = [operands.low if weight >= 0 else operands.high for weight in weights]
    values = [
        value if weights[index] else _nearest_zero(operands) for index, value in enumerate(values)
    ]
    for index, count in found.items():
        values[index] += count if weights[index] > 0 else -count
    return tuple(values)


def _total(terms: Sequence[_Term]) -> int:
    return sum(term.size for term in terms)


def _nearest_zero(operands: Interval) -> int:
    return min(max(0, operands.low), operands.high)


def _split(
    terms: Sequence[_Term], most: int, common: int, smallest: int
) -> tuple[list[_Term], list[_Term]]:
    """Large terms, and small ones with the common divisor whose sums fit a set."""
    if len(terms) <= FEW and most * _total(terms) < MOST_BITS:
        return [], list(terms)
    tail: list[_Term] = []
    divisor = 0
    for term in reversed(terms):
        fits = len(tail) < smallest and most * (_total(tail) + term.size) < MOST_BITS
        if fits or len(tail) < 2 or gcd(divisor, term.size) < divisor:
            tail.append(term)
            divisor = gcd(divisor, term.size)
        if divisor == common and not fits:
            break
    chosen = {term.index for term in tail}
    return [term for term in terms if term.index not in chosen], tail


def _solve(
    head: Sequence[_Term], tail: Sequence[_Term], most: int, rest: int
) -> dict[int, int] | None:
    """How much of each term, so that the sizes make up ``rest``."""
    sums = _reachable(tuple(term.size for term in tail), most)
    capacity = most * _total(tail)
    counts: dict[int, int] = {}
    later = capacity + most * _total(head)
    for term in head:
        share = rest * most // later if later else 0
        later -= most * term.size
        least = max(0, -((later - rest) // term.size))
        count = min(max(share, least), most, rest // term.size)
        counts[term.index] = count
        rest -= count * term.size
    if not 0 <= rest <= capacity:
        return None
    for changed, left in _neighbours(head, counts, most, rest):
        if 0 <= left <= capacity and sums[-1] >> left & 1:
            return counts | changed | _taken_apart(tail, sums, most, left)
    return None


def _neighbours(
    head: Sequence[_Term], counts: dict[int, int], most: int, rest: int
) -> list[tuple[dict[int, int], int]]:
    """The rest as it is, and with one count of the head changed a little."""
    found: list[tuple[dict[int, int], int]] = [({}, rest)]
    for change in (-1, 1, -2, 2, -3, 3):
        for term in head[-16:]:
            count = counts[term.index] + change
            if 0 <= count <= most:
                found.append(({term.index: count}, rest - change * term.size))
    return found


@lru_cache(maxsize=64)
def _reachable(sizes: tuple[int, ...], most: int) -> tuple[int, ...]:
    """The sums of the first 0, 1, 2, … terms: bit s is set where s is one."""
    sets = [1]
    for size in sizes:
        held, counted = sets[-1], 0
        # After each step the set holds all sums with counts up to ``counted``.
        while counted < most:
            step = min(counted + 1, most - counted)
            held |= held << (size * step)
            counted += step
        sets.append(held)
    return tuple(sets)


def _taken_apart(
    terms: Sequence[_Term], sums: Sequence[int], most: int, rest: int
) -> dict[int, int]:
    """How much of each term makes up a sum that is in the last set."""
    counts: dict[int, int] = {}
    for number in reversed(range(len(terms))):
        term = terms[number]
        # The middle first: operands at neither end look more like data.
        share = rest // (_total(terms[: number + 1]) or 1)
        for count in sorted(range(most + 1), key=lambda count: abs(count - share)):
            left = rest - count * term.size
            if left >= 0 and sums[number] >> left & 1:
                counts[term.index] = count
                rest = left
                break
    return counts
