# SPDX-License-Identifier: Apache-2.0
"""Accumulators at which a rounding stage discards exactly what is wanted."""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from math import ceil, floor

from intaglio.numerics.corners.bins import Bin, Corner, Event, Impossible, Outcome
from intaglio.numerics.corners.branches import Branch, RoundingStage, least_numerator
from intaglio.numerics.corners.congruences import first_within
from intaglio.numerics.corners.proofs import Congruence, NeverRounds, NoResidue, NothingThere
from intaglio.numerics.intervals import Interval
from intaglio.numerics.rounding import Rounding, divide

NEGATIVE, POSITIVE = "negative", "positive"
_HALF = Fraction(1, 2)


def rounding_outcomes(stage: RoundingStage) -> Iterator[Outcome | Bin]:
    """Every rounding bin of a stage: hit, impossible, or the bin alone where it is undecided."""
    for sign, low, high in ((NEGATIVE, None, -1), (POSITIVE, 1, None)):
        pieces = [part for each in stage.branches if (part := each.within(low, high)) is not None]
        for event in (Event.EXACT, Event.TIE_ON_EVEN, Event.TIE_ON_ODD):
            yield _residue(Bin(stage.name, event, sign), pieces, stage.complete)
        for event in (Event.ABOVE_INTEGER, Event.BELOW_HALF, Event.ABOVE_HALF, Event.BELOW_INTEGER):
            yield _nearest(Bin(stage.name, event, sign), pieces, stage.complete)
    yield from _carries(stage)


def _residue(bin: Bin, pieces: Sequence[Branch], complete: bool) -> Outcome | Bin:
    """The first piece on which ``h`` has the residue that the event asks for."""
    statements: list[Congruence] = []
    for piece in pieces:
        d = piece.denominator
        if bin.event is Event.EXACT:
            statement = _congruence(piece, 0, 0, d)
        elif d % 2:
            continue
        else:
            odd = bin.event is Event.TIE_ON_ODD
            residue = d // 2 + d * odd
            statement = _congruence(piece, residue, residue, 2 * d)
        found = _solution(statement)
        if found is not None:
            return Corner(bin, piece.accumulator(found))
        statements.append(statement)
    return _unsolved(bin, pieces, statements, complete)


def _nearest(bin: Bin, pieces: Sequence[Branch], complete: bool) -> Outcome | Bin:
    """Over all pieces, the discarded fraction that comes nearest to where the event points."""
    best: tuple[Fraction, int] | None = None
    statements: list[Congruence] = []
    for piece in pieces:
        d = piece.denominator
        low, high = _window(bin.event, d, None if best is None else best[0])
        if low > high:
            continue
        statement = _congruence(piece, low, high, d)
        if _solution(statement) is None:
            statements.append(statement)
            continue
        found = _extreme(piece, low, high, bin.event in (Event.ABOVE_INTEGER, Event.ABOVE_HALF))
        residue = piece.rounded(found) % d
        best = _distance(bin.event, Fraction(residue, d)), piece.accumulator(found)
    if best is not None:
        return Corner(bin, best[1])
    return _unsolved(bin, pieces, statements, complete)


def _window(event: Event, d: int, best: Fraction | None) -> tuple[int, int]:
    """The residues modulo ``d`` on the event's side, nearer than the best distance so far."""
    reach = _HALF if best is None else best
    match event:
        case Event.ABOVE_INTEGER:
            return 1, ceil(reach * d) - 1
        case Event.BELOW_HALF:
            return max(1, floor((_HALF - reach) * d) + 1), ceil(_HALF * d) - 1
        case Event.ABOVE_HALF:
            return floor(_HALF * d) + 1, min(d, ceil((_HALF + reach) * d)) - 1
        case _:
            return floor((1 - reach) * d) + 1, d - 1


def _distance(event: Event, part: Fraction) -> Fraction:
    """How far the discarded part lies from where the event points."""
    match event:
        case Event.ABOVE_INTEGER:
            return part
        case Event.BELOW_HALF | Event.ABOVE_HALF:
            return abs(part - _HALF)
        case _:
            return 1 - part


