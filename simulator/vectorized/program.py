# SPDX-License-Identifier: Apache-2.0
"""A fixed graph made ready to run many times."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial

import numpy as np

from intaglio.compiler.ir import fixed
from intaglio.compiler.ir.graph import Array, Graph, Node
from intaglio.compiler.ir.types import FloatType, TensorType
from intaglio.simulator.engine import Observer, check_inputs, fixed_op
from intaglio.simulator.vectorized.borders import NO_INTEGERS
from intaglio.simulator.vectorized.prepare import prepare_node
from intaglio.simulator.vectorized.prepared import Compute, Operand, Prepared
from intaglio.simulator.vectorized.schedule import Work, scheduled

Elementwise = (fixed.Requantize, fixed.Clamp, fixed.Cast)
"""Ops of one operand that may follow a block at once: the last axis alone matters to them."""


class Program:
    """Weights packed, requantizers laid out, bounds proved: what a run need not repeat.

    It may serve several threads at once, best inside ``one_blas_thread``: a run changes nothing in
    it.
    """

    def __init__(self, graph: Graph) -> None:
        """Prepare every node.

        Raises:
            InvalidGraph: the graph isn't at the fixed level.
        """
        self._graph = graph
        self._constants = {constant.name: constant.array for constant in graph.constants}
        known = {value.name: operand_of(value.type) for value in graph.inputs} | {
            constant.name: operand_of(constant.type, constant.array) for constant in graph.constants
        }
        prepared: dict[str, Prepared] = {}
        for node in graph.nodes:
            operands = [known[operand] for operand in node.operands]
            found = prepare_node(node, fixed_op(graph, node), operands)
            prepared[node.name] = found
            known[node.name] = Operand(node.type, found.interval)
        self._observed = scheduled(
            graph, [(node.name, prepared[node.name].compute, node.operands) for node in graph.nodes]
        )
        self._unobserved = scheduled(graph, list(_fused(graph, prepared)))

    def run(
        self, inputs: Mapping[str, Array], observer: Observer | None = None
    ) -> dict[str, Array]:
        """The outputs by name; an observer is shown each input, then the value of each node.

        Without an observer, accumulators that one requantizer alone reads are never stored whole.

        Raises:
            InvalidData: the inputs don't fit the graph, a NaN is quantized, a float result isn't
                finite, or a result lies outside the type that the graph states for it.
        """
        values = check_inputs(self._graph, inputs)
        if observer is not None:
            for name, array in values.items():
                observer(name, array)
        values |= self._constants
        for step in self._unobserved if observer is None else self._observed:
            computed = step.compute([values[operand] for operand in step.operands])
            # NumPy makes scalars of arrays of rank 0.
            values[step.name] = np.asarray(computed)
            if observer is not None:
                observer(step.name, values[step.name])
            for name in step.dead:
                del values[name]
        return {name: values[name] for name in self._graph.outputs}


def operand_of(type: TensorType, array: Array | None = None) -> Operand:
    """What is known of an input or a constant."""
    if isinstance(type.element, FloatType):
        return Operand(type, NO_INTEGERS, array)
    return Operand(type, type.element.interval, array)


def _fused(graph: Graph, prepared: Mapping[str, Prepared]) -> Iterator[Work[Compute]]:
    """The work with elementwise nodes drawn into the blocks of the node that they alone read."""
    drawn: set[str] = set()
    for node in graph.nodes:
        if node.name in drawn:
            continue
        fused = prepared[node.name].fused
        behind = [] if fused is None else list(followers(graph, node))
        if fused is None or not behind:
            yield node.name, prepared[node.name].compute, node.operands
            continue
        drawn |= {follower.name for follower in behind}
        last = behind[-1]
        epilogue = partial(_in_turn, [prepared[follower.name].compute for follower in behind])
        dtype = last.type.integer.dtype
        yield last.name, partial(fused, epilogue=epilogue, dtype=dtype), node.operands


def _in_turn(functions: Sequence[Compute], block: Array) -> Array:
    for function in functions:
        block = function((block,))
    return block


def followers(graph: Graph, node: Node) -> Iterator[Node]:
    """The chain of elementwise nodes, each the only reader of the one before."""
    while node.name not in graph.outputs:
        users = graph.users.get(node.name, ())
        if len(users) != 1 or not isinstance(users[0].op, Elementwise):
            return
        (node,) = users
        yield node
