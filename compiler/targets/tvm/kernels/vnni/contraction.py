# SPDX-License-Identifier: Apache-2.0
"""What every sum of 8-bit products needs: the conditions, packed weights, a bias that corrects.

The instruction multiplies unsigned by signed bytes.  A code x is taken as ``u = x + offset >= 0``;
the bias takes back what the offset and the zero point add:

    Σ (x - zero) w = Σ u w - (zero + offset) Σ w

All of it modulo 2**32, in any order, which gives the sum wherever it fits into 32 bits.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import reduce

import numpy as np
import numpy.typing as npt

from intaglio.compiler.analysis.accumulators import AccumulateOp, ChannelRange, channel_ranges
from intaglio.compiler.ir import fixed
from intaglio.compiler.ir.graph import Array, Node
from intaglio.compiler.targets.tvm.expressions.channels import Channels
from intaglio.compiler.targets.tvm.expressions.floating import ScalarOnly
from intaglio.compiler.targets.tvm.function import index, load
from intaglio.compiler.targets.tvm.kernels import scope as scopes
from intaglio.compiler.targets.tvm.kernels.scope import Scope, Tensor
from intaglio.compiler.targets.tvm.library import Buffer, Expression, tirx
from intaglio.compiler.targets.tvm.number import Number
from intaglio.numerics.accumulator import Overflow
from intaglio.numerics.integers import IntType
from intaglio.numerics.intervals import Interval

LANES = 16
GROUP = 4
"""Products that one lane sums."""

INT8, INT32 = IntType(8, signed=True), IntType(32, signed=True)
Int8Array = npt.NDArray[np.int8]
Int32Array = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Contraction:
    """A sum that the instruction computes.

    Attributes:
        weights: without their zero points, output channels first.
        bias: by output channel, with the correction, wrapped to 32 bits.
        offset: what is added to a code of x before it is multiplied; 128 flips an int8's sign bit.
        total: the interval of the accumulators.
    """

    weights: Int8Array
    bias: Int32Array
    offset: int
    total: Interval


def contraction(
    scope: Scope, op: AccumulateOp, weights: Array, zero_points: Sequence[int], input_zero: int
) -> Contraction | None:
    """The sum of a node in this form; None where 8 or 32 bits don't hold what it needs.

    Args:
        scope: the node.
        op: its op.
        weights: constant, output channels first.
        zero_points: of the weights: one, or one for each output channel.
        input_zero: the zero point of x.
    """
    x = scope.graph.operand_types(scope.node)[0].integer
    zeros = np.array(zero_points, dtype=np.int64).reshape(-1, *[1] * (weights.ndim - 1))
    biases = scope.constant(2)
    if x.bits > 8 or (biases is None and len(scope.node.operands) > 2):
        return None
    if weights.dtype.itemsize > 4 or (zeros.size and np.abs(zeros).max() > 1 << 31):
        return None
    centred = weights.astype(np.int64) - zeros
    if centred.min() < INT8.minimum or centred.max() > INT8.maximum:
        return None
    total = _accumulated(scope, op)
    if total is None:
        return None
    offset = 128 if x.signed else 0
    outputs = weights.shape[0]
    sums = centred.reshape(outputs, -1).sum(axis=1)
    given = np.zeros(outputs, dtype=object) if biases is None else biases.astype(object)
    corrected = given - (input_zero + offset) * sums.astype(object)
    bias = np.array([INT32.wrap(int(value)) for value in corrected], dtype=np.int32)
    return Contraction(centred.astype(np.int8), bias, offset, total)


def _accumulated(scope: Scope, op: AccumulateOp) -> Interval | None:
    """The interval of the sums modulo 2**32 before the overflow rule, if that is all it needs."""
    bounds = reduce(
        ChannelRange.__or__, channel_ranges(scope.graph.definitions, scope.node, op, scope.ranges)
    )
    type = op.accumulator.type
    fits = INT32.interval.contains(bounds.total)
    match op.accumulator.overflow:
        case Overflow.WRAP:
            return bounds.total if fits else INT32.interval if type == INT32 else None
        case Overflow.SATURATE:
            return bounds.total if fits else None
        case Overflow.SATURATE_EACH_ADD:
            return bounds.total if fits and type.interval.contains(bounds.partial) else None


@dataclass(frozen=True, slots=True)
class Blocks:
    """Output channels in vectors of sixteen; the last vector overlaps the one before.

    Attributes:
        channels: how many there are.
    """

    channels: int

    @property
    def starts(self) -> list[int]:
        """The first channel of each block."""
        count = -(-self.channels // LANES)
        return [max(min(block * LANES, self.channels - LANES), 0) for block in range(count)]

    @property
    def order(self) -> list[int]:
        """By lane of all blocks: its channel; lanes beyond the last channel repeat it."""
        return [
            min(start + lane, self.channels - 1) for start in self.starts for lane in range(LANES)
        ]

    @property
    def whole(self) -> bool:
        """Whether blocks follow one another without overlap or rest."""
        return self.channels % LANES == 0

    def start(self, at: Channels, block: Expression) -> Expression:
        """The first channel of a block that is computed."""
        if self.whole:
            return block * index(LANES)
        last = max(self.channels - LANES, 0)
        return at.function.bind(tirx.min(block * index(LANES), index(last)))


def dot(total: Expression, unsigned: Expression, signed: Expression) -> Expression:
    """``total[lane] + Σ unsigned[4 lane + k] signed[4 lane + k]`` in sixteen lanes of int32."""
    return tirx.call_llvm_pure_intrin(
        "int32x16",
        "llvm.x86.avx512.vpdpbusd.512",
        total,
        tirx.reinterpret("uint8x64", unsigned),
        tirx.reinterpret("int8x64", signed),
    )


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
    """What becomes of sixteen accumulators: overflow rule, followers, store."""

    scope: Scope
    op: AccumulateOp
    total: Interval
    blocks: Blocks
    y: Tensor

    def store(self, to: Expression, block: Expression, sums: Expression) -> None:
        """Take the sums of one block of channels, and put the results from offset ``to`` on."""
        function = self.scope.function
        statements_before = function.mark()
        at = Channels(function, block * index(LANES), LANES)
        try:
            found = self._followed(at, Number(sums, self.total, 32, LANES))
        except ScalarOnly:
            function.rewind(statements_before)
            self._store_each(to, block, sums)
            return
        if self.blocks.channels >= LANES:
            self.y.store(to, found)
            return
        cells = function.local(str(self.y.type.integer.dtype), LANES)
        Tensor(function, cells, self.y.type, self.y.interval).store(index(0), found)
        for lane in range(self.blocks.channels):
            function.store(self.y.buffer, to + index(lane), load(cells, index(lane)))

    def _store_each(self, to: Expression, block: Expression, sums: Expression) -> None:
        function = self.scope.function
        cells: Buffer = function.local("int32", LANES)
        function.store(cells, index(0), sums, LANES)
        with function.loop(min(LANES, self.blocks.channels)) as lane:
            at = Channels(function, function.bind(block * index(LANES) + lane))
            one = Number(load(cells, lane), self.total, 32)
            self.y.store(to + lane, self._followed(at, one))

    def _followed(self, at: Channels, x: Number) -> Number:
        accumulator = self.op.accumulator
        x = scopes.held(at, x, accumulator.type, accumulator.overflow)
        order = self.blocks.order
        for node in self.scope.followers:
            x = scopes.followed(at, ordered(node, order), x)
        return x
