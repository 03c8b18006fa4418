# SPDX-License-Identifier: Apache-2.0
"""From accumulators in core registers to codes in memory, output channels along the lanes.

Eight channels make two vectors of four accumulators, the even and the odd ones, which saturating
narrowing interleaves into eight words, then bytes.  What these steps don't compute goes through the
expressions that any machine runs, four channels at a time.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from intaglio.compiler.analysis.accumulators import AccumulateOp
from intaglio.compiler.ir import fixed
from intaglio.compiler.targets.tvm.expressions.channels import Channels
from intaglio.compiler.targets.tvm.expressions.floating import ScalarOnly
from intaglio.compiler.targets.tvm.function import Function, cast, index, load
from intaglio.compiler.targets.tvm.kernels import scope as scopes
from intaglio.compiler.targets.tvm.kernels.mve import instructions
from intaglio.compiler.targets.tvm.kernels.mve.instructions import QUAD
from intaglio.compiler.targets.tvm.kernels.mve.scaling import Steps, steps_of
from intaglio.compiler.targets.tvm.kernels.scope import Scope, Tensor
from intaglio.compiler.targets.tvm.kernels.vector.contraction import Int32Array
from intaglio.compiler.targets.tvm.kernels.vector.epilogue import Blocks, ordered
from intaglio.compiler.targets.tvm.library import Buffer, Expression, tirx
from intaglio.compiler.targets.tvm.number import Number
from intaglio.numerics.integers import IntType
from intaglio.numerics.intervals import Interval
from intaglio.numerics.requantizers import Requantizer

EVEN_AND_ODD = (0, 2, 4, 6, 1, 3, 5, 7)
"""Which of eight channels each lane of two vectors holds."""

INT8, UINT8 = IntType(8, signed=True), IntType(8, signed=False)


@dataclass(frozen=True, slots=True)
class Narrowing:
    """Scaled accumulators to codes of 8 bits: add the zero point, clamp.

    Attributes:
        zero_point: of the codes.
        low: the least code.
        high: the greatest code.
        unsigned: whether codes are uint8.
    """

    zero_point: int
    low: int
    high: int
    unsigned: bool

    def words(self, even: Expression, odd: Expression | None) -> Expression:
        """Codes in the low bytes of int16 lanes, of two vectors; or in every other lane, of one."""
        words = instructions.saturated_words(even, odd)
        if self.zero_point:
            words = instructions.saturating_sum(words, self.zero_point)
        ends = UINT8 if self.unsigned else INT8
        if self.low > ends.minimum:
            words = tirx.max(words, _words(self.low))
        if self.high < ends.maximum:
            words = tirx.min(words, _words(self.high))
        if self.low > ends.minimum and self.high < ends.maximum:
            return words
        return instructions.saturated_bytes(words, unsigned=self.unsigned)


def _words(value: int) -> Expression:
    return tirx.Broadcast(tirx.IntImm("int16", value), 2 * QUAD)


@dataclass(frozen=True, slots=True)
class Fast:
    """A requantizer in Helium's own steps."""

    steps: Steps
    narrowing: Narrowing


def fast_form(scope: Scope, op: AccumulateOp, total: Interval) -> Fast | None:
    """How the followers of a sum are computed fast, None where they aren't."""
    accumulator = op.accumulator
    if not accumulator.type.interval.contains(total) or len(scope.followers) != 1:
        return None
    (follower,) = scope.followers
    if not isinstance(follower.op, fixed.Requantize) or follower.type.integer not in (INT8, UINT8):
        return None
    steps = steps_of(follower.op.requantizers, total)
    narrowing = narrowing_of(follower.op.requantizers, follower.type.integer)
    return Fast(steps, narrowing) if steps and narrowing else None


def narrowing_of(requantizers: Sequence[Requantizer], type: IntType) -> Narrowing | None:
    """What follows the scalings, where it is the same for all channels."""
    found = {
        Narrowing(each.zero_point, each.low, each.high, not type.signed) for each in requantizers
    }
    if len(found) > 1:
        return None
    (narrowing,) = found
    # Words that saturate on the way are clamped to the same code.
    return narrowing if abs(narrowing.zero_point) < 1 << 14 else None


