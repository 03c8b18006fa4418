# SPDX-License-Identifier: Apache-2.0
"""Many small steps in one graph, each with an input and an output of its own, for one program."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from intaglio.compiler.ir import fixed
from intaglio.compiler.ir.graph import Array, Constant, Graph, Input, Level, Node
from intaglio.compiler.ir.types import TensorType
from intaglio.compiler.ir.verify import check
from intaglio.compiler.targets.tvm.arm_machines import arm_machine
from intaglio.compiler.targets.tvm.network import compile_network
from intaglio.numerics.accumulator import Accumulator
from intaglio.numerics.integers import IntType
from intaglio.numerics.requantizers import Requantizer
from intaglio.numerics.rounding import Rounding
from intaglio.numerics.scalings import DoubleRounding, MultiplyShift, Scaling

I8, U8, I32 = IntType(8, True), IntType(8, False), IntType(32, True)


@dataclass(slots=True)
class Many:
    """A graph that grows."""

    inputs: list[Input] = field(default_factory=list[Input])
    constants: list[Constant] = field(default_factory=list[Constant])
    nodes: list[Node] = field(default_factory=list[Node])
    outputs: list[str] = field(default_factory=list[str])

    def given(self, type: IntType, shape: Sequence[int]) -> str:
        """A new input."""
        name = f"x{len(self.inputs)}"
        self.inputs.append(Input(name, TensorType(type, tuple(shape))))
        return name

    def constant(self, type: IntType, array: Array) -> str:
        """A new constant."""
        name = f"c{len(self.constants)}"
        self.constants.append(Constant(name, TensorType(type, array.shape), array))
        return name

    def node(
        self, op: fixed.Op, type: IntType, shape: Sequence[int], operands: Sequence[str]
    ) -> str:
        """A new node."""
        name = f"n{len(self.nodes)}"
        self.nodes.append(Node(name, TensorType(type, tuple(shape)), op, tuple(operands)))
        return name

    def followed(self, name: str, followers: Sequence[tuple[fixed.Op, IntType]]) -> None:
        """Ops of one operand, then an output."""
        shape = self.nodes[-1].type.shape
        for op, type in followers:
            name = self.node(op, type, shape, [name])
        self.outputs.append(name)

    def graph(self) -> Graph:
        """All of it, valid."""
        found = Graph(
            "many",
            Level.FIXED,
            tuple(self.inputs),
            tuple(self.constants),
            tuple(self.nodes),
            tuple(self.outputs),
        )
        check(found)
        return found


def forms(graph: Graph, target: str) -> list[str]:
    """The form of each output's kernel, in order."""
    network = compile_network(graph, "many", arm_machine(target))
    by_name = {form.name: form.form for form in network.forms}
    return [by_name[name] for name in graph.outputs]


def single(multiplier: int, shift: int) -> MultiplyShift:
    """One rounding, halves up."""
    return MultiplyShift(multiplier, shift, Rounding.HALF_TOWARD_POSITIVE)


def double(multiplier: int, shift: int) -> DoubleRounding:
    """Two roundings, as TFLite's reference kernels have them."""
    return DoubleRounding(multiplier, shift, Rounding.HALF_AWAY_FROM_ZERO)


def requantize(
    scalings: Sequence[Scaling], zero_point: int = 0, low: int = -128, high: int = 127
) -> fixed.Requantize:
    """The same codes for all channels."""
    return fixed.Requantize(
        tuple(Requantizer(scaling, zero_point, low, high) for scaling in scalings)
    )


Followers = Sequence[tuple[fixed.Op, IntType]]


def by_channel(
    generator: np.random.Generator, count: int, least: int, most: int
) -> list[MultiplyShift]:
    """A scaling for each channel, with shifts from ``least`` to ``most``."""
    return [
        single(int(generator.integers(1 << 30, 1 << 31)), int(generator.integers(least, most + 1)))
        for _ in range(count)
    ]


def doubled(scalings: Sequence[MultiplyShift]) -> list[DoubleRounding]:
    """The same scales, rounded twice."""
    return [double(scaling.multiplier, 31 - scaling.shift) for scaling in scalings]


def with_ties(scalings: Sequence[DoubleRounding], ties: Rounding) -> list[DoubleRounding]:
    """The same scales, whose second rounding is another one."""
    return [replace(scaling, ties=ties) for scaling in scalings]


def convolve(
    many: Many,
    shape: tuple[int, int, int, int],
    kernel: tuple[int, int, int],
    followers: Followers,
    type: IntType = I8,
    accumulator: Accumulator | None = None,
    weights: Any = None,
    bias: Sequence[int] | None = None,
    **attributes: Any,
) -> None:
    """A convolution of an input of ``shape`` with ``kernel``: outputs, rows, columns."""
    rng = np.random.default_rng(len(many.nodes))
    op = fixed.Conv2d(accumulator or Accumulator(I32), **attributes)
    if weights is None:
        weights = rng.integers(-127, 128, (*kernel, shape[3] // op.groups))
    if bias is None:
        bias = rng.integers(-3000, 3000, kernel[0]).tolist()
    extents = [
        (
            shape[1 + axis]
            + op.pads[axis]
            + op.pads[axis + 2]
            - (weights.shape[1 + axis] - 1) * op.dilations[axis]
            - 1
        )
        // op.strides[axis]
        + 1
        for axis in (0, 1)
    ]
    operands = [
        many.given(type, shape),
        many.constant(I8, weights),
        many.constant(I32, np.array(bias)),
    ]
    result = [shape[0], *extents, kernel[0]]
    many.followed(many.node(op, op.accumulator.type, result, operands), followers)


def codes(outputs: int, shift: int = 41, zero_point: int = 3) -> Followers:
    """Codes of int8, a scale for each channel."""
    rng = np.random.default_rng(outputs)
    return [(requantize(by_channel(rng, outputs, shift - 2, shift), zero_point), I8)]
