# SPDX-License-Identifier: Apache-2.0
"""What readers declare that they expect, violated one by one."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from intaglio.errors import UnsupportedModel
from intaglio.frontends.onnx import import_onnx
from tests.frontends.onnx.qdq_models import QdqModel

SHAPE = (1, 3, 4, 4)
SCALE = 2.0**-4
Build = Callable[[QdqModel, str], str]


def _refused(build: Build, opset: int = 21) -> str:
    model = QdqModel(opset)
    x = model.qdq(model.float_input("x", SHAPE), SCALE, 3)
    model.output(model.qdq(build(model, x), SCALE))
    with pytest.raises(UnsupportedModel) as caught:
        import_onnx(model.model(), "small")
    (problem,) = caught.value.problems
    return problem


def _with(op: str, **attributes: Any) -> Build:
    return lambda model, x: model.node(op, [x], "y", **attributes)


def _computed(op: str, place: int = 1) -> Build:
    """A list that the graph computes."""

    def build(model: QdqModel, x: str) -> str:
        named = [model.array(f"l{at}", np.array([1], np.int64)) for at in range(1, place)]
        return model.node(op, [x, *named, x], "y")

    return build


def _weighted(op: str, shape: tuple[int, ...], **attributes: Any) -> Build:
    def build(model: QdqModel, x: str) -> str:
        weights = model.constant("w", np.ones(shape, np.int8), SCALE)
        return model.node(op, [x, weights], "y", **attributes)

    return build


def _resized(**attributes: Any) -> Build:
    def build(model: QdqModel, x: str) -> str:
        sizes = model.array("sizes", np.array([1, 3, 8, 8], np.int64))
        return model.node("Resize", [x, "", "", sizes], "y", **attributes)

    return build


def _biased(*, computed: bool, **attributes: Any) -> Build:
    """A Gemm with a bias, by weights or by what is computed."""

    def build(model: QdqModel, x: str) -> str:
        flat = model.node("Flatten", [x], "flat")
        bias = model.array("bias", np.ones(1, np.float32))
        weights = model.constant("w", np.ones((48, 1), np.int8), SCALE)
        second = model.node("Transpose", [flat], "second") if computed else weights
        return model.node("Gemm", [flat, second, bias], "y", **attributes)

    return build


def _computed_bias(model: QdqModel, x: str) -> str:
    return model.node("Conv", [x, model.constant("w", np.ones((2, 3, 1, 1), np.int8), 1.0), x], "y")


def _vector(model: QdqModel, x: str) -> str:
    vector = model.constant("w", np.ones(4, np.int8), SCALE)
    return model.node("MatMul", [x, vector], "y")


POOL = {"kernel_shape": [2, 2]}
CASES: tuple[tuple[Build, str], ...] = (
    (_with("AveragePool", **POOL, dilations=[1, 2]), "dilated window; expected dilations of 1"),
    (_with("AveragePool", **POOL, ceil_mode=1, count_include_pad=1), "expected not both of"),
    (_with("AveragePool", **POOL, auto_pad="FULL"), "auto_pad is 'FULL'; expected auto_pad NOTSET"),
    (_with("Gelu", approximate="fast"), "approximate is 'fast'; expected approximate none or tanh"),
    (_with("Elu", alpha=float("inf")), "its alpha is inf; expected finite alpha"),
    (_with("HardSigmoid", beta=float("nan")), "its beta is nan; expected finite alpha and beta"),
    (_computed("Clip", 1), "computes its min; expected constant min"),
    (_computed("Clip", 2), "computes its max; expected constant max"),
    (_computed("Reshape"), "computes its shape; expected constant shape"),
    (_computed("Slice", 4), "computes its steps; expected constant steps"),
    (_computed("Split"), "computes its sizes; expected constant sizes"),
    (_computed("Unsqueeze"), "computes its axes; expected constant axes"),
    (_computed("ReduceMean"), "computes its axes; expected constant axes"),
    (_computed("Pad"), "computes its pads; expected constant pads"),
    (_computed("Resize", 2), "computes its operand 3; expected constant sizes or scales"),
    (_computed("PRelu"), "its operand 2 is computed; expected quantized constant slopes"),
    (_computed("QuantizeLinear"), "computes its scale; expected constant scale"),
    (_with("Pad", mode="wrap"), "mode is 'wrap'; expected mode constant, edge or reflect"),
    (_resized(mode="cubic"), "mode is 'cubic'; expected mode nearest or linear"),
    (_resized(nearest_mode="up"), "nearest_mode is 'up'; expected nearest_mode round_prefer"),
    (_resized(coordinate_transformation_mode="tf_crop_and_resize"), "'tf_crop_and_resize'; exp"),
    (_resized(exclude_outside=1), "sets exclude_outside; expected no antialias or exclude_outside"),
    (_resized(keep_aspect_ratio_policy="not_larger"), "expected keep_aspect_ratio_policy stretch"),
    (
        _weighted("ConvTranspose", (3, 1, 1, 1), output_shape=[4, 4]),
        "states output_shape; expected",
    ),
    (
        _weighted("ConvTranspose", (3, 1, 1, 1), auto_pad="SAME_UPPER"),
        "expected auto_pad NOTSET or",
    ),
    (_computed_bias, "computes its bias; expected a constant bias, if any"),
    (_biased(computed=False, beta=0.5), "beta is 0.5; expected beta 1 (fold it into the bias)"),
    (_biased(computed=True), "adds C to a product of two computed operands; expected no C"),
    (_vector, "its operand 2 has the shape (4,); expected 2 or more axes"),
    (lambda model, x: model.node("Max", [x, x, x], "y"), "has 3 operands; expected two operands"),
)


@pytest.mark.parametrize(("build", "message"), CASES, ids=[message for _, message in CASES])
def test_what_is_found_and_what_was_expected(build: Build, message: str) -> None:
    assert message in _refused(build)


def test_a_softmax_over_several_axes() -> None:
    found = _refused(_with("Softmax", axis=1), opset=12)
    assert "spans several axes; expected one axis (before opset 13" in found
