# SPDX-License-Identifier: Apache-2.0
"""From a panel's rows to codes: every output channel of a few rows, or of one."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from intaglio.compiler.analysis.accumulators import AccumulateOp
from intaglio.compiler.targets.tvm.function import Function, index, load
from intaglio.compiler.targets.tvm.kernels import scope as scopes
from intaglio.compiler.targets.tvm.kernels.dsp.panel import (
    ROW_BYTES,
    ROWS,
    STEP,
    all_codes,
    dot_row,
    dot_rows,
    four_codes,
)
from intaglio.compiler.targets.tvm.kernels.dsp.products import Line
from intaglio.compiler.targets.tvm.kernels.dsp.rescaling import Rescaling
from intaglio.compiler.targets.tvm.kernels.dsp.routine import Routine, place
from intaglio.compiler.targets.tvm.kernels.scope import Scope, Tensor
from intaglio.compiler.targets.tvm.library import Buffer, Expression, tirx
from intaglio.compiler.targets.tvm.number import Number
from intaglio.numerics.intervals import Interval

FACTORS = 4
"""Words by channel: bias, multiplier, addend, shift."""

FOUR = 4
"""Channels of one row at once."""


@dataclass(frozen=True, slots=True)
class Codes:
    """What becomes of the sums of a node, channel by channel.

    Attributes:
        scope: the node and its followers.
        op: its op.
        total: the interval of the accumulators.
        scale_bits: by how many bits larger the sums are.
        fast: the first follower in a few instructions, if it has that form.
        factors: the table of ``FACTORS`` words by channel.
        y: the result.
    """

    scope: Scope
    op: AccumulateOp
    total: Interval
    scale_bits: int
    fast: Rescaling | None
    factors: Buffer
    y: Tensor

    @property
    def in_bytes(self) -> Rescaling | None:
        """The rescaling, where it alone makes codes that are stored as bytes."""
        alone = len(self.scope.followers) == 1 and self.y.type.integer.bits <= 8
        return self.fast if alone else None

    def words(self, channel: Expression) -> list[Expression]:
        """The words of a channel."""
        function = self.scope.function
        first = function.bind(channel * index(FACTORS))
        return [function.bind(load(self.factors, first + index(n))) for n in range(FACTORS)]

    def store(
        self, to: Expression, channel: Expression, words: Sequence[Expression], total: Expression
    ) -> None:
        """Put the code of one sum to an offset."""
        at = self.scope.channels(channel)
        followers = self.scope.followers
        if self.fast is not None:
            x, followers = at.once(self.fast.rescaled(total, words[1:])), followers[1:]
        else:
            if self.scale_bits:
                total = tirx.shift_right(total, index(self.scale_bits))
            exact = at.once(Number(total, self.total, 32))
            accumulator = self.op.accumulator
            x = scopes.held(at, exact, accumulator.type, accumulator.overflow)
        for node in followers:
            x = scopes.followed(at, node, x)
        self.y.store(to, x)


def codes(scope: Scope, op: AccumulateOp, line: Line, fast: Rescaling | None, y: Tensor) -> Codes:
    """What becomes of the sums of ``line``."""
    table = np.zeros((line.bias.size, FACTORS), dtype=np.int32)
    table[:, 0] = line.bias
    if fast is not None:
        table[:, 1:] = [[f.multiplier, f.addend, f.shift] for f in fast.factors]
    factors = scope.function.table(table)
    return Codes(scope, op, line.total, line.scale_bits, fast, factors, y)


class Rows:
    """The sums of a panel's rows with every line of weights."""

    def __init__(
        self,
        function: Function,
        line: Line,
        found: Codes,
        panel: Buffer,
        shape: "Shape",
        held: int = ROWS,
    ) -> None:
        """Start with none.

        Args:
            function: where statements go.
            line: the weights.
            found: what becomes of the sums.
            panel: bytes; the panel is at their start.
            shape: of the sums.
            held: rows that the panel has room for.
        """
        self._function, self._codes, self._panel, self._shape = function, found, panel, shape
        self._weights = function.table(line.weights)
        self._sums = function.local("int32", ROWS)
        joint = line.joint
        self._one, self._all = dot_row(joint, held), dot_rows(joint)
        self._fast = found.in_bytes
        self._four = self._one
        if self._fast is not None:
            self._all = all_codes(joint, self._fast)
            if line.bias.size >= FOUR:
                self._four = four_codes(joint, self._fast, held)

    @property
    def routines(self) -> tuple[Routine, ...]:
        """What it calls."""
        return (self._all, self._one, self._four)

    def store_all(self, to: Expression) -> None:
        """The codes of ``ROWS`` rows, to offset ``to`` and on."""
        if self._fast is None:
            self._store(self._all, ROWS, to, index(0))
            return
        y, shape = self._codes.y.buffer, self._shape
        self._all.call(
            self._function,
            place(self._panel, index(0)),
            place(self._weights, index(0)),
            place(self._codes.factors, index(0)),
            shape.steps,
            place(y, to),
            place(y, to + shape.outputs),
            shape.outputs,
        )

    def store_one(self, to: Expression, row: Expression) -> None:
        """The codes of one row of the panel, to offset ``to`` and on."""
        function, shape = self._function, self._shape
        if self._four is self._one:
            self._store(self._one, 1, to, row)
            return
        with function.loop(tirx.truncdiv(shape.outputs + index(FOUR - 1), index(FOUR))) as block:
            # The last four channels overlap those before.
            channel = function.bind(tirx.min(block * index(FOUR), shape.outputs - index(FOUR)))
            width = function.bind(shape.steps * index(STEP))
            self._four.call(
                function,
                place(self._panel, row * index(ROW_BYTES)),
                place(self._weights, channel * width),
                place(self._codes.factors, channel * index(FACTORS)),
                shape.steps,
                place(self._codes.y.buffer, to + channel),
                width,
            )

    def _store(self, routine: Routine, rows: int, to: Expression, row: Expression) -> None:
        function, sums, shape = self._function, self._sums, self._shape
        with function.loop(shape.outputs) as channel:
            words = self._codes.words(channel)
            for number in range(rows):
                function.store(sums, index(number), words[0])
            routine.call(
                function,
                place(sums, index(0)),
                place(self._panel, row * index(ROW_BYTES)),
                place(self._weights, channel * shape.steps * index(STEP)),
                shape.steps,
            )
            for number in range(rows):
                at = function.bind(to + shape.outputs * index(number) + channel)
                self._codes.store(at, channel, words, load(sums, index(number)))


@dataclass(frozen=True, slots=True)
class Shape:
    """How many sums a row has, and how long they are, at run time.

    Attributes:
        outputs: channels.
        steps: turns of the loop over a sum.
        rows: ``ROWS``, which no compiler knows: it would write every row out.
    """

    outputs: Expression
    steps: Expression
    rows: Expression

    @staticmethod
    def table(outputs: int, steps: int) -> list[int]:
        """The words that ``of`` loads."""
        return [outputs, steps, ROWS]

    @staticmethod
    def of(function: Function, geometry: Buffer) -> "Shape":
        """From the start of a table."""
        return Shape(*(function.bind(load(geometry, index(number))) for number in range(3)))
