# SPDX-License-Identifier: Apache-2.0
"""Weights and constants of four channels at a time, as code reads them: one place after another."""

import numpy as np

from intaglio.compiler.targets.tvm.function import Function, index, load
from intaglio.compiler.targets.tvm.kernels.mve.instructions import BYTES, QUAD
from intaglio.compiler.targets.tvm.kernels.vector.contraction import Int8Array, Int32Array
from intaglio.compiler.targets.tvm.library import Expression, tirx

LANES = (0, 2, 1, 3)
"""The order in which four lanes are summed: one instruction moves two sums into such a pair."""

_REACH = 126
"""Words up to which a load reaches from a place."""


class Table:
    """Constant memory for blocks of ``quads`` times four channels."""

    def __init__(
        self, function: Function, weights: Int8Array, constants: Int32Array, quads: int
    ) -> None:
        """Lay them out.

        Args:
            function: where statements go.
            weights: ``[four channels, turn, vector, 16]``; channels are summed in some turns.
            constants: ``[four channels, constant, lane]``.
            quads: how many times four channels a block has.
        """
        self._function = function
        count, self._turns, vectors, _ = weights.shape
        words = np.ascontiguousarray(weights).view(np.int32).reshape(count, -1)
        self._columns = constants.shape[1]
        table = np.concatenate([words, constants.reshape(count, -1)], axis=1)
        self._size = table.shape[1]
        self._words = vectors * QUAD
        self._packed = function.table(table)
        self._middle = _REACH if self._words > _REACH else 0
        self._places = None
        if quads * self._size > _REACH:
            # LLVM, if it knew that places are equally far apart, would keep an address of its own
            # for each load and run out of registers; where each place is read, loads are relative.
            starts = [quad * self._size + self._middle for quad in range(count)]
            places = [start + turn * self._words for start in starts for turn in range(self._turns)]
            self._places = function.table(np.array(places, np.int32))

    def begin(self, number: Expression, turn: int) -> Expression:
        """Where the weights of a turn of four channels begin."""
        if self._places is None:
            return number * index(self._size) + index(turn * self._words)
        place = load(self._places, number * index(self._turns) + index(turn))
        return self._function.bind(place) - index(self._middle)

    def weight(self, begin: Expression, vector: int | Expression) -> Expression:
        """A vector of weights of a turn."""
        offset = index(vector * QUAD) if isinstance(vector, int) else vector * index(QUAD)
        # Words are loaded from farther away than bytes.
        words = load(self._packed, begin + offset, QUAD)
        return self._function.bind(tirx.reinterpret(f"int8x{BYTES}", words))

    def constants(self, begin: Expression) -> list[Expression]:
        """The constants, from the begin of the last turn."""
        end = begin + index(self._words)
        return [
            self._function.bind(load(self._packed, end + index(column * QUAD), QUAD))
            for column in range(self._columns)
        ]
