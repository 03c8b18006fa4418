# SPDX-License-Identifier: Apache-2.0
"""Every operator that is held against the runtimes is imported as the graph that was.

The peers' subjects pair an operator of the schema with the scaled op that has its codes; those
graphs are equal to their runtimes (tests/peers), so a file with that operator has to give them.
"""

from typing import Any

import numpy as np
import pytest

from intaglio.compiler.ir.graph import Graph, Node
from intaglio.frontends.tflite import import_tflite
from tests.frontends.tflite.single_operators import written
from tests.peers.tflite.draw import KINDS, Draw
from tests.peers.tflite.subjects import SUBJECTS, Subject


@pytest.mark.parametrize(
    ("subject", "dtype"),
    [
        pytest.param(subject, dtype, id=f"{subject.name}-{dtype.__name__}")
        for subject in SUBJECTS
        for dtype in subject.dtypes
    ],
)
def test_an_operator_becomes_the_op_with_the_codes_of_the_runtimes(
    subject: Subject, dtype: Any
) -> None:
    for kind in KINDS:
        draw = Draw(np.random.default_rng(KINDS.index(kind)), kind, dtype)
        for case in subject.cases(draw):
            found = import_tflite(written(case), "single")
            assert _meaning(found) == _meaning(case.graph), case.label


def _meaning(graph: Graph) -> list[tuple[Any, ...]]:
    """The nodes, without names: op, type, and the operands' types and elements."""
    return [_node_meaning(graph, node) for node in graph.nodes]


def _node_meaning(graph: Graph, node: Node) -> tuple[Any, ...]:
    operands: list[Any] = []
    for name in node.operands:
        constant = graph.constant(name)
        elements = None if constant is None else constant.array.tobytes()
        operands.append((graph.type_of(name), elements))
    return (node.op, node.type, operands)
