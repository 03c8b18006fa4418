# SPDX-License-Identifier: Apache-2.0
"""From vectors of accumulators to codes in memory, output channels along the lanes."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from intaglio.compiler.analysis.accumulators import AccumulateOp
from intaglio.compiler.ir import fixed
from intaglio.compiler.ir.graph import Node
from intaglio.compiler.targets.tvm.expressions.channels import Channels
from intaglio.compiler.targets.tvm.expressions.floating import ScalarOnly
from intaglio.compiler.targets.tvm.function import index, load
from intaglio.compiler.targets.tvm.kernels import scope as scopes
from intaglio.compiler.targets.tvm.kernels.scope import Scope, Tensor
from intaglio.compiler.targets.tvm.library import Buffer, Expression, tirx
from intaglio.compiler.targets.tvm.number import Number
from intaglio.numerics.intervals import Interval


@dataclass(frozen=True, slots=True)
class Blocks:
    """Output channels in vectors; the last vector overlaps the one before.

    Attributes:
        channels: how many there are.
        lanes: of a vector.
    """

    channels: int
    lanes: int

    @property
    def starts(self) -> list[int]:
        """The first channel of each block."""
        last = max(self.channels - self.lanes, 0)
        return [min(block * self.lanes, last) for block in range(self.count)]

    @property
    def order(self) -> list[int]:
        """By lane of all blocks: its channel; lanes beyond the last channel repeat it."""
        return [
            min(start + lane, self.channels - 1)
            for start in self.starts
            for lane in range(self.lanes)
        ]

    @property
    def count(self) -> int:
        """How many blocks there are."""
        return -(-self.channels // self.lanes)

    @property
    def whole(self) -> bool:
        """Whether blocks follow one another without overlap or rest."""
        return self.channels % self.lanes == 0

    def start(self, at: Channels, block: Expression) -> Expression:
        """The first channel of a block that is computed."""
        if self.whole:
            return block * index(self.lanes)
        last = max(self.channels - self.lanes, 0)
        return at.function.bind(tirx.min(block * index(self.lanes), index(last)))


def ordered(node: Node, order: Sequence[int]) -> Node:
    """The follower with the parameters of its channels in another order."""
    match node.op:
        case fixed.Requantize(requantizers=requantizers) if len(requantizers) > 1:
            op: fixed.Op = fixed.Requantize(tuple(requantizers[c] for c in order))
        case fixed.Clamp(low=low, high=high):
            op = fixed.Clamp(
                tuple(low[c] for c in order) if len(low) > 1 else low,
                tuple(high[c] for c in order) if len(high) > 1 else high,
            )
        case _:
            return node
    return replace(node, op=op)


@dataclass(frozen=True, slots=True)
class Epilogue:
    """What becomes of a vector of accumulators: overflow rule, followers, store."""

    scope: Scope
    op: AccumulateOp
    total: Interval
    blocks: Blocks
    y: Tensor

    def store(self, to: Expression, block: Expression, sums: Expression) -> None:
        """Take the sums of one block of channels, and put the results from offset ``to`` on."""
        function, lanes = self.scope.function, self.blocks.lanes
        before = function.mark()
        at = Channels(function, block * index(lanes), lanes)
        try:
            found = self._followed(at, Number(sums, self.total, 32, lanes))
        except ScalarOnly:
            function.rewind(before)
            self._store_each(to, block, sums)
            return
        if self.blocks.channels >= lanes:
            self.y.store(to, found)
            return
        cells = function.local(str(self.y.type.integer.dtype), lanes)
        Tensor(function, cells, self.y.type, self.y.interval).store(index(0), found)
        for lane in range(self.blocks.channels):
            function.store(self.y.buffer, to + index(lane), load(cells, index(lane)))

    def _store_each(self, to: Expression, block: Expression, sums: Expression) -> None:
        function, lanes = self.scope.function, self.blocks.lanes
        cells: Buffer = function.local("int32", lanes)
        function.store(cells, index(0), sums, lanes)
        with function.loop(min(lanes, self.blocks.channels)) as lane:
            at = Channels(function, function.bind(block * index(lanes) + lane))
            one = Number(load(cells, lane), self.total, 32)
            self.y.store(to + lane, self._followed(at, one))

    def _followed(self, at: Channels, x: Number) -> Number:
        return followed(self.scope, self.op, self.blocks.order, at, x)


def followed(
    scope: Scope, op: AccumulateOp, order: Sequence[int], at: Channels, x: Number
) -> Number:
    """What the overflow rule and the followers make of sums; ``order`` is the lanes' channels."""
    accumulator = op.accumulator
    x = scopes.held(at, x, accumulator.type, accumulator.overflow)
    for node in scope.followers:
        x = scopes.followed(at, ordered(node, order), x)
    return x
