# SPDX-License-Identifier: Apache-2.0
"""Sixteen accumulators become sixteen codes: high products, one rounding shift, narrowing."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from intaglio.compiler.targets.tvm.function import Function, index, load
from intaglio.compiler.targets.tvm.kernels.neon import instructions
from intaglio.compiler.targets.tvm.kernels.neon.staircase import Staircase
from intaglio.compiler.targets.tvm.library import Buffer, Expression, tirx
from intaglio.numerics.integers import IntType

LANES = 4
"""Of int32 in a register."""

Int32Array = npt.NDArray[np.int32]
Spread = Callable[[Int32Array], Int32Array]
"""From one integer for each channel to one for each lane of the accumulators' registers."""

_WORD = IntType(32, signed=True)


@dataclass(frozen=True, slots=True)
class Codes:
    """A staircase with its constants in tables, by register of accumulators.

    Attributes:
        function: where statements go.
        steps: what becomes of an accumulator.
        signed: whether codes are stored as int8.
        multipliers: a table, or None where all channels have the same one.
        shifts: a table of left shifts, or None where all channels have the same one.
    """

    function: Function
    steps: Staircase
    signed: bool
    multipliers: Buffer | None
    shifts: Buffer | None

    def registers(self, first: Expression, count: int) -> "Registers":
        """The constants of ``count`` registers from an offset in the tables on."""
        return Registers(
            [
                self._constant(self.multipliers, self.steps.multipliers[0], first, r)
                for r in range(count)
            ],
            [self._constant(self.shifts, -self.steps.shifts[0], first, r) for r in range(count)],
        )

    def _constant(self, table: Buffer | None, value: int, first: Expression, r: int) -> Expression:
        if table is None:
            return _word(value, LANES, "int32")
        return self.function.bind(load(table, first + index(LANES * r), LANES))

    def narrowed(
        self, sums: Sequence[Expression], registers: "Registers", first: int
    ) -> Expression:
        """The codes of two or four registers of accumulators, as bytes, in order.

        Args:
            sums: the accumulators.
            registers: constants.
            first: which of the constants belong to ``sums[0]``.
        """
        halves = [
            self._eight(sums[place : place + 2], registers, first + place)
            for place in range(0, len(sums), 2)
        ]
        unsigned = self._unsigned_first
        narrow = [
            instructions.narrowed_bytes(half, self.signed and not unsigned) for half in halves
        ]
        both = narrow[0] if len(narrow) == 1 else instructions.joined(*narrow)
        lanes = 8 * len(halves)
        if unsigned and self.steps.zero_point:
            # Modulo 256: -128 turns 0 up to 255 into -128 up to 127.
            zero = _word(self.steps.zero_point, lanes, "int8")
            both = both + zero
        return self.function.bind(self._clamped(both, lanes))

    @property
    def _unsigned_first(self) -> bool:
        """Whether the codes above the zero point are just those of an unsigned byte."""
        if self.signed:
            return self.steps.zero_point == -128
        return self.steps.zero_point == 0

    def _eight(self, sums: Sequence[Expression], registers: "Registers", first: int) -> Expression:
        words = [
            self._word(total, registers.multipliers[first + r], registers.shifts[first + r])
            for r, total in enumerate(sums)
        ]
        together = instructions.joined(*words)
        if self._unsigned_first or not self.steps.zero_point:
            return together
        return instructions.saturating_add(together, _word(self.steps.zero_point, 8, "int16"))

    def _word(self, total: Expression, multiplier: Expression, left: Expression) -> Expression:
        multiply = (
            instructions.rounded_high_product if self.steps.rounded else instructions.high_product
        )
        high = self.function.bind(multiply(total, multiplier))
        if self.steps.away:
            high = self.function.bind(high + tirx.shift_right(high, _word(31, LANES, "int32")))
        shared = self.steps.shared_shift
        if shared is not None:
            return instructions.narrowed_rounded_shift(high, shared)
        return instructions.narrowed_words(instructions.rounded_shift(high, left))

    def _clamped(self, codes: Expression, lanes: int) -> Expression:
        type = IntType(8, self.signed)
        dtype = "int8" if self.signed else "uint8"
        codes = tirx.reinterpret(f"{dtype}x{lanes}", codes)
        if self.steps.low > type.minimum:
            codes = tirx.max(codes, _word(self.steps.low, lanes, dtype))
        if self.steps.high < type.maximum:
            codes = tirx.min(codes, _word(self.steps.high, lanes, dtype))
        return tirx.reinterpret(f"int8x{lanes}", codes)


@dataclass(frozen=True, slots=True)
class Registers:
    """Constants that stand in registers.

    Attributes:
        multipliers: by register of accumulators.
        shifts: left shifts, alike.
    """

    multipliers: Sequence[Expression]
    shifts: Sequence[Expression]

    def repeated(self, times: int) -> "Registers":
        """The same constants again and again."""
        return Registers([*self.multipliers] * times, [*self.shifts] * times)


def codes(
    function: Function, steps: Staircase, signed: bool, order: Sequence[int], spread: Spread
) -> Codes:
    """A staircase with its tables.

    Args:
        function: where statements go.
        steps: by channel.
        signed: whether codes are stored as int8.
        order: by lane of all blocks of channels: its channel.
        spread: where each lane's constants stand.
    """

    def table(values: Sequence[int]) -> Buffer | None:
        if len(set(values)) == 1:
            return None
        ordered = np.array(values, dtype=np.int32)[list(order)]
        return function.table(spread(ordered))

    shifts = [-shift for shift in steps.shifts]
    return Codes(function, steps, signed, table(steps.multipliers), table(shifts))


def _word(value: int, lanes: int, dtype: str) -> Expression:
    return tirx.Broadcast(tirx.IntImm(dtype, value), lanes)
