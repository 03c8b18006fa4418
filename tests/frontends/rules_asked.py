# SPDX-License-Identifier: Apache-2.0
"""The words of the profiles' rules that a graph is lowered by."""

from collections.abc import Iterable
from typing import Any
from unittest.mock import patch

from intaglio.compiler.ir import scaled
from intaglio.compiler.ir.graph import Graph
from intaglio.compiler.passes.select_arithmetic import select_arithmetic
from intaglio.errors import UnsupportedModel
from intaglio.frontends.readers import BORDER, BOUND, COMPARISON, MOVE, STEPS, TAIL
from intaglio.numerics.profile import Profile, load_profile

_WITHOUT_RULE: dict[str, tuple[type[Any], ...]] = {
    MOVE: (
        scaled.Transpose,
        scaled.Reshape,
        scaled.Slice,
        scaled.Concat,
        scaled.Pad,
        scaled.ResizeNearest,
    ),
    COMPARISON: (scaled.MaxPool2d, scaled.ArgMax, scaled.ArgMin),
    BORDER: (scaled.Quantize, scaled.Dequantize, scaled.Reinterpret),
    STEPS: (scaled.Float32Steps,),
    TAIL: (scaled.Float32Binary, scaled.Float32Softmax),
}


def rules_asked(graph: Graph) -> set[str]:
    """What ``select_arithmetic`` asks a profile for that has a rule for everything."""
    asked = set[str]()
    first: Any = Profile.first

    def recording(self: Profile, rules: Iterable[Any], op: str, *types: Any, **more: Any) -> Any:
        asked.add(op)
        return first(self, rules, op, *types, **more)

    with patch.object(Profile, "first", recording):
        try:
            select_arithmetic(graph, load_profile("single-rounding"))
        except UnsupportedModel:  # it has no formula for these
            assert asked in ({"l2_normalization"}, {"log_softmax"})
    if "resize_linear" in asked:
        # It looks whether another scale is reached by way of float32, be there one or not.
        asked.discard("requantize")
    return asked


def words_of(graph: Graph) -> set[str]:
    """Those rules, and the words for the ops that need none."""
    found = rules_asked(graph)
    for node in graph.nodes:
        found |= {word for word, classes in _WITHOUT_RULE.items() if isinstance(node.op, classes)}
        if getattr(node.op, "activation", scaled.UNBOUNDED) != scaled.UNBOUNDED:
            found.add(BOUND)
    return found
