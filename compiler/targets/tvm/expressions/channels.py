# SPDX-License-Identifier: Apache-2.0
"""Constants that may differ by channel: an immediate where all are the same, else a table."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from intaglio.compiler.targets.tvm.function import Function, cast, load, vector
from intaglio.compiler.targets.tvm.library import Expression, tirx
from intaglio.compiler.targets.tvm.number import INT64, Number, constant, word_of
from intaglio.numerics.float32 import Float32
from intaglio.numerics.float64 import Float64
from intaglio.numerics.intervals import Interval

MOST_LANES = 64
"""Tables end on a whole vector of that many lanes."""


@dataclass(frozen=True, slots=True)
class Channels:
    """Where an expression stands: in which function, at which channel, for how many lanes.

    Attributes:
        function: where statements and tables go.
        channel: the channel of the first lane; the next lanes are the next channels.
        lanes: how many elements are computed at once.
    """

    function: Function
    channel: Expression
    lanes: int = 1

    def number(self, values: Sequence[int]) -> Number:
        """The integer of this channel."""
        if len(set(values)) == 1:
            return constant(values[0], self.lanes)
        interval = Interval(min(values), max(values))
        bits = word_of(interval)
        if bits < 128:
            loaded = self._load(np.array(values, dtype=f"int{bits}"))
            return Number(loaded, interval, bits, self.lanes)
        low = self._load(np.array([INT64.wrap(value) for value in values], dtype=np.int64))
        high = self._load(np.array([value >> 64 for value in values], dtype=np.int64))
        wide = vector("int128", self.lanes)
        moved = tirx.shift_left(cast(wide, high), constant(64, self.lanes).word(128))
        below = cast(wide, cast(vector("uint64", self.lanes), low))
        return Number(tirx.bitwise_or(moved, below), interval, bits, self.lanes)

    def float32(self, values: Sequence[Float32]) -> Expression:
        """The float32 of this channel."""
        return self._float(np.array([value.bits for value in values], np.uint32).view(np.float32))

    def float64(self, values: Sequence[Float64]) -> Expression:
        """The float64 of this channel."""
        return self._float(np.array([value.bits for value in values], np.uint64).view(np.float64))

    def _float(self, values: "np.ndarray[tuple[int, ...], np.dtype[np.floating]]") -> Expression:
        if np.unique(values.view(f"uint{8 * values.itemsize}")).size > 1:
            return self._load(values)
        immediate = tirx.FloatImm(str(values.dtype), float(values[0]))
        return immediate if self.lanes == 1 else tirx.Broadcast(immediate, self.lanes)

    def _load(self, values: "np.ndarray[tuple[int, ...], np.dtype[np.generic]]") -> Expression:
        padded = np.pad(values, (0, -values.size % MOST_LANES), mode="edge")
        return load(self.function.table(padded), self.channel, self.lanes)

    def once(self, number: Number) -> Number:
        """The same number, evaluated here, that may be used many times."""
        bound = self.function.bind(number.expression)
        return Number(bound, number.interval, number.bits, number.lanes)

    def constant(self, value: int) -> Number:
        """An integer, in every lane."""
        return constant(value, self.lanes)
