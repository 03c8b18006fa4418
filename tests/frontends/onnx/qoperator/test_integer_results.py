# SPDX-License-Identifier: Apache-2.0
"""ConvInteger and MatMulInteger, bit by bit as ONNX Runtime computes them."""

from typing import Any

import numpy as np
import pytest
from onnx import TensorProto

from intaglio.compiler.passes.select_arithmetic import select_arithmetic
from intaglio.compiler.real.onnx_runtime import Session
from intaglio.frontends.onnx import import_onnx
from intaglio.numerics.profile import load_profile
from tests.frontends.onnx.qdq_models import Array, QdqModel
from tests.simulator.engines import assert_engines_agree

RANDOM = np.random.default_rng(4)


def codes(*shape: int, dtype: Any = np.uint8) -> Array:
    info = np.iinfo(dtype)
    return np.asarray(RANDOM.integers(info.min, info.max + 1, shape), dtype)


def demand_equality(model: QdqModel, feeds: dict[str, Array], profile: str = "onnx-spec") -> None:
    expected = Session(model.proto(), threads=1, optimize=False).run(feeds)
    graph = select_arithmetic(import_onnx(model.model(), "small"), load_profile(profile))
    found = assert_engines_agree(graph, feeds)
    for name, array in zip(graph.outputs, expected.values(), strict=True):
        np.testing.assert_array_equal(found[name], array)


def product(model: QdqModel, weights: Array, zero: Any = None) -> str:
    a = model.codes_input("a", (5, weights.shape[0]), np.uint8)
    operands = [a, model.array("b", weights), model.array("a_zero", np.uint8(7))]
    if zero is not None:
        operands.append(model.array("b_zero", np.asarray(zero, weights.dtype)))
    return model.node("MatMulInteger", operands, "sums")


@pytest.mark.parametrize("profile", ["onnx-spec", "ort-x86-vnni", "single-rounding", "tflm"])
@pytest.mark.parametrize("zero", [None, 9, [1, 2, 3, 4]])
def test_sums_as_a_result(zero: Any, profile: str) -> None:
    model = QdqModel()
    model.output(product(model, codes(16, 4), zero), TensorProto.INT32)
    demand_equality(model, {"a": codes(5, 16)}, profile)


def test_sums_beyond_what_float32_holds() -> None:
    model = QdqModel()
    model.output(product(model, np.full((4096, 2), 255, np.uint8), 0), TensorProto.INT32)
    given = np.full((5, 4096), 255, np.uint8)
    given[:, ::7] = 250
    demand_equality(model, {"a": given}, "ort-x86-vnni")


@pytest.mark.parametrize("zeros", [None, 9])
def test_a_convolution_of_codes(zeros: int | None) -> None:
    model = QdqModel()
    x = model.codes_input("x", (1, 4, 7, 6), np.uint8)
    operands = [x, model.array("w", codes(6, 2, 3, 3)), model.array("zero", np.uint8(131))]
    if zeros is not None:
        operands.append(model.array("w_zero", np.uint8(zeros)))
    attributes = {"pads": [1, 0, 1, 2], "strides": [2, 1], "group": 2}
    model.output(model.node("ConvInteger", operands, "y", **attributes), TensorProto.INT32)
    demand_equality(model, {"x": codes(1, 4, 7, 6)})


def test_quantized_inputs_are_read_as_bare_codes() -> None:
    model = QdqModel()
    x = model.q(model.float_input("x", (5, 16)), 0.25, 7)
    operands = [x, model.array("b", codes(16, 4)), "x_zero"]
    model.output(model.node("MatMulInteger", operands, "y"), TensorProto.INT32)
    demand_equality(model, {"x": np.asarray(RANDOM.normal(size=(5, 16)) * 9, np.float32)})


def scaled_sums(model: QdqModel) -> str:
    """Sums times a scale that float32 has to round."""
    sums = product(model, codes(600, 4), 100)
    real = model.node("Cast", [sums], "real", to=TensorProto.FLOAT)
    return model.node("Mul", [model.array("factor", np.float32(0.0123)), real], "scaled")


def test_scaled_sums_as_a_float_result() -> None:
    model = QdqModel()
    model.output(scaled_sums(model))
    demand_equality(model, {"a": codes(5, 600)})


def test_bare_sums_as_a_float_result() -> None:
    model = QdqModel()
    sums = product(model, codes(16, 4))
    model.output(model.node("Cast", [sums], "real", to=TensorProto.FLOAT))
    demand_equality(model, {"a": codes(5, 16)})


@pytest.mark.parametrize("profile", ["onnx-spec", "ort-x86-vnni"])
def test_scaled_sums_that_are_quantized(profile: str) -> None:
    model = QdqModel()
    model.output(model.q(scaled_sums(model), 512.0, 99), TensorProto.UINT8)
    demand_equality(model, {"a": codes(5, 600)}, profile)
