# SPDX-License-Identifier: Apache-2.0
"""Run a graph with one fault at a time, from the faulty place on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from intaglio.compiler.ir.graph import Array, Graph, Node
from intaglio.compiler.ir.types import FloatType, TensorType
from intaglio.errors import AccumulatorTrapped, InvalidData
from intaglio.simulator.engine import check_inputs, fixed_op
from intaglio.simulator.faults.effects import changed_array, permanent_effect
from intaglio.simulator.faults.sites import Fault
from intaglio.simulator.vectorized.borders import NO_INTEGERS
from intaglio.simulator.vectorized.prepare import prepare_node
from intaglio.simulator.vectorized.prepared import Compute, Operand


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one fault, counted in samples.

    Attributes:
        samples: how many it was injected into.
        masked: no output bit differs.
        changed: an output bit differs.
        critical: the greatest element of the first output is another.
        detected: the run ended with an error: a trap, or a float that isn't finite.
    """

    samples: int = 0
    masked: int = 0
    changed: int = 0
    critical: int = 0
    detected: int = 0

    def __add__(self, other: "Outcome") -> "Outcome":
        """Both together."""
        return Outcome(
            self.samples + other.samples,
            self.masked + other.masked,
            self.changed + other.changed,
            self.critical + other.critical,
            self.detected + other.detected,
        )


class FaultyRuns:
    """A graph and its runs without faults, every value kept.

    A fault's run takes all values from the clean one that don't depend on the faulty place, and
    ends as soon as no value differs any more.
    """

    def __init__(self, graph: Graph, batches: Sequence[Mapping[str, Array]]) -> None:
        """Run the graph on each batch.

        Every value may come to hold anything that its type does, so no bound that follows from
        other constants is used.

        Args:
            graph: a fixed graph.
            batches: the inputs of each run, by the graph's names.

        Raises:
            InvalidData: the inputs don't fit the graph.
            InvalidGraph: the graph isn't at the fixed level.
        """
        self._graph = graph
        self._constants = {constant.name: constant.array for constant in graph.constants}
        self._known = {value.name: _operand(value.type) for value in graph.inputs}
        self._known |= {
            constant.name: _operand(constant.type, constant.array) for constant in graph.constants
        }
        self._known |= {node.name: _operand(node.type) for node in graph.nodes}
        self._computes = {node.name: self._prepared(node) for node in graph.nodes}
        self._clean = [self._run_clean(batch) for batch in batches]

    @property
    def clean_outputs(self) -> list[dict[str, Array]]:
        """Of each run without faults."""
        return [{name: values[name] for name in self._graph.outputs} for values in self._clean]

    def outcome(self, fault: Fault, used: Sequence[int]) -> Outcome:
        """What the fault does to every run.

        Args:
            fault: which.
            used: of each batch, how many of its samples count; the rest are filling.

        Raises:
            InvalidData: the fault names what the graph doesn't have.
        """
        total = Outcome()
        for run, samples in enumerate(used):
            try:
                changed = self.changed_outputs(fault, run)
            except (AccumulatorTrapped, InvalidData):
                total += Outcome(samples=samples, detected=samples)
                continue
            total += self._compared(changed, run, samples)
        return total

    def changed_outputs(self, fault: Fault, run: int) -> dict[str, Array]:
        """The outputs that differ from those of the run without faults."""
        clean = self._clean[run]
        changed: dict[str, Array] = {}
        computes = self._computes
        faulty: set[str] = set()
        constants: dict[str, Array] = self._constants
        if fault.storage.permanent:
            effect = permanent_effect(self._graph, fault)
            if effect is None:
                raise InvalidData(
                    f"fault in {fault.value}",
                    f"bit {fault.bit} of word {fault.index}, which leaves no valid number",
                    "a fault that a machine could run with",
                    "leave it out",
                )
            if effect.constant is not None:
                constant = effect.constant
                constants = constants | {constant.name: constant.array}
                known = self._known | {constant.name: _operand(constant.type, constant.array)}
                users = self._graph.users.get(constant.name, ())
                faulty = {node.name for node in users}
                computes = computes | {
                    node.name: _prepared(self._graph, node, known) for node in users
                }
            if effect.node is not None:
                faulty = {effect.node.name}
                computes = computes | {effect.node.name: self._prepared(effect.node)}
        else:
            type = self._graph.type_of(fault.value).integer
            array = changed_array(clean[fault.value], type, fault)
            if np.array_equal(array, clean[fault.value]):
                return {}
            changed[fault.value] = array
        if changed or faulty:
            self._run_on(clean, constants, computes, faulty, changed)
        return {name: changed[name] for name in self._graph.outputs if name in changed}

    def _run_on(
        self,
        clean: Mapping[str, Array],
        constants: Mapping[str, Array],
        computes: Mapping[str, Compute],
        faulty: set[str],
        changed: dict[str, Array],
    ) -> None:
        """Add to ``changed`` every value that differs from the clean one."""
        for node in self._graph.nodes:
            if node.name in changed:
                continue
            if node.name not in faulty and not any(name in changed for name in node.operands):
                continue
            operands = [
                changed[name]
                if name in changed
                else constants[name]
                if name in constants
                else clean[name]
                for name in node.operands
            ]
            value = np.asarray(computes[node.name](operands))
            if not _same(value, clean[node.name]):
                changed[node.name] = value

    def _compared(self, changed: Mapping[str, Array], run: int, samples: int) -> Outcome:
        if not changed:
            return Outcome(samples=samples, masked=samples)
        clean = self._clean[run]
        differs = np.zeros(samples, dtype=np.bool_)
        critical = 0
        for place, name in enumerate(self._graph.outputs):
            if name not in changed:
                continue
            old, new = _rows(clean[name], samples), _rows(changed[name], samples)
            differs |= (_bits(old) != _bits(new)).any(axis=1)
            if place == 0 and old.shape[1]:
                critical = int((old.argmax(axis=1) != new.argmax(axis=1)).sum())
        count = int(differs.sum())
        return Outcome(samples=samples, masked=samples - count, changed=count, critical=critical)

    def _prepared(self, node: Node) -> Compute:
        return _prepared(self._graph, node, self._known)

    def _run_clean(self, batch: Mapping[str, Array]) -> dict[str, Array]:
        values: dict[str, Array] = dict(check_inputs(self._graph, batch))
        for node in self._graph.nodes:
            operands = [
                self._constants[name] if name in self._constants else values[name]
                for name in node.operands
            ]
            values[node.name] = np.asarray(self._computes[node.name](operands))
        for name in self._graph.outputs:
            if name in self._constants:
                values[name] = self._constants[name]
        return values


def _prepared(graph: Graph, node: Node, known: Mapping[str, Operand]) -> Compute:
    operands = [known[name] for name in node.operands]
    return prepare_node(node, fixed_op(graph, node), operands).compute


def _operand(type: TensorType, array: Array | None = None) -> Operand:
    if isinstance(type.element, FloatType):
        return Operand(type, NO_INTEGERS, array)
    return Operand(type, type.element.interval, array)


def _same(a: Array, b: Array) -> bool:
    return np.array_equal(_bits(a), _bits(b))


def _bits(array: Array) -> Array:
    return array.view(np.uint32) if array.dtype == np.float32 else array


def _rows(array: Array, samples: int) -> Array:
    """A row for each sample; the rest of the batch is filling."""
    rows = array.reshape(array.shape[0], -1) if array.ndim else array.reshape(1, 1)
    return np.ascontiguousarray(rows[:samples])
