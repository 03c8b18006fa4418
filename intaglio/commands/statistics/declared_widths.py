# SPDX-License-Identifier: Apache-2.0
"""The accumulators' widths as the profile declares them, before a proof narrows them."""

from dataclasses import dataclass, field

from intaglio.compiler.analysis.accumulators import accumulating_nodes
from intaglio.compiler.ir.graph import Graph, Level
from intaglio.compiler.passes.narrow_accumulators import narrow_accumulators


@dataclass
class DeclaredWidths:
    """Listens to a lowering; ``by_name`` is empty where none was heard.

    Attributes:
        by_name: bits of two's complement by the sum's name.
    """

    by_name: dict[str, int] = field(default_factory=dict[str, int])

    def after(self, name: str, graph: Graph) -> None:
        """Note the widths after a pass, up to the one that narrows them."""
        if graph.level is not Level.FIXED or name == narrow_accumulators.__name__:
            return
        self.by_name = {
            node.name: op.accumulator.type.interval.signed_bits
            for node, op in accumulating_nodes(graph)
        }

    def of(self, graph: Graph, bits: int | None) -> dict[str, int]:
        """What headroom is measured against: ``bits`` where given, else what was declared."""
        if bits is None:
            return self.by_name
        return {node.name: bits for node, _ in accumulating_nodes(graph)}
