# SPDX-License-Identifier: Apache-2.0
"""Our side of a comparison: every step alone, each on what the steps before it computed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from intaglio.commands.compare.subject import Step, Subject, Tensors
from intaglio.compiler.ir.graph import Array, Graph
from intaglio.compiler.pipeline import lower
from intaglio.numerics.profile import Profile
from intaglio.simulator.vectorized import Program


@dataclass
class Chain:
    """The steps of a model under one profile, each lowered when it first runs."""

    subject: Subject
    profile: Profile
    _programs: dict[Step, "StepProgram"] = field(default_factory=dict[Step, "StepProgram"])

    def run(self, inputs: Tensors, done: Callable[[], None]) -> dict[str, Array]:
        """Every tensor of the model, from its inputs; ``done`` is called after each step."""
        tensors = dict(inputs)
        for step in self.subject.steps:
            if step not in self._programs:
                graph = self.subject.step_graph(step, tensors)
                self._programs[step] = StepProgram.of(lower(graph, self.profile))
            found = self._programs[step].run(tensors)
            tensors.update(zip(step.results, found, strict=True))
            done()
        return tensors


@dataclass(frozen=True)
class StepProgram:
    """A fixed graph that takes tensors by the model's names."""

    program: Program
    inputs: Mapping[str, str]
    outputs: tuple[str, ...]

    @staticmethod
    def of(graph: Graph) -> "StepProgram":
        """Make a fixed graph ready."""
        inputs = {given.name: given.source or given.name for given in graph.inputs}
        return StepProgram(Program(graph), inputs, graph.outputs)

    def run(self, tensors: Tensors) -> list[Array]:
        """The results in the graph's order."""
        found = self.program.run({name: tensors[of] for name, of in self.inputs.items()}, None)
        return [found[name] for name in self.outputs]