def _extreme(piece: Branch, low: int, high: int, least: bool) -> int:
    """The ``t`` whose residue is the least, or the greatest, of a window that isn't empty."""
    best = low
    while low <= high:
        middle = (low + high) // 2
        near = Interval(low, middle) if least else Interval(middle, high)
        found = _solution(_congruence(piece, near.low, near.high, piece.denominator))
        if found is None:
            low, high = (middle + 1, high) if least else (low, middle - 1)
            continue
        best = found
        residue = piece.rounded(found) % piece.denominator
        low, high = (low, residue - 1) if least else (residue + 1, high)
    return best


def _carries(stage: RoundingStage) -> Iterator[Outcome | Bin]:
    """Floors ``0111…`` that are rounded up, of each length, and -1 that becomes 0."""
    positive = [part for each in stage.branches if (part := each.within(1, None)) is not None]
    tops = [max(each.rounded(t) // each.denominator for t in _ends(each)) for each in positive]
    for bits in range(1, (max(tops, default=0) + 1).bit_length()):
        yield _carry(Bin(stage.name, Event.CARRY, f"{bits} bits"), stage, positive, bits)
    negative = [part for each in stage.branches if (part := each.within(None, -1)) is not None]
    yield _carry_to_zero(Bin(stage.name, Event.CARRY, "all bits"), stage, negative)


def _carry(bin: Bin, stage: RoundingStage, pieces: Sequence[Branch], bits: int) -> Outcome | Bin:
    statements: list[Congruence] = []
    ones = (1 << bits) - 1
    for piece in pieces:
        d = piece.denominator
        up = _first_rounded_up(d, ones, stage.mode)
        if up is None:
            continue
        statement = _congruence(piece, ones * d + up, (ones + 1) * d - 1, d << (bits + 1))
        found = _solution(statement)
        if found is not None:
            return Corner(bin, piece.accumulator(found))
        statements.append(statement)
    return _unsolved(bin, pieces, statements, stage.complete)


def _carry_to_zero(bin: Bin, stage: RoundingStage, pieces: Sequence[Branch]) -> Outcome | Bin:
    for piece in pieces:
        up = _first_rounded_up(piece.denominator, -1, stage.mode)
        part = None if up is None else piece.within(up - piece.denominator, -1)
        if part is not None:
            return Corner(bin, part.accumulator(part.variables.low))
    condition = "a number above -1 that is rounded up to 0"
    return Impossible(bin, NothingThere(condition)) if stage.complete else bin


def _first_rounded_up(d: int, quotient: int, mode: Rounding) -> int | None:
    """The least discarded part with which an odd ``quotient`` becomes the next integer."""
    for part in (1, -(-d // 2), d // 2 + 1, d - 1):
        if 0 < part < d and divide(quotient * d + part, d, mode) > quotient:
            return part
    return None


def _congruence(piece: Branch, low: int, high: int, modulus: int) -> Congruence:
    """``low <= h <= high`` modulo ``modulus``, said of ``v``."""
    # Modes that look at the sign round the positive numbers of one period as all others do, and
    # the negative ones as their mirror image.
    turns = -2 * modulus if _negative(piece) else 2 * modulus
    window = Interval(
        least_numerator(low + turns, piece.unit, piece.inner) - turns * piece.unit,
        least_numerator(high + 1 + turns, piece.unit, piece.inner) - 1 - turns * piece.unit,
    )
    return Congruence(piece.slope, piece.offset, modulus * piece.unit, window, piece.variables)


def _solution(statement: Congruence) -> int | None:
    return first_within(
        statement.slope,
        statement.offset,
        statement.modulus,
        statement.window,
        statement.variables,
    )


def _negative(piece: Branch) -> bool:
    return piece.rounded(piece.variables.low) < 0


def _ends(piece: Branch) -> tuple[int, int]:
    return piece.variables.low, piece.variables.high


def _unsolved(
    bin: Bin, pieces: Sequence[Branch], statements: Sequence[Congruence], complete: bool
) -> Outcome | Bin:
    if not complete:
        return bin
    if not pieces:
        return Impossible(bin, NothingThere("a number of that sign to round there"))
    if not statements:
        return Impossible(bin, NeverRounds("the divisors and the mode of the stage leave no such"))
    return Impossible(bin, NoResidue(tuple(statements)))
