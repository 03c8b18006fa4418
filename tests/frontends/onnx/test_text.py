# SPDX-License-Identifier: Apache-2.0
"""The text of what is read, so that a change of names, order or layout is seen."""

import numpy as np

from intaglio.compiler.ir.text import print_graph
from intaglio.compiler.ir.verify import check
from intaglio.frontends.onnx import import_onnx
from tests.frontends.onnx.qdq_models import QdqModel
from tests.golden_files import Golden

SCALE = 2.0**-4


def text(model: QdqModel) -> str:
    graph = import_onnx(model.model(), "small")
    check(graph)
    return print_graph(graph)


def test_a_residual_block(golden: Golden) -> None:
    model = QdqModel()
    x = model.qdq(model.float_input("x", ("N", 2, 4, 4)), SCALE, 128)
    weights = np.arange(-9, 9).reshape(2, 1, 3, 3).astype(np.int8)
    scales = [2.0**-5, 2.0**-6]
    w = model.constant("w", weights, scales, 0, 0)
    b = model.constant("b", np.array([7, -9], np.int32), [s * SCALE for s in scales], 0, 0)
    y = model.node("Conv", [x, w, b], "convolved", group=2, pads=[1, 1, 1, 1])
    y = model.qdq(model.node("Relu", [y], "positive"), SCALE, 0)
    y = model.qdq(model.node("Relu", [model.node("Add", [y, x], "total")], "sum"), 2.0**-3, 0)
    y = model.qdq(model.node("GlobalAveragePool", [y], "mean"), 2.0**-5, 0)
    y = model.node("Flatten", [y], "flat")
    model.output(y)
    assert text(model) == golden


def test_odd_widths_and_caps(golden: Golden) -> None:
    model = QdqModel()
    x = model.narrow(model.float_input("x", (1, 2, 2, 2)), SCALE, 4, np.uint8, 5)
    w = model.constant("w", np.array([[1, -2], [3, -4]], np.int8).reshape(2, 2, 1, 1), SCALE)
    model.widths["w"] = 3
    y = model.node("Conv", [x, w], "y")
    y = model.node(
        "Min", [y, model.array("cap", np.array([[[0.5]], [[0.25]]], np.float32))], "capped"
    )
    model.output(model.narrow(y, 2.0**-6, 4, np.uint8, 5))
    assert text(model) == golden


def test_codes_that_are_concatenated_and_split(golden: Golden) -> None:
    model = QdqModel()
    x = model.dq(model.codes_input("x", (1, 4), np.int8), SCALE, 0, np.int8)
    z = model.dq(model.codes_input("z", (1, 2), np.int8), 2.0**-5, 1, np.int8)
    y = model.qdq(model.node("Concat", [x, z], "joined", axis=1), SCALE, 0, np.int8)
    model.node("Split", [y], "left", axis=1, num_outputs=2)
    model.nodes[-1].output.append("right")
    model.output(model.qdq(model.node("Sigmoid", ["left"], "gate"), 2.0**-8, 0))
    model.output(model.node("Softmax", ["right"], "likely"))
    assert text(model) == golden
