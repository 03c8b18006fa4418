# SPDX-License-Identifier: Apache-2.0
"""One model, read by the frontend and run by ONNX Runtime: the same numbers are demanded."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from intaglio.compiler.ir.graph import Graph
from intaglio.compiler.ir.verify import check
from intaglio.compiler.real.onnx_runtime import Session
from intaglio.frontends.onnx import import_onnx
from tests.frontends.onnx.evaluator import evaluate
from tests.frontends.onnx.qdq_models import Array, QdqModel


def run_unoptimized(model: QdqModel, feeds: Mapping[str, Array]) -> list[Array]:
    """Every op by itself: float32 between dequantization and quantization."""
    session = Session(model.proto(), threads=1, optimize=False)
    return list(session.run(feeds).values())


def same_as_runtime(model: QdqModel, feeds: Mapping[str, Array], **options: Any) -> Graph:
    """Demand equality on every output; the graph that was read."""
    graph = import_onnx(model.model(), "small", **options)
    check(graph)
    values = evaluate(graph, feeds)
    expected = run_unoptimized(model, feeds)
    for name, array in zip(graph.outputs, expected, strict=True):
        np.testing.assert_array_equal(values[name], array, err_msg=name)
    return graph


def ops_of(graph: Graph) -> list[str]:
    """The kinds of the graph's ops in order, without transposes."""
    kinds = [type(node.op).__name__ for node in graph.nodes]
    return [kind for kind in kinds if kind != "Transpose"]
