# SPDX-License-Identifier: Apache-2.0
"""TFLite's fixed-point machine (gemmlowp) in the fixed level's own ops.

Each product of the machine is a product and a shift, and a shift by a run-time number is a product
with a power of two that is looked up.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from intaglio.compiler.ir import fixed
from intaglio.compiler.ir.graph import Node
from intaglio.compiler.ir.types import TensorType
from intaglio.compiler.passes.select_arithmetic.state import Lowering
from intaglio.numerics.accumulator import Overflow
from intaglio.numerics.integers import INT32, IntType
from intaglio.numerics.requantizers import Requantizer
from intaglio.numerics.rounding import Rounding
from intaglio.numerics.scalings import Shift, Thresholds

_BITS = IntType(5, signed=False)


@dataclass(frozen=True, slots=True)
class Machine:
    """Emits the machine's operations on int32 for one node.

    Attributes:
        state: the graph under construction.
        node: what its nodes stem from.
    """

    state: Lowering
    node: Node

    def product(self, a: str, b: str, suffix: str) -> str:
        """SRDHM."""
        exact = self.state.exact(self.node, fixed.Multiply(), [a, b], f"{suffix}.exact")
        return self.shifted(exact, 31, Rounding.HALF_TOWARD_POSITIVE, suffix)

    def shifted(self, x: str, bits: int, rounding: Rounding, suffix: str) -> str:
        """A right shift, saturated to int32."""
        requantizer = Requantizer(Shift(bits, rounding), 0, INT32.minimum, INT32.maximum)
        shape = self.state.builder.type_of(x).shape
        op = fixed.Requantize((requantizer,))
        return self.state.emit(self.node, op, [x], INT32, shape, suffix)

    def left(self, x: str, bits: int, suffix: str) -> str:
        """A left shift, saturated to int32."""
        factor = self.constant(1 << bits, f"{suffix}.factor")
        return self.saturated(x, factor, suffix)

    def saturated(self, x: str, factor: str, suffix: str) -> str:
        """A product, saturated to int32."""
        exact = self.state.exact(self.node, fixed.Multiply(), [x, factor], f"{suffix}.exact")
        clamp = fixed.Clamp((INT32.minimum,), (INT32.maximum,))
        shape = self.state.builder.type_of(exact).shape
        return self.state.emit(self.node, clamp, [exact], INT32, shape, suffix)

    def constant(self, value: int, suffix: str) -> str:
        """A scalar."""
        return self.state.integer_constant(self.node, value, suffix)

    def sum(self, a: str, b: str, suffix: str) -> str:
        """A sum, wrapped to int32."""
        return self._wrapped(fixed.Add(), a, b, suffix)

    def difference(self, a: str, b: str, suffix: str) -> str:
        """A difference, wrapped to int32."""
        return self._wrapped(fixed.Subtract(), a, b, suffix)

    def half_sum(self, a: str, b: str, suffix: str) -> str:
        """(a + b) / 2 with halves away from zero."""
        exact = self.state.exact(self.node, fixed.Add(), [a, b], f"{suffix}.exact")
        return self.shifted(exact, 1, Rounding.HALF_AWAY_FROM_ZERO, suffix)

    def bits(self, x: str, suffix: str) -> str:
        """How many bits a number has that isn't negative."""
        powers = Thresholds(tuple(1 << k for k in range(31)))
        count = fixed.Requantize((Requantizer(powers, 0, 0, _BITS.maximum),))
        shape = self.state.builder.type_of(x).shape
        return self.state.emit(self.node, count, [x], _BITS, shape, suffix)

    def power_of_two(self, bits: str, exponent: Callable[[int], int], suffix: str) -> str:
        """2**exponent(b) for the run-time number b of bits."""
        powers = [1 << exponent(b) for b in range(1 << _BITS.bits)]
        return self.looked_up(bits, powers, IntType(max(powers).bit_length(), False), suffix)

    def looked_up(self, x: str, values: Sequence[int], word: IntType, suffix: str) -> str:
        """The element of a table that belongs to the code x."""
        table = self.state.builder.constant(
            f"{self.node.name}.{suffix}.table",
            TensorType(word, (len(values),)),
            np.array(values, np.int64),
        )
        shape = self.state.builder.type_of(x).shape
        return self.state.emit(self.node, fixed.Lookup(), [x, table], word, shape, suffix)

    def _wrapped(self, op: fixed.Op, a: str, b: str, suffix: str) -> str:
        exact = self.state.exact(self.node, op, [a, b], f"{suffix}.exact")
        shape = self.state.builder.type_of(exact).shape
        return self.state.emit(self.node, fixed.Cast(Overflow.WRAP), [exact], INT32, shape, suffix)
