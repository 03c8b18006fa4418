# SPDX-License-Identifier: Apache-2.0
"""A fixed graph made ready to run many times, each run counted."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial

import numpy as np

from intaglio.compiler.analysis.accumulators import AccumulateOp
from intaglio.compiler.ir.graph import Array, Graph, Node
from intaglio.simulator.engine import check_inputs, fixed_op
from intaglio.simulator.statistics.clamps import CodeOp
from intaglio.simulator.statistics.counts import Observation, OverflowCounts
from intaglio.simulator.statistics.definition import declared_bits
from intaglio.simulator.statistics.tallies import Tallies
from intaglio.simulator.statistics.watches import (
    Compute,
    Finish,
    Watch,
    watch_codes,
    watch_sums,
)
from intaglio.simulator.vectorized import one_blas_thread
from intaglio.simulator.vectorized.prepare import prepare_node
from intaglio.simulator.vectorized.prepared import Fused, Operand, Operands
from intaglio.simulator.vectorized.program import followers, operand_of
from intaglio.simulator.vectorized.schedule import Work, scheduled
from intaglio.simulator.vectorized.words import Word


class ObservedProgram:
    """A graph that counts what its sums and clamps do; equal to the engines on every output bit.

    It may serve several threads at once, best inside ``one_blas_thread``: a run changes nothing in
    it.
    """

    def __init__(self, graph: Graph, widths: Mapping[str, int] | None = None) -> None:
        """Prepare every node.

        Args:
            graph: a fixed graph.
            widths: as for ``observe``.

        Raises:
            InvalidGraph: the graph isn't at the fixed level.
        """
        self._graph = graph
        self._constants = {constant.name: constant.array for constant in graph.constants}
        self._names = [n.name for n in graph.nodes if isinstance(n.op, AccumulateOp | CodeOp)]
        known = {value.name: operand_of(value.type) for value in graph.inputs} | {
            constant.name: operand_of(constant.type, constant.array) for constant in graph.constants
        }
        watches: dict[str, Watch] = {}
        for node in graph.nodes:
            operands = [known[name] for name in node.operands]
            watches[node.name] = found = _watched(graph, node, operands, widths)
            known[node.name] = Operand(node.type, found.interval)
        self._steps = scheduled(graph, list(_fused(graph, watches)))

    def run(self, inputs: Mapping[str, Array]) -> Observation:
        """The outputs by name, and what was counted.

        Raises:
            InvalidData: as ``vectorized.Program.run``.
        """
        values = check_inputs(self._graph, inputs) | self._constants
        tallies = Tallies()
        for step in self._steps:
            operands = [values[name] for name in step.operands]
            # NumPy makes scalars of arrays of rank 0.
            values[step.name] = np.asarray(step.compute(operands, tallies))
            for name in step.dead:
                del values[name]
        outputs = {name: values[name] for name in self._graph.outputs}
        return Observation(outputs, tallies.statistics(self._names))


def overflow_counts(graph: Graph, feeds: Iterable[Mapping[str, Array]]) -> OverflowCounts:
    """What overflowed and what was clamped in all runs of a fixed graph, over all its layers.

    Counts of parts of a data set add up: ``overflow_counts(g, a) + overflow_counts(g, b)``.

    Args:
        graph: a fixed graph.
        feeds: the inputs of each run, by the graph's names.

    Raises:
        InvalidData: the feeds don't fit the graph.
        InvalidGraph: the graph isn't at the fixed level.
    """
    program, counts = ObservedProgram(graph), OverflowCounts()
    with one_blas_thread():
        for inputs in feeds:
            counts += program.run(inputs).statistics.total
    return counts


def _watched(
    graph: Graph, node: Node, operands: Sequence[Operand], widths: Mapping[str, int] | None
) -> Watch:
    op = fixed_op(graph, node)
    if isinstance(op, AccumulateOp):
        bits = declared_bits(node, widths)
        return watch_sums(graph.definitions, node, op, operands, bits)
    if isinstance(op, CodeOp):
        return watch_codes(node, op, operands)
    plain = prepare_node(node, op, operands)
    return Watch(lambda arrays, tallies: plain.compute(arrays), plain.interval)


def _fused(graph: Graph, watches: Mapping[str, Watch]) -> Iterator[Work[Compute]]:
    """The work with elementwise nodes drawn into the blocks of the sum that they alone read."""
    drawn: set[str] = set()
    for node in graph.nodes:
        if node.name in drawn:
            continue
        watch = watches[node.name]
        behind = [] if watch.fused is None else list(followers(graph, node))
        if watch.fused is None or watch.finish is None or not behind:
            yield node.name, watch.compute, node.operands
            continue
        drawn |= {follower.name for follower in behind}
        computes = [watches[follower.name].compute for follower in behind]
        dtype = behind[-1].type.integer.dtype
        compute = partial(_in_blocks, watch.fused, watch.finish, computes, dtype)
        yield behind[-1].name, compute, node.operands


def _in_blocks(
    fused: Fused,
    finish: Finish,
    computes: Sequence[Compute],
    dtype: Word,
    arrays: Operands,
    tallies: Tallies,
) -> Array:
    def epilogue(block: Array) -> Array:
        block = finish(block, tallies)
        for compute in computes:
            block = compute((block,), tallies)
        return block

    return fused(arrays, epilogue, dtype)
