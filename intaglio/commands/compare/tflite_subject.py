# SPDX-License-Identifier: Apache-2.0
"""TensorFlow Lite models in steps: each operator is one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from intaglio.commands.compare.slices import slice_of
from intaglio.commands.compare.subject import CutSubject, Step, Tensors
from intaglio.commands.peers.running import Job, OneOperator, Result, Tensor, WholeModel
from intaglio.compiler.ir.graph import Array, Graph, Input
from intaglio.compiler.ir.types import FloatType
from intaglio.frontends.tflite.model import StoredModel, StoredOperator
from intaglio.frontends.tflite.schema import read_model


@dataclass(frozen=True)
class TfliteSubject(CutSubject):
    """A model whose tensors are told by their labels, and in the peer by their numbers."""

    model: StoredModel

    @staticmethod
    def of(path: Path, graph: Graph) -> "TfliteSubject":
        """Read the file that ``graph`` was made of."""
        content = path.read_bytes()
        return TfliteSubject(path.name, content, graph, read_model(content, str(path)))

    @property
    def inputs(self) -> tuple[Input, ...]:
        """What the model is given; its state isn't."""
        labels = {self.model.tensors[index].label for index in self.model.inputs}
        return tuple(given for given in self.graph.inputs if (given.source in labels))

    @property
    def state(self) -> Tensors:
        """The state that a run begins with: zeros, as codes."""
        return {
            given.source: _zeros(given) for given in self.graph.inputs if given not in self.inputs
        }

    @property
    def outputs(self) -> tuple[str, ...]:
        """What the model returns."""
        return tuple(self.model.tensors[index].label for index in self.model.outputs)

    @property
    def steps(self) -> tuple[Step, ...]:
        """Every operator whose result is computed, in the file's order."""
        return tuple(self._operators)

    def step_graph(self, step: Step, operands: Tensors) -> Graph:
        """The nodes that stem from the operator."""
        results = [self._values[label] for label in step.results]
        return slice_of(self.graph, results, set(self._values.values()))

    def step_job(self, step: Step, runs: Sequence[Tensors]) -> Job:
        """The operator as a model of its own."""
        operator = self._operators[step]
        feeds = [[tensors[name] for name in step.operands] for tensors in runs]
        return Job(step.results[0], OneOperator(self.content, operator.number), feeds)

    def whole_job(self, runs: Sequence[Tensors], every_tensor: bool) -> Job:
        """The file as it is."""
        labels = [self.model.tensors[index].label for index in self.model.inputs]
        feeds = [[tensors[label] for label in labels] for tensors in runs]
        return Job(self.name, WholeModel(self.content), feeds, every_tensor)

    def traced(self, step: Step, whole: Result) -> Sequence[Tensor]:
        """What the peer showed of an operator within the whole model."""
        found = {self.model.tensors[tensor.index].label: tensor for tensor in whole.tensors}
        return [found[label] for label in step.results]

    @cached_property
    def _operators(self) -> Mapping[Step, StoredOperator]:
        return {
            step: operator
            for operator in self.model.operators
            if (step := self._step(operator)) is not None
        }

    def _step(self, operator: StoredOperator) -> Step | None:
        labels = [self.model.tensors[index].label for index in operator.results]
        results = tuple(label for label in labels if label in self._values)
        if not results:
            return None
        operands = [self._computed_label(index) for index in _given(self.model, operator)]
        return Step(results, tuple(operands), operator.kind, f"operator {operator.number}")

    @cached_property
    def _values(self) -> Mapping[str, str]:
        """The value of each operator's result: that of the last node that helps to compute it.

        State that an operator writes is no result: within the operator it is a step on the way.
        """
        results = {
            self.model.tensors[index].label
            for operator in self.model.operators
            for index in operator.results
        }
        return {node.source: node.name for node in self.graph.nodes if node.source in results}

    def _computed_label(self, index: int) -> str:
        """The tensor, or the one that it is the same as: some operators change nothing."""
        label = self.model.tensors[index].label
        inputs = {given.source for given in self.graph.inputs}
        writers = [each for each in self.model.operators if index in each.results]
        if label in self._values or label in inputs or not writers:
            return label
        return self._computed_label(_given(self.model, writers[0])[0])


def _given(model: StoredModel, operator: StoredOperator) -> list[int]:
    """The operands that are neither constant nor state, each once."""
    return [
        index
        for index in dict.fromkeys(operator.operands)
        if index >= 0 and model.tensors[index].data is None and not model.tensors[index].variable
    ]


def _zeros(given: Input) -> Array:
    element, quantization = given.type.element, given.type.quantization
    if isinstance(element, FloatType):
        return np.zeros(given.type.shape, np.float32)
    zero = 0 if quantization is None else quantization.zero_point
    return np.full(given.type.shape, zero, element.dtype)
