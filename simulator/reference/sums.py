# SPDX-License-Identifier: Apache-2.0
"""One sum as an accumulator keeps it, term by term: the definition."""

from collections.abc import Iterable, Sequence
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


def accumulate(products: Iterable[int], bias: int, accumulator: Accumulator) -> int:
    """The sum of ``products`` and ``bias`` as the accumulator keeps it.

    Raises:
        Trapped: an addition leaves a type that traps.
    """
    terms = products
    if accumulator.truncation is not None:
        terms = [accumulator.truncation.apply(product) for product in products]
    if accumulator.partial_sums is not None:
        terms = partial_sums(list(terms), accumulator.partial_sums)
    match accumulator.order:
        case AccumulationOrder.BIAS_FIRST:
            ordered = chain((bias,), terms)
        case AccumulationOrder.BIAS_LAST:
            ordered = chain(terms, (bias,))
        case _:
            assert_never(accumulator.order)
    return _chained(ordered, accumulator.type, accumulator.overflow)


def partial_sums(terms: Sequence[int], registers: PartialSums) -> list[int]:
    """What the registers hold at the end of each tile of ``terms``."""
    sums: list[int] = []
    first = 0
    for length in registers.lengths(len(terms)):
        tile = terms[first : first + length]
        first += length
        match registers.reduction:
            case Reduction.CHAIN:
                sums.append(_chained(tile, registers.type, registers.overflow))
            case Reduction.TREE:
                sums.append(_by_tree(tile, registers.type, registers.overflow))
            case _:
                assert_never(registers.reduction)
    return sums


def _chained(terms: Iterable[int], type: IntType, overflow: Overflow) -> int:
    if not overflow.ordered:
        return _held(sum(terms), type, overflow)
    total = 0
    for term in terms:
        total = _held(total + term, type, overflow)
    return total


def _by_tree(terms: Sequence[int], type: IntType, overflow: Overflow) -> int:
    if not overflow.ordered:
        return _held(sum(terms), type, overflow)
    level = [_held(term, type, overflow) for term in terms]
    while len(level) > 1:
        met = [_held(a + b, type, overflow) for a, b in zip(level[::2], level[1::2], strict=False)]
        level = met + level[len(met) * 2 :]
    return level[0]


def _held(total: int, type: IntType, overflow: Overflow) -> int:
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
