# SPDX-License-Identifier: Apache-2.0
"""Sums of whole arrays, term by term, as an accumulator keeps them."""

from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice
from typing import assert_never

import numpy as np

from intaglio.numerics.accumulator import (
    AccumulationOrder,
    Accumulator,
    Overflow,
    PartialSums,
    ProductTruncation,
    Reduction,
    Trapped,
)
from intaglio.numerics.integers import IntType
from intaglio.numerics.rounding import shift_right_array
from intaglio.simulator.vectorized.words import OBJECT, Array

Hold = Callable[[Array, IntType, Overflow], Array]
"""What a type keeps of sums under an overflow rule."""


def held(total: Array, type: IntType, overflow: Overflow) -> Array:
    """The sums themselves where the type holds them, else what the rule makes of them.

    Raises:
        Trapped: the rule is TRAP.
    """
    match overflow:
        case Overflow.WRAP:
            return type.wrap_array(total).astype(total.dtype)
        case Overflow.SATURATE | Overflow.SATURATE_EACH_ADD:
            clipped: Array = np.clip(total, type.minimum, type.maximum)
            return clipped
        case Overflow.TRAP:
            _require_held(total, type)
            return total
        case _:
            assert_never(overflow)


def term_sums(
    products: Iterable[Array],
    bias: Array,
    accumulator: Accumulator,
    in_registers: Hold = held,
    in_accumulator: Hold = held,
) -> Array:
    """The sums, in the word of the products and the bias, which no addition may overflow.

    Args:
        products: an array for each term, in the order of the terms.
        bias: broadcasts to them.
        accumulator: where the sums are kept.
        in_registers: asked for all sums that partial sums' registers are to hold.
        in_accumulator: asked for all sums that accumulators are to hold.

    Raises:
        Trapped: an addition leaves a type that traps.
    """
    word = bias.dtype
    terms = iter(products)
    if accumulator.truncation is not None:
        terms = (_truncated(product, accumulator.truncation) for product in terms)
    if accumulator.partial_sums is not None:
        terms = _partial_sums(terms, accumulator.partial_sums, in_registers)
    ordered = in_order(terms, bias, accumulator.order)
    total = _chained(ordered, accumulator.type, accumulator.overflow, in_accumulator)
    return total.astype(word, copy=False)


def in_order(terms: Iterable[Array], bias: Array, order: AccumulationOrder) -> Iterable[Array]:
    """What is added to an accumulator that starts at zero."""
    match order:
        case AccumulationOrder.BIAS_FIRST:
            return chain((bias,), terms)
        case AccumulationOrder.BIAS_LAST:
            return chain(terms, (bias,))
        case _:
            assert_never(order)


def _truncated(products: Array, truncation: ProductTruncation) -> Array:
    if products.dtype == OBJECT:
        kept = [truncation.apply(int(product)) for product in products.ravel()]
        return np.array(kept, dtype=OBJECT).reshape(products.shape)
    shifted: Array = shift_right_array(products, truncation.dropped_bits, truncation.rounding)
    return shifted


def _partial_sums(terms: Iterator[Array], registers: PartialSums, hold: Hold) -> Iterator[Array]:
    while (first := next(terms, None)) is not None:
        rest = terms if registers.length == 0 else islice(terms, registers.length - 1)
        tile = chain((first,), rest)
        match registers.reduction:
            case Reduction.CHAIN:
                yield _chained(tile, registers.type, registers.overflow, hold)
            case Reduction.TREE:
                yield _by_tree(tile, registers.type, registers.overflow, hold)
            case _:
                assert_never(registers.reduction)


def _chained(terms: Iterable[Array], type: IntType, overflow: Overflow, hold: Hold) -> Array:
    total: Array | None = None
    for term in terms:
        total = term if total is None else total + term
        if overflow.ordered:
            total = hold(total, type, overflow)
    assert total is not None
    return total if overflow.ordered else hold(total, type, overflow)


def _by_tree(terms: Iterable[Array], type: IntType, overflow: Overflow, hold: Hold) -> Array:
    if not overflow.ordered:
        return _chained(terms, type, overflow, hold)
    # Sums that wait for their neighbour, with how many terms are in each: powers of two, falling.
    waiting: list[tuple[int, Array]] = []
    for term in terms:
        count, total = 1, hold(term, type, overflow)
        while waiting and waiting[-1][0] == count:
            _, left = waiting.pop()
            count, total = 2 * count, hold(left + total, type, overflow)
        waiting.append((count, total))
    # What is left over at one level goes up until it meets a neighbour.
    _, total = waiting.pop()
    while waiting:
        _, left = waiting.pop()
        total = hold(left + total, type, overflow)
    return total


def _require_held(total: Array, type: IntType) -> None:
    if not total.size:
        return
    for end in (int(total.min()), int(total.max())):
        if not type.contains(end):
            raise Trapped(f"the sum {end}, which {type} doesn't hold")
