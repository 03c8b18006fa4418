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
from tests.frontends.tflite import writing
from tests.peers.tflite.draw import KINDS, Draw
from tests.peers.tflite.single_op import Case, Tensor
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
            found = import_tflite(_written(case), "single")
            assert _meaning(found) == _meaning(case.graph), case.label


def _written(case: Case) -> bytes:
    operator = case.operator
    tensors = [_tensor(operand) for operand in (*operator.operands, operator.result)]
    options = {name[:1].upper() + name[1:]: value for name, value in operator.options.items()}
    step = writing.Operator(
        operator.name,
        tuple(range(len(operator.operands))),
        (len(operator.operands),),
        operator.options_type,
        options,
    )
    given = [at for at, operand in enumerate(operator.operands) if not operand.constant]
    return writing.write(tensors, [step], given, [len(operator.operands)])


def _tensor(tensor: Tensor) -> writing.Tensor:
    count = len(tensor.scales)
    return writing.Tensor(
        tensor.codes.shape,
        tensor.codes.dtype.name.upper(),
        tensor.scales,
        tensor.zero_points * (count // len(tensor.zero_points)) if count else (),
        tensor.axis if count > 1 else 0,
        tensor.codes.tobytes() if tensor.constant else None,
    )


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
