# SPDX-License-Identifier: Apache-2.0
"""Sums of a tile of pixels and vectors of channels, term by term, in lanes of 32 bits.

The registers of all places of a tile take each term together, so that one waits for another's
result; what is decided by how many terms have come is decided once for all of them.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from intaglio.compiler.analysis.accumulators import ChannelRange
from intaglio.compiler.targets.tvm.expressions.channels import Channels
from intaglio.compiler.targets.tvm.expressions.rounding import shift_right
from intaglio.compiler.targets.tvm.function import Function, index, load
from intaglio.compiler.targets.tvm.kernels import scope as scopes
from intaglio.compiler.targets.tvm.library import Buffer, Expression, tirx
from intaglio.compiler.targets.tvm.number import Number, constant
from intaglio.numerics.accumulator import (
    AccumulationOrder,
    Accumulator,
    Overflow,
    PartialSums,
    Reduction,
)
from intaglio.numerics.integers import IntType
from intaglio.numerics.intervals import Interval

_WORD = 32


@dataclass(frozen=True, slots=True)
class Registers:
    """A vector of sums for each place, with one overflow rule.

    Attributes:
        function: where statements go.
        type: what each lane states to be.
        overflow: its rule.
        total: the interval of the exact sum, where not every addition is held.
        lanes: of a vector.
        count: places.
        cells: the memory, which becomes registers.
    """

    function: Function
    type: IntType
    overflow: Overflow
    total: Interval
    lanes: int
    count: int
    cells: Buffer

    def put(self, place: int, value: Number) -> None:
        """Let a place hold a value."""
        at = index(place * self.lanes)
        self.function.store(self.cells, at, value.word(_WORD), self.lanes)

    def clear(self) -> None:
        """Let all places hold zero."""
        for place in range(self.count):
            self.put(place, constant(0, self.lanes))

    def kept(self, place: int) -> Number:
        """What a place holds."""
        interval = self.type.interval if self.overflow.ordered else self.total
        value = load(self.cells, index(place * self.lanes), self.lanes)
        return Number(self.function.bind(value), interval, _WORD, self.lanes)

    def add(self, place: int, term: Number) -> None:
        """Add a term to the sum of a place."""
        if self.overflow.ordered:
            self.put(place, self.held(self.kept(place) + term))
            return
        exact = self.kept(place).word(_WORD) + term.word(_WORD)
        self.put(place, Number(exact, self.total, _WORD, self.lanes))

    def value(self, place: int) -> Number:
        """The sum of a place in the end, its rule applied."""
        return self.held(self.kept(place))

    def held(self, total: Number) -> Number:
        """A sum after the overflow rule."""
        at = Channels(self.function, index(0), self.lanes)
        return scopes.held(at, total, self.type, self.overflow)


@dataclass(frozen=True, slots=True)
class Shape:
    """How many sums there are at once; places go by pixel, then by vector.

    Attributes:
        pixels: outputs of a row.
        vectors: of channels.
        lanes: of a vector.
    """

    pixels: int
    vectors: int
    lanes: int

    @property
    def places(self) -> int:
        """How many vectors there are in all."""
        return self.pixels * self.vectors


def registers(
    function: Function, type: IntType, overflow: Overflow, total: Interval, shape: Shape
) -> Registers:
    """Registers of their own."""
    cells = function.local("int32", shape.places * shape.lanes)
    return Registers(function, type, overflow, total, shape.lanes, shape.places, cells)


def lengths_of(accumulator: Accumulator, terms: int) -> tuple[int, ...]:
    """How many terms each tile has: all of them are one where there are no partial sums."""
    partial = accumulator.partial_sums
    return (terms,) if partial is None else partial.lengths(terms)


def is_tree(partial: PartialSums) -> bool:
    """Whether it matters that terms meet in pairs."""
    return partial.reduction is Reduction.TREE and partial.overflow.ordered


Products = Callable[[Expression], Iterator[Number]]
"""The products of all places, in order, at the number of a term."""


class TermSums:
    """The sums of a tile.

    Attributes:
        totals: the accumulators.
    """

    def __init__(
        self,
        function: Function,
        accumulator: Accumulator,
        bounds: ChannelRange,
        terms: int,
        shape: Shape,
    ) -> None:
        """Make the registers, which hold nothing yet, for sums of so many terms."""
        self._function, self._accumulator = function, accumulator
        self._at = Channels(function, index(0), shape.lanes)
        self._shape = shape
        self._lengths = lengths_of(accumulator, terms)
        type, overflow = accumulator.type, accumulator.overflow
        self.totals = registers(function, type, overflow, bounds.total, shape)
        partial = accumulator.partial_sums
        self._levels: list[Registers] = []
        if partial is not None:
            count = self._lengths[0].bit_length() if is_tree(partial) else 1
            self._levels = [
                registers(function, partial.type, partial.overflow, bounds.tile, shape)
                for _ in range(count)
            ]

    def add_all(self, products: Products, biases: Sequence[Number]) -> None:
        """Add the terms of all products, and the bias of each vector of channels."""
        first = self._accumulator.order is AccumulationOrder.BIAS_FIRST
        self.totals.clear()
        if first:
            self._add_biases(biases)
        self._add_terms(products)
        if not first:
            self._add_biases(biases)

    def _add_biases(self, biases: Sequence[Number]) -> None:
        for place in range(self._shape.places):
            self.totals.add(place, biases[place % self._shape.vectors])

    def _add_terms(self, products: Products) -> None:
        partial = self._accumulator.partial_sums
        each = self._lengths[0]
        if partial is None:
            with self._function.loop(each) as k:
                for place, term in self._terms(products, k):
                    self.totals.add(place, term)
            return
        rest = self._lengths[-1] % each
        with self._function.loop(len(self._lengths) - (rest > 0)) as tile:
            first = self._function.bind(tile * index(each))
            self._add_tile(partial, first, each, products)
        if rest:
            first = index(each * (len(self._lengths) - 1))
            self._add_tile(partial, first, rest, products)

    def _terms(self, products: Products, k: Expression) -> Iterator[tuple[int, Number]]:
        truncation = self._accumulator.truncation
        for place, product in enumerate(products(k)):
            if truncation is None:
                yield place, product
                continue
            dropped = [truncation.dropped_bits]
            yield place, shift_right(self._at, product, dropped, truncation.rounding)

    def _add_tile(
        self, partial: PartialSums, first: Expression, length: int, products: Products
    ) -> None:
        if is_tree(partial):
            self._add_tree(first, length, products)
            return
        (tile,) = self._levels
        tile.clear()
        with self._function.loop(length) as k:
            for place, term in self._terms(products, first + k):
                tile.add(place, term)
        for place in range(self._shape.places):
            self.totals.add(place, tile.value(place))

    def _add_tree(self, first: Expression, length: int, products: Products) -> None:
        """Terms meet in pairs; a level's sum waits while its bit of their number is set."""
        top = length.bit_length() - 1
        with self._function.loop(length) as k:
            met = [
                self._at.once(self._levels[0].held(term))
                for _, term in self._terms(products, first + k)
            ]
            self._go_up(0, top, met, k)
        waiting = [level for level in range(top + 1) if length >> level & 1]
        for place in range(self._shape.places):
            total = self._levels[waiting[0]].kept(place)
            for level in waiting[1:]:
                other = self._levels[level]
                total = self._at.once(other.held(other.kept(place) + total))
            self.totals.add(place, total)

    def _go_up(self, level: int, top: int, sums: Sequence[Number], count: Expression) -> None:
        here = self._levels[level]
        if level == top:
            self._wait(here, sums)
            return
        bit = tirx.bitwise_and(tirx.shift_right(count, index(level)), index(1))
        waits = self._function.bind(bit)
        with self._function.when(tirx.EQ(waits, index(0))):
            self._wait(here, sums)
        with self._function.when(tirx.EQ(waits, index(1))):
            met = [
                self._at.once(here.held(here.kept(place) + total))
                for place, total in enumerate(sums)
            ]
            self._go_up(level + 1, top, met, count)

    @staticmethod
    def _wait(level: Registers, sums: Sequence[Number]) -> None:
        for place, total in enumerate(sums):
            level.put(place, total)
