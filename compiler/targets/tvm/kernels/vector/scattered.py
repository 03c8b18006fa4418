# SPDX-License-Identifier: Apache-2.0
"""Channels in blocks of any order: their weights, and where their results go."""

from dataclasses import dataclass

import numpy as np

from intaglio.compiler.analysis.accumulators import AccumulateOp
from intaglio.compiler.targets.tvm.expressions.channels import Channels
from intaglio.compiler.targets.tvm.expressions.floating import ScalarOnly
from intaglio.compiler.targets.tvm.function import Function, cast, index, load, vector
from intaglio.compiler.targets.tvm.kernels.scope import Scope, Tensor
from intaglio.compiler.targets.tvm.kernels.vector.epilogue import followed
from intaglio.compiler.targets.tvm.kernels.vector.terms import Terms
from intaglio.compiler.targets.tvm.library import Expression
from intaglio.compiler.targets.tvm.number import Number
from intaglio.numerics.intervals import Interval


@dataclass(frozen=True, slots=True)
class Scatter:
    """The results of vectors of sums, each lane of which is a channel of its own.

    Attributes:
        scope: the node with its followers.
        op: its op.
        order: by lane of all blocks: its channel.
        lanes: of a block.
        y: the results.
    """

    scope: Scope
    op: AccumulateOp
    order: tuple[int, ...]
    lanes: int
    y: Tensor

    def store(self, pixel: Expression, block: Expression, sums: Number) -> None:
        """Take the sums of one block, and put the results of the pixel that starts there."""
        function = self.scope.function
        before = function.mark()
        at = Channels(function, block * index(self.lanes), self.lanes)
        try:
            found = followed(self.scope, self.op, self.order, at, sums)
        except ScalarOnly:
            function.rewind(before)
            self._store_each(pixel, block, sums)
            return
        starts = self._starts()
        if starts is not None:
            first = load(function.table(starts), block)
            self.y.store(function.bind(pixel + first), found)
            return
        cells = function.local(str(self.y.type.integer.dtype), self.lanes)
        Tensor(function, cells, self.y.type, self.y.interval).store(index(0), found)
        for lane in range(self.lanes):
            place = pixel + self._channel(block, index(lane))
            function.store(self.y.buffer, place, load(cells, index(lane)))

    def _store_each(self, pixel: Expression, block: Expression, sums: Number) -> None:
        function = self.scope.function
        cells = function.local(f"int{sums.bits}", self.lanes)
        function.store(cells, index(0), sums.expression, self.lanes)
        with function.loop(self.lanes) as lane:
            at = Channels(function, function.bind(block * index(self.lanes) + lane))
            one = Number(load(cells, lane), sums.interval, sums.bits)
            found = followed(self.scope, self.op, self.order, at, one)
            self.y.store(function.bind(pixel + self._channel(block, lane)), found)

    def _channel(self, block: Expression, lane: Expression) -> Expression:
        order = self.scope.function.table(np.array(self.order, dtype=np.int32))
        return load(order, block * index(self.lanes) + lane)

    def _starts(self) -> "np.ndarray[tuple[int, ...], np.dtype[np.int32]] | None":
        """The first channel of each block, where each block's are neighbours."""
        blocks = np.array(self.order, dtype=np.int32).reshape(-1, self.lanes)
        neighbours = blocks[:, :1] + np.arange(self.lanes, dtype=np.int32)
        return np.ascontiguousarray(blocks[:, 0]) if np.array_equal(blocks, neighbours) else None


class Packed:
    """Weights and biases of some channels, by block.

    Attributes:
        order: by lane of all blocks: its channel.
        count: how many blocks there are.
        size: bytes of the weights.
    """

    def __init__(
        self,
        function: Function,
        found: Terms,
        order: tuple[int, ...],
        first_inputs: tuple[int, ...],
        lanes: int,
    ) -> None:
        """Lay the tables out.

        Args:
            function: where they are read.
            found: all channels.
            order: by lane of all blocks: its channel.
            first_inputs: by block: the first channel of x that it sees.
            lanes: of a block.
        """
        self.order, self.count = order, len(first_inputs)
        self._function, self._lanes = function, lanes
        chosen = found.weights[list(order)].reshape(self.count, lanes, -1)
        self._depth = chosen.shape[2]
        self.size = chosen.nbytes
        self._weights = function.table(np.ascontiguousarray(chosen.transpose(0, 2, 1)))
        self._interval = Interval(int(found.weights.min()), int(found.weights.max()))
        self._biases = [found.bias[channel] for channel in order]
        self._first_inputs = np.array(first_inputs, dtype=np.int32)

    def weights(self, block: Expression, k: Expression) -> Number:
        """Those of a term."""
        at = (block * index(self._depth) + k) * index(self._lanes)
        loaded = cast(vector("int32", self._lanes), load(self._weights, at, self._lanes))
        return Number(self._function.bind(loaded), self._interval, 32, self._lanes)

    def bias(self, block: Expression) -> Number:
        """The biases of a block."""
        at = Channels(self._function, block * index(self._lanes), self._lanes)
        return at.once(at.number(self._biases))

    def first_input(self, block: Expression) -> Expression:
        """The first channel of x that a block sees."""
        if not self._first_inputs.any():
            return index(0)
        return load(self._function.table(self._first_inputs), block)
