# SPDX-License-Identifier: Apache-2.0
"""Run a fixed graph node by node over many batches, changing values on the way."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from intaglio.compiler.ir.graph import Graph, Node
from intaglio.compiler.ir.types import FloatType, TensorType
from intaglio.numerics.integers import IntType
from intaglio.numerics.intervals import Interval
from intaglio.simulator.engine import check_inputs, fixed_op
from intaglio.simulator.vectorized.borders import NO_INTEGERS
from intaglio.simulator.vectorized.prepare import prepare_node
from intaglio.simulator.vectorized.prepared import Operand
from intaglio.simulator.vectorized.words import Array

Visit = Callable[[Node, Sequence[Array]], NDArray[np.int64] | None]
"""Given a node and its value in each batch; returns what to add along the last axis, or None."""


def walk(graph: Graph, batches: Sequence[Mapping[str, Array]], visit: Visit) -> None:
    """Run every node on all batches before the next node runs, showing each value to ``visit``.

    What ``visit`` returns for a node is added to its value, in all batches, before anything reads
    it; the type of the value widens by as much. Values are dropped after their last use.

    Args:
        graph: a fixed graph.
        batches: the inputs of each run, by the graph's names.
        visit: as above; only integer values can be changed.

    Raises:
        InvalidData: as ``Program.run``.
        InvalidGraph: the graph isn't at the fixed level.
    """
    fed = [check_inputs(graph, batch) for batch in batches]
    values = {value.name: [feeds[value.name] for feeds in fed] for value in graph.inputs}
    constants = {constant.name: constant.array for constant in graph.constants}
    known = {value.name: _operand(value.type) for value in graph.inputs} | {
        constant.name: _operand(constant.type, constant.array) for constant in graph.constants
    }
    uses = Counter(operand for node in graph.nodes for operand in node.operands)
    for node in graph.nodes:
        prepared = prepare_node(
            node, fixed_op(graph, node), [known[name] for name in node.operands]
        )
        uses.subtract(node.operands)
        dead = [name for name in node.operands if name in values and not uses[name]]
        results: list[Array] = []
        for at in range(len(batches)):
            arrays = [
                constants[name] if name in constants else values[name][at] for name in node.operands
            ]
            # NumPy makes scalars of arrays of rank 0.
            results.append(np.asarray(prepared.compute(arrays)))
            for name in dead:
                values[name][at] = np.empty(0)
        operand = Operand(node.type, prepared.interval)
        added = visit(node, results)
        if added is not None:
            operand = _widened(operand, added)
            _increase(results, added, operand.type.integer)
        known[node.name], values[node.name] = operand, results


def _operand(type: TensorType, array: Array | None = None) -> Operand:
    if isinstance(type.element, FloatType):
        return Operand(type, NO_INTEGERS, array)
    return Operand(type, type.element.interval, array)


def _widened(operand: Operand, added: NDArray[np.int64]) -> Operand:
    interval = operand.interval + Interval(int(added.min()), int(added.max()))
    type = IntType(32 if interval.signed_bits <= 32 else 64, signed=True)
    within = interval if type.interval.contains(interval) else type.interval
    return Operand(replace(operand.type, element=type), within)


def _increase(results: list[Array], added: NDArray[np.int64], element: IntType) -> None:
    for at, array in enumerate(results):
        results[at] = (array.astype(np.int64) + added).astype(element.dtype)