class Epilogue:
    """What becomes of the sums of a block of channels of one pixel."""

    def __init__(
        self,
        scope: Scope,
        op: AccumulateOp,
        total: Interval,
        bias: Int32Array,
        lanes: int,
        y: Tensor,
    ) -> None:
        """Prepare the constants.

        Args:
            scope: the node and its followers.
            op: the node's.
            total: every accumulator lies within.
            bias: by channel; what sums of products lack.
            lanes: channels of a block, 4 or 8; 4 is taken where 8 can't be.
            y: what the codes go to.
        """
        self.scope, self._op, self._total, self._y = scope, op, total, y
        channels = len(bias)
        self._fast = fast_form(scope, op, total)
        wide = lanes == 2 * QUAD and self._fast is not None and channels >= lanes
        self.blocks = Blocks(channels, 2 * QUAD if wide else QUAD)
        self.lane_order = EVEN_AND_ODD if wide else tuple(range(QUAD))
        """By lane of a block, how far its channel is from the first one."""
        rows = np.array(self.blocks.order).reshape(-1, self.blocks.lanes)
        self.order: list[int] = rows[:, self.lane_order].ravel().tolist()
        """By lane of all blocks, its channel."""
        columns = [bias]
        if self._fast is not None:
            each = [np.array(values, np.int32) for values in self._fast.steps.constants]
            columns += [np.broadcast_to(values, (channels,)) for values in each]
        table = np.stack([column[self.order] for column in columns])
        self.constants: Int32Array = table.reshape(len(columns), -1, QUAD).transpose(1, 0, 2)
        """``[four lanes, constant, lane]``: what ``scaled`` takes."""

    @property
    def function(self) -> Function:
        """Where statements go."""
        return self.scope.function

    def start(self, block: Expression) -> Expression:
        """The first channel of a block."""
        return self.blocks.start(Channels(self.function, index(0)), block)

    def scaled(self, sums: Expression, constants: Sequence[Expression]) -> Expression:
        """Four sums without bias, scaled where that is fast; else the accumulators."""
        bias, *given = constants
        accumulators = self.function.bind(sums + bias)
        if self._fast is None:
            return accumulators
        return self.function.bind(self._fast.steps.apply(accumulators, given))

    def store(self, to: Expression, block: Expression, scaled: Sequence[Expression]) -> None:
        """Put the codes of a block of one pixel, of what ``scaled`` gave, from ``to`` on."""
        function = self.function
        if self._fast is None:
            self._store_any(to, block, scaled[0])
            return
        odd = scaled[1] if len(scaled) > 1 else None
        words = function.bind(self._fast.narrowing.words(scaled[0], odd))
        dtype = str(self._y.buffer.dtype)
        if odd is not None:
            function.store(self._y.buffer, to, cast(f"{dtype}x8", words), 8)
            return
        codes = function.bind(tirx.reinterpret("int32x4", words))
        self._put(to, cast(f"{dtype}x4", codes))

    def _put(self, to: Expression, codes: Expression) -> None:
        """Store four codes, or those of the channels that there are."""
        function, channels = self.function, self.blocks.channels
        if channels >= QUAD:
            function.store(self._y.buffer, to, codes, QUAD)
            return
        cells = function.local(str(self._y.buffer.dtype), QUAD)
        function.store(cells, index(0), codes, QUAD)
        for lane in range(channels):
            function.store(self._y.buffer, to + index(lane), load(cells, index(lane)))

    def _store_any(self, to: Expression, block: Expression, sums: Expression) -> None:
        function = self.function
        before = function.mark()
        at = Channels(function, function.bind(block * index(QUAD)), QUAD)
        try:
            found = self._followed(at, Number(sums, self._total, 32, QUAD))
        except ScalarOnly:
            function.rewind(before)
            self._store_each(to, block, sums)
            return
        dtype = str(self._y.buffer.dtype)
        self._put(to, cast(f"{dtype}x{QUAD}", found.expression))

    def _store_each(self, to: Expression, block: Expression, sums: Expression) -> None:
        function = self.function
        cells: Buffer = function.local("int32", QUAD)
        function.store(cells, index(0), sums, QUAD)
        with function.loop(min(QUAD, self.blocks.channels)) as lane:
            at = Channels(function, function.bind(block * index(QUAD) + lane))
            one = Number(function.bind(load(cells, lane)), self._total, 32)
            self._y.store(to + lane, self._followed(at, one))

    def _followed(self, at: Channels, x: Number) -> Number:
        accumulator = self._op.accumulator
        x = scopes.held(at, x, accumulator.type, accumulator.overflow)
        for node in self.scope.followers:
            x = scopes.followed(at, ordered(node, self.order), x)
        return x
