# SPDX-License-Identifier: Apache-2.0
"""Build a graph value by value, with unique names; finishing it drops what nothing reads."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from intaglio.compiler.ir.graph import (
    AnyOp,
    Array,
    Constant,
    Definition,
    Graph,
    Input,
    Level,
    Node,
)
from intaglio.compiler.ir.types import Quantization, TensorType

_FORBIDDEN = re.compile(r"[^A-Za-z0-9_.]+")


@dataclass
class Builder:
    """Collects definitions in order; every method that adds a value returns its name."""

    name: str
    level: Level
    profile: str = ""
    definitions: dict[str, Definition] = field(default_factory=dict[str, Definition])

    def unique(self, wanted: str) -> str:
        """``wanted`` as a name of the text form, with a suffix where it is taken."""
        base = _FORBIDDEN.sub("_", wanted).strip("_") or "value"
        name, suffix = base, 1
        while name in self.definitions:
            suffix += 1
            name = f"{base}_{suffix}"
        return name

    def add(self, definition: Definition) -> str:
        """Add a definition that already carries a unique name."""
        if definition.name in self.definitions:
            raise ValueError(f"the value {definition.name} is defined twice")
        self.definitions[definition.name] = definition
        return definition.name

    def input(self, wanted: str, type: TensorType) -> str:
        """Add a graph input, named after ``wanted``, the source's name."""
        return self.add(Input(self.unique(wanted), type, wanted))

    def constant(self, wanted: str, type: TensorType, array: Array, source: str = "") -> str:
        """Add a constant."""
        return self.add(Constant(self.unique(wanted), type, array, source))

    def node(
        self,
        wanted: str,
        type: TensorType,
        op: AnyOp,
        operands: Sequence[str],
        source: str = "",
    ) -> str:
        """Add a node that defines one value of ``type``."""
        return self.add(Node(self.unique(wanted), type, op, tuple(operands), source))

    def type_of(self, name: str) -> TensorType:
        """The type of a value that was added before."""
        return self.definitions[name].type

    def finish_like(self, graph: Graph, outputs: Sequence[str]) -> Graph:
        """As ``finish``; the outputs are those of ``graph`` to the user's model."""
        return self.finish(outputs, graph.output_sources, graph.output_quantizations)

    def finish(
        self,
        outputs: Sequence[str],
        output_sources: Sequence[str] = (),
        output_quantizations: Sequence[Quantization | None] = (),
    ) -> Graph:
        """The graph, without constants and nodes that no output depends on."""
        live = _live(self.definitions, outputs)
        kept = [value for name, value in self.definitions.items() if name in live]
        return Graph(
            name=self.name,
            level=self.level,
            inputs=tuple(v for v in self.definitions.values() if isinstance(v, Input)),
            constants=tuple(value for value in kept if isinstance(value, Constant)),
            nodes=tuple(value for value in kept if isinstance(value, Node)),
            outputs=tuple(outputs),
            output_sources=tuple(output_sources),
            output_quantizations=tuple(output_quantizations),
            profile=self.profile,
        )


def _live(definitions: Mapping[str, Definition], outputs: Sequence[str]) -> set[str]:
    """Names that the outputs depend on; definitions stand in topological order."""
    live = set(outputs)
    for value in reversed(tuple(definitions.values())):
        if value.name in live and isinstance(value, Node):
            live.update(value.operands)
    return live
