# SPDX-License-Identifier: Apache-2.0
"""A model in steps: what one runtime computes as one, which can be run alone on given inputs."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from intaglio.commands.peers.running import Job, Result, Tensor, WholeModel
from intaglio.compiler.ir.graph import Array, Graph, Input

Tensors = Mapping[str, Array]
"""Arrays by the names that the user's model gives them."""


@dataclass(frozen=True, slots=True)
class Step:
    """A part of the model that computes tensors from tensors.

    Attributes:
        results: the tensors that it computes, by the model's names.
        operands: the tensors that it reads, in the order in which a peer is given them.
        op: its operators in a few words.
        node: which of the model's nodes that is; may be empty.
    """

    results: tuple[str, ...]
    operands: tuple[str, ...]
    op: str
    node: str


@dataclass(frozen=True)
class Subject(ABC):
    """A model of one format, in steps in topological order.

    Attributes:
        name: the file's name.
        content: the file.
        graph: the whole model at the scaled level.
    """

    name: str
    content: bytes
    graph: Graph

    @property
    @abstractmethod
    def steps(self) -> Sequence[Step]:
        """Every step whose result an output depends on."""

    @abstractmethod
    def step_graph(self, step: Step, operands: Tensors) -> Graph:
        """One step at the scaled level, for operands of these shapes."""

    @property
    def inputs(self) -> tuple[Input, ...]:
        """What the model is given; state that it keeps is no input of it."""
        return self.graph.inputs

    @property
    def state(self) -> Tensors:
        """What the graph's further inputs hold when a run begins."""
        return {}

    @property
    def outputs(self) -> tuple[str, ...]:
        """What the model returns."""
        return self.graph.output_sources

    def fitted(self, inputs: Tensors) -> Tensors:
        """Random inputs, made such as the peer takes."""
        return inputs

    def whole_job(self, runs: Sequence[Tensors], every_tensor: bool) -> Job:
        """The whole model in the peer, fed with its inputs."""
        feeds = [[tensors[given.source] for given in self.inputs] for tensors in runs]
        return Job(self.name, WholeModel(self.content), feeds, every_tensor)

    def returned(self, whole: Result) -> Sequence[Tensor]:
        """The outputs of the whole model in the peer."""
        return whole.outputs

    def traced(self, step: Step, whole: Result) -> Sequence[Tensor]:
        """What the peer showed of a step within the whole model, in the order of its results."""
        found = {tensor.name: tensor for tensor in whole.tensors}
        return [found[name] for name in step.results]

    def shown(self, tensor: str, array: Array) -> Array:
        """What the peer shows of a tensor where it equals ours."""
        return array


class CutSubject(Subject):
    """A model whose steps also run in the peer, one by one."""

    @abstractmethod
    def step_job(self, step: Step, runs: Sequence[Tensors]) -> Job:
        """One step in the peer, fed with its operands."""
