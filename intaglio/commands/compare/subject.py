# SPDX-License-Identifier: Apache-2.0
"""A model in steps: what one runtime computes as one, which can be run alone on given inputs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from intaglio.commands.peers.running import Job, Result, Tensor
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


class Subject(Protocol):
    """A model of one format, in steps in topological order."""

    @property
    def name(self) -> str:
        """The file's name."""
        ...

    @property
    def graph(self) -> Graph:
        """The whole model at the scaled level."""
        ...

    @property
    def inputs(self) -> tuple[Input, ...]:
        """What the model is given; state that it keeps is no input of it."""
        ...

    @property
    def state(self) -> Tensors:
        """What the graph's further inputs hold when a run begins."""
        ...

    @property
    def outputs(self) -> tuple[str, ...]:
        """What the model returns."""
        ...

    @property
    def steps(self) -> Sequence[Step]:
        """Every step whose result an output depends on."""
        ...

    def fitted(self, inputs: Tensors) -> Tensors:
        """Random inputs, made such as the peer takes."""
        ...

    def step_graph(self, step: Step, operands: Tensors) -> Graph:
        """One step at the scaled level, for operands of these shapes."""
        ...

    def step_job(self, step: Step, runs: Sequence[Tensors]) -> Job:
        """One step in the peer, fed with its operands."""
        ...

    def whole_job(self, runs: Sequence[Tensors], every_tensor: bool) -> Job:
        """The whole model in the peer, fed with its inputs."""
        ...

    def returned(self, whole: Result) -> Sequence[Tensor]:
        """The outputs of the whole model in the peer."""
        ...

    def traced(self, step: Step, whole: Result) -> Sequence[Tensor]:
        """What the peer showed of a step within the whole model, in the order of its results."""
        ...

    def shown(self, tensor: str, array: Array) -> Array:
        """What the peer shows of a tensor where it equals ours."""
        ...
