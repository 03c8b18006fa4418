# SPDX-License-Identifier: Apache-2.0
"""A graph that grows by random ops, and what each step may draw from it."""

from dataclasses import dataclass, field
from math import prod
from random import Random

import numpy as np
from hypothesis import strategies as st

from intaglio.compiler.ir import fixed
from intaglio.compiler.ir.builder import Builder
from intaglio.compiler.ir.graph import Constant, Level
from intaglio.compiler.ir.infer import exact_result, result_shape
from intaglio.compiler.ir.types import ElementType, TensorType
from intaglio.numerics.integers import IntType
from intaglio.numerics.intervals import Interval
from tests.simulator import random_arithmetic as arithmetic

Shape = tuple[int, ...]
MOST_ELEMENTS = 300
HOLDABLE = Interval(-(1 << 63), (1 << 63) - 1)


@dataclass
class Growth:
    """A graph that grows: draws a step's choices and adds what they make."""

    draw: st.DrawFn
    builder: Builder = field(default_factory=lambda: Builder("random", Level.FIXED))

    def operand(
        self, rank: int | None = None, most_bits: int = 64, least_rank: int = 0
    ) -> tuple[str, TensorType]:
        """An integer value of that rank and width: an earlier one, or a new input."""
        known = [
            (name, value.type)
            for name, value in self.builder.definitions.items()
            if not isinstance(value, Constant)
            and isinstance(value.type.element, IntType)
            and value.type.integer.bits <= most_bits
            and (value.type.rank == rank if rank is not None else value.type.rank >= least_rank)
        ]
        if known and self.size(0, 4) > 0:
            return self.draw(st.sampled_from(known))
        type = TensorType(self.draw(arithmetic.int_types(most_bits)), self.shape(rank, least_rank))
        return self.builder.input("x", type), type

    def shape(self, rank: int | None = None, least_rank: int = 0) -> Shape:
        """A small shape."""
        rank = self.draw(st.integers(least_rank, 4)) if rank is None else rank
        extents = st.integers(1, 5)
        return tuple(self.draw(st.tuples(*[extents] * rank)))

    def constant(self, element: IntType, shape: Shape) -> str:
        """A constant of random codes."""
        values = arithmetic.random_codes(element, prod(shape), self.random())
        type = TensorType(element, shape)
        return self.builder.constant("k", type, np.array(values, element.dtype).reshape(shape))

    def random(self) -> Random:
        """A source of many numbers at once."""
        return Random(self.draw(st.integers(0, 1 << 32)))

    def code(self, type: IntType) -> int:
        """A value of a type."""
        return self.draw(arithmetic.codes(type))

    def size(self, low: int, high: int) -> int:
        """A small number."""
        return self.draw(st.integers(low, high))

    def pair(self, low: int, high: int) -> tuple[int, int]:
        """Two small numbers: rows, columns."""
        return self.size(low, high), self.size(low, high)

    def emit(
        self,
        op: fixed.Op,
        operands: list[str],
        element: ElementType | None = None,
        shape: Shape = (),
    ) -> None:
        """Add the op, unless its result is too large.

        Args:
            op: the op.
            operands: its operands.
            element: of the result; without it, the narrowest type that holds every result.
            shape: of the result, where operands leave a choice.
        """
        types = tuple(self.builder.type_of(operand) for operand in operands)
        found = result_shape(op, types, shape)
        if element is None:
            interval = exact_result(op, types)
            assert interval is not None
            if not HOLDABLE.contains(interval):
                return
            element = interval.smallest_type()
        if prod(found) <= MOST_ELEMENTS:
            self.builder.node("y", TensorType(element, found), op, operands)

    def bias(self, channels: int) -> list[str]:
        """Perhaps a bias."""
        if self.draw(st.booleans()):
            return []
        return [self.constant(self.draw(arithmetic.int_types(40)), (channels,))]

    def zero_points(self, type: IntType, channels: int) -> tuple[int, ...]:
        """One zero point or one for each channel."""
        count = self.draw(st.sampled_from([1, channels]))
        return tuple(self.code(type) for _ in range(count))
