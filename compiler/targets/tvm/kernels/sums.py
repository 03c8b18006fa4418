# SPDX-License-Identifier: Apache-2.0
"""One sum as an accumulator keeps it, term by term, for any machine and any width."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce

from intaglio.compiler.analysis.accumulators import AccumulateOp, ChannelRange, channel_ranges
from intaglio.compiler.analysis.settled_accumulators import settled
from intaglio.compiler.targets.tvm.expressions.channels import Channels
from intaglio.compiler.targets.tvm.expressions.rounding import shift_right
from intaglio.compiler.targets.tvm.function import Function, index, load
from intaglio.compiler.targets.tvm.kernels import scope as scopes
from intaglio.compiler.targets.tvm.kernels.scope import Scope
from intaglio.compiler.targets.tvm.library import Buffer, Expression, tirx
from intaglio.compiler.targets.tvm.number import Number, constant, word_of
from intaglio.numerics.accumulator import (
    AccumulationOrder,
    Accumulator,
    Overflow,
    PartialSums,
    Reduction,
)
from intaglio.numerics.integers import IntType
from intaglio.numerics.intervals import Interval


@dataclass(frozen=True, slots=True)
class Register:
    """Where terms are added one after another: memory as wide as any value that it can hold.

    Attributes:
        type: what the graph states.
        overflow: its rule.
        total: the interval of the exact sum, where not every addition is held.
        bits: the word.
        cell: the memory.
    """

    function: Function
    type: IntType
    overflow: Overflow
    total: Interval
    bits: int
    cell: Buffer

    def clear(self) -> None:
        """Start at zero."""
        self.function.store(self.cell, index(0), constant(0).word(self.bits))

    def add(self, term: Number) -> None:
        """Add a term."""
        kept = load(self.cell, index(0))
        if not self.overflow.ordered:
            self.function.store(self.cell, index(0), kept + term.word(self.bits))
            return
        at = Channels(self.function, index(0))
        total = Number(kept, self.type.interval, self.bits) + term
        after = scopes.held(at, total, self.type, self.overflow)
        self.function.store(self.cell, index(0), after.word(self.bits))

    def value(self, at: Channels) -> Number:
        """What it holds in the end."""
        kept = at.function.bind(load(self.cell, index(0)))
        if self.overflow.ordered:
            return Number(kept, self.type.interval, self.bits)
        exact = Number(kept, self.total, self.bits)
        return scopes.held(at, exact, self.type, self.overflow)


def _register(
    function: Function, type: IntType, overflow: Overflow, partial: Interval, total: Interval
) -> Register:
    """A register whose sums of subsets of its terms lie within ``partial``."""
    bits = word_of(type.interval if overflow.ordered else partial)
    cell = function.local(f"int{bits}", 1)
    return Register(function, type, overflow, total, bits, cell)


@dataclass(frozen=True, slots=True)
class Chain:
    """A tile whose terms go to one register."""

    register: Register

    def clear(self) -> None:
        """Start at zero."""
        self.register.clear()

    def add(self, term: Number, _: Expression) -> None:
        """Add a term."""
        self.register.add(term)

    def end(self, at: Channels, _: int) -> Number:
        """The sum of the tile; the next one starts at zero."""
        found = self.register.value(at)
        self.register.clear()
        return found


@dataclass(frozen=True, slots=True)
class Tree:
    """A tile whose terms meet in pairs: of each level the sum that waits for its neighbour.

    As many terms as a binary number says have come; a level's sum waits where its bit is set.

    Attributes:
        type: what each register holds.
        overflow: its rule, which saturates.
        levels: the memory, one element for each.
        top: the last level.
    """

    function: Function
    type: IntType
    overflow: Overflow
    levels: Buffer
    top: int

    def clear(self) -> None:
        """Start with levels that hold something: C compilers don't see that none is read before."""
        zero = constant(0).word(self._bits)
        for level in range(self.top + 1):
            self.function.store(self.levels, index(level), zero)

    def add(self, term: Number, count: Expression) -> None:
        """Add a term, with ``count`` before it."""
        self._go_up(0, self._held(term), count)

    def end(self, at: Channels, count: int) -> Number:
        """The sum of ``count`` terms: what waits at a level goes up until it meets a neighbour."""
        waiting = [level for level in range(self.top + 1) if count >> level & 1]
        total = at.once(self._waiting(waiting[0]))
        for level in waiting[1:]:
            total = self._held(self._waiting(level) + total)
        return total

    def _go_up(self, level: int, total: Number, count: Expression) -> None:
        if level == self.top:
            self._wait(level, total)
            return
        bit = tirx.bitwise_and(tirx.shift_right(count, index(level)), index(1))
        waits = self.function.bind(bit)
        with self.function.when(tirx.EQ(waits, index(0))):
            self._wait(level, total)
        with self.function.when(tirx.EQ(waits, index(1))):
            self._go_up(level + 1, self._held(self._waiting(level) + total), count)

    def _wait(self, level: int, total: Number) -> None:
        self.function.store(self.levels, index(level), total.word(self._bits))

    def _waiting(self, level: int) -> Number:
        return Number(load(self.levels, index(level)), self.type.interval, self._bits)

    @property
    def _bits(self) -> int:
        return word_of(self.type.interval)

    def _held(self, total: Number) -> Number:
        at = Channels(self.function, index(0))
        return at.once(scopes.held(at, total, self.type, self.overflow))


