# SPDX-License-Identifier: Apache-2.0
"""One sum as an accumulator keeps it, term by term: the definition."""

from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from typing import assert_never

from intaglio.numerics.accumulator import (
    AccumulationOrder,
    Accumulator,
    Overflow,
    PartialSums,
    Reduction,
    Trapped,
)
from intaglio.numerics.integers import IntType

Hold = Callable[[int, IntType, Overflow], int]
"""What a type keeps of a sum under an overflow rule."""


def held(total: int, type: IntType, overflow: Overflow) -> int:
    """The sum itself where the type holds it, else what the rule makes of it.

    Raises:
        Trapped: the rule is TRAP.
    """
    match overflow:
        case Overflow.WRAP:
            return type.wrap(total)
        case Overflow.SATURATE | Overflow.SATURATE_EACH_ADD:
            return type.saturate(total)
        case Overflow.TRAP:
            if not type.contains(total):
                raise Trapped(f"the sum {total}, which {type} doesn't hold")
            return total
        case _:
            assert_never(overflow)


def accumulate(
    products: Iterable[int],
    bias: int,
    accumulator: Accumulator,
    in_registers: Hold = held,
    in_accumulator: Hold = held,
) -> int:
    """The sum of ``products`` and ``bias`` as the accumulator keeps it.

    Args:
        products: in the order of the terms.
        bias: added first or last.
        accumulator: where the sum is kept.
        in_registers: asked for each sum that a partial sum's register is to hold.
        in_accumulator: asked for each sum that the accumulator is to hold.

    Raises:
        Trapped: an addition leaves a type that traps.
    """
    terms = products
    if accumulator.truncation is not None:
        terms = [accumulator.truncation.apply(product) for product in products]
    if accumulator.partial_sums is not None:
        terms = partial_sums(list(terms), accumulator.partial_sums, in_registers)
    match accumulator.order:
        case AccumulationOrder.BIAS_FIRST:
            ordered = chain((bias,), terms)
        case AccumulationOrder.BIAS_LAST:
            ordered = chain(terms, (bias,))
        case _:
            assert_never(accumulator.order)
    return _chained(ordered, accumulator.type, accumulator.overflow, in_accumulator)


def partial_sums(terms: Sequence[int], registers: PartialSums, hold: Hold = held) -> list[int]:
    """What the registers hold at the end of each tile of ``terms``."""
    sums: list[int] = []
    first = 0
    for length in registers.lengths(len(terms)):
        tile = terms[first : first + length]
        first += length
        match registers.reduction:
            case Reduction.CHAIN:
                sums.append(_chained(tile, registers.type, registers.overflow, hold))
            case Reduction.TREE:
                sums.append(_by_tree(tile, registers.type, registers.overflow, hold))
            case _:
                assert_never(registers.reduction)
    return sums


def _chained(terms: Iterable[int], type: IntType, overflow: Overflow, hold: Hold) -> int:
    if not overflow.ordered:
        return hold(sum(terms), type, overflow)
    total = 0
    for term in terms:
        total = hold(total + term, type, overflow)
    return total


def _by_tree(terms: Sequence[int], type: IntType, overflow: Overflow, hold: Hold) -> int:
    if not overflow.ordered:
        return hold(sum(terms), type, overflow)
    level = [hold(term, type, overflow) for term in terms]
    while len(level) > 1:
        met = [hold(a + b, type, overflow) for a, b in zip(level[::2], level[1::2], strict=False)]
        level = met + level[len(met) * 2 :]
    return level[0]
