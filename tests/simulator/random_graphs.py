# SPDX-License-Identifier: Apache-2.0
"""Hypothesis strategies for whole fixed graphs with inputs: every op, arithmetic and width."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

import numpy as np
from hypothesis import assume
from hypothesis import strategies as st

from intaglio.compiler.ir.graph import Array, Graph, Node
from intaglio.compiler.ir.text import print_graph
from intaglio.compiler.ir.types import TensorType
from intaglio.compiler.ir.verify import check
from intaglio.numerics.integers import IntType
from tests.simulator import random_planes, random_steps
from tests.simulator.random_arithmetic import random_codes
from tests.simulator.random_growth import Growth

STEPS: dict[str, Callable[[Growth], None]] = {
    step.__name__: step
    for step in (
        random_steps.conv2d,
        random_steps.conv_transpose2d,
        random_steps.matmul,
        random_steps.reduce_sum,
        random_steps.requantize,
        random_steps.lookup,
        random_steps.pairwise,
        random_steps.exact_pair,
        random_steps.clamp,
        random_steps.cast,
        random_planes.max_pool2d,
        random_planes.average_pool2d,
        random_planes.resize_linear,
        random_planes.softmax,
        random_planes.quantize,
        random_planes.dequantize,
        random_planes.move,
    )
}


@dataclass(frozen=True, slots=True)
class Case:
    """A fixed graph and inputs for it."""

    graph: Graph
    inputs: dict[str, Array]

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """What Hypothesis prints of a failing example: the text form."""
        text = f"{print_graph(self.graph)}{self.inputs}"
        for line in text.splitlines():
            printer.text(line)
            printer.break_()


@st.composite
def cases(draw: st.DrawFn, step: str | None = None, most_steps: int = 5) -> Case:
    """A valid graph of a few ops, chained where they fit, with inputs.

    Args:
        draw: given by Hypothesis.
        step: the name of a step that the graph ends in; any number of any steps without it.
        most_steps: how many steps there are at most.
    """
    grow = Growth(draw)
    names = draw(st.lists(st.sampled_from(list(STEPS)), max_size=most_steps - 1))
    for name in (*names, step or draw(st.sampled_from(list(STEPS)))):
        STEPS[name](grow)
    nodes = [value for value in grow.builder.definitions.values() if isinstance(value, Node)]
    used = {operand for node in nodes for operand in node.operands}
    assume(nodes)
    graph = grow.builder.finish([node.name for node in nodes if node.name not in used])
    check(graph)
    inputs = {given.name: random_array(given.type, grow.random()) for given in graph.inputs}
    return Case(graph, inputs)


def random_array(type: TensorType, random: Random) -> Array:
    """Elements of a type, extremes often; floats with ties, infinities and subnormals."""
    if isinstance(type.element, IntType):
        codes = random_codes(type.element, type.size, random)
        return np.array(codes, dtype=type.element.dtype).reshape(type.shape)
    patterns = [_float_bits(random) for _ in range(type.size)]
    return np.array(patterns, dtype=np.uint32).view(np.float32).reshape(type.shape)


def _float_bits(random: Random) -> int:
    """The bits of a float32 that isn't NaN."""
    match random.randrange(4):
        case 0:
            return random.choice([0, 1 << 31, 1, 0x7F800000, 0xFF800000, 0x7F7FFFFF, 0x00400000])
        case 1:
            return random.randrange(0x7F800000) | random.getrandbits(1) << 31
        case _:
            halves = np.float32(random.randint(-(1 << 12), 1 << 12) / 64)
            return int(halves.view(np.uint32))