@dataclass(frozen=True, slots=True)
class Tiles:
    """Partial sums.

    Attributes:
        length: terms of a whole tile.
        rest: terms of the last one, 0 where that is whole too.
        count: how many terms of the tile have come.
        tile: where they are.
    """

    length: int
    rest: int
    count: Buffer
    tile: Chain | Tree


@dataclass(frozen=True, slots=True)
class Sum:
    """One sum of a node.

    Attributes:
        accumulator: what the graph states, less what a proof makes needless.
        total: where the terms, or the partial sums, go.
        tiles: the partial sums, where there are any.
    """

    function: Function
    accumulator: Accumulator
    total: Register
    tiles: Tiles | None

    @property
    def counts_terms(self) -> bool:
        """Whether terms that are zero matter, since they have a place in a tile."""
        return self.tiles is not None

    def start(self) -> None:
        """Start without terms."""
        self.total.clear()
        if self.tiles is not None:
            self.function.store(self.tiles.count, index(0), index(0))
            self.tiles.tile.clear()

    def add(self, product: Number) -> None:
        """Add the term of a product."""
        at, term = Channels(self.function, index(0)), product
        truncation = self.accumulator.truncation
        if truncation is not None:
            term = shift_right(at, product, [truncation.dropped_bits], truncation.rounding)
        if self.tiles is None:
            self.total.add(term)
            return
        before = self.function.bind(load(self.tiles.count, index(0)))
        self.tiles.tile.add(term, before)
        after = self.function.bind(before + index(1))
        whole = tirx.EQ(after, index(self.tiles.length))
        self.function.store(self.tiles.count, index(0), tirx.Select(whole, index(0), after))
        with self.function.when(whole):
            self.total.add(self.tiles.tile.end(at, self.tiles.length))

    def end(self) -> None:
        """Add the last partial sum."""
        if self.tiles is not None and self.tiles.rest:
            at = Channels(self.function, index(0))
            self.total.add(self.tiles.tile.end(at, self.tiles.rest))


def new_sum(scope: Scope, op: AccumulateOp, terms: int) -> Sum:
    """An accumulator for the sums of a node, of so many terms each."""
    bounds = reduce(
        ChannelRange.__or__,
        channel_ranges(scope.graph.definitions, scope.node, op, scope.ranges),
    )
    accumulator = settled(op.accumulator, bounds)
    partial = accumulator.partial_sums
    # Between two ends of tiles that are none, some terms of a tile have come.
    reached = bounds.partial + bounds.tile if partial is None else bounds.partial
    type, overflow = accumulator.type, accumulator.overflow
    total = _register(scope.function, type, overflow, reached, bounds.total)
    tiles = None if partial is None else _tiles(scope.function, partial, bounds.tile, terms)
    return Sum(scope.function, accumulator, total, tiles)


def _tiles(function: Function, partial: PartialSums, reached: Interval, terms: int) -> Tiles:
    lengths = partial.lengths(terms)
    each = lengths[0]
    rest = lengths[-1] % each
    count = function.local("int32", 1)
    type, overflow = partial.type, partial.overflow
    if partial.reduction is Reduction.TREE and overflow.ordered:
        top = each.bit_length() - 1
        levels = function.local(f"int{word_of(type.interval)}", top + 1)
        return Tiles(each, rest, count, Tree(function, type, overflow, levels, top))
    register = _register(function, type, overflow, reached, reached)
    return Tiles(each, rest, count, Chain(register))


def summed(total: Sum, at: Channels, bias: Number | None, add_terms: Callable[[], None]) -> Number:
    """The sum of a bias and of the terms that ``add_terms`` adds, in the stated order."""
    total.start()
    if bias is not None and total.accumulator.order is AccumulationOrder.BIAS_FIRST:
        total.total.add(bias)
    add_terms()
    total.end()
    if bias is not None and total.accumulator.order is AccumulationOrder.BIAS_LAST:
        total.total.add(bias)
    return total.total.value(at)
