# SPDX-License-Identifier: Apache-2.0
from typing import Any

import numpy as np
import pytest

from intaglio.compiler.ir import scaled
from tests.frontends.onnx.comparing import ops_of, same_as_runtime
from tests.frontends.onnx.qdq_models import Array, QdqModel

RANDOM = np.random.default_rng(11)
SCALE = 2.0**-4
SHAPE = (2, 3, 4, 5)


def feed(*shape: int) -> Array:
    return np.asarray(RANDOM.normal(size=shape) * 3, np.float32)


def model_with_x(shape: tuple[int, ...] = SHAPE) -> tuple[QdqModel, str]:
    model = QdqModel()
    return model, model.qdq(model.float_input("x", shape), SCALE, 131)


@pytest.mark.parametrize("op", ["Add", "Sub", "Mul", "Min", "Max"])
@pytest.mark.parametrize("other", [SHAPE, (1, 3, 1, 1), (5,), ()])
def test_two_operands_with_broadcasting(op: str, other: tuple[int, ...]) -> None:
    model, x = model_with_x()
    z = model.qdq(model.float_input("z", other), 2.0**-5, 90)
    model.output(model.qdq(model.node(op, [x, z], "y"), 2.0**-3, 117))
    same_as_runtime(model, {"x": feed(*SHAPE), "z": feed(*other)})


@pytest.mark.parametrize("op", ["Add", "Sub", "Mul"])
def test_a_quantized_constant_operand(op: str) -> None:
    model, x = model_with_x()
    constant = model.constant("c", RANDOM.integers(0, 255, (3, 1, 1)).astype(np.uint8), SCALE, 9)
    model.output(model.qdq(model.node(op, [constant, x], "y"), 2.0**-3, 117))
    graph = same_as_runtime(model, {"x": feed(*SHAPE)})
    assert [constant.name for constant in graph.constants] == ["c"]


def test_an_activation_is_fused_into_an_add() -> None:
    model, x = model_with_x()
    total = model.node("Add", [x, x], "total")
    bounds = [model.array("low", np.float32(-1.25)), model.array("high", np.float32(2.5))]
    model.output(model.qdq(model.node("Clip", [total, *bounds], "y"), 2.0**-4, 117))
    graph = same_as_runtime(model, {"x": feed(*SHAPE)})
    assert ops_of(graph) == ["Quantize", "Add", "Dequantize"]


UNARY: dict[str, dict[str, Any]] = {
    "Sigmoid": {},
    "Tanh": {},
    "HardSigmoid": {"alpha": 0.25, "beta": 0.375},
    "HardSwish": {},
    "Gelu": {},
    "LeakyRelu": {"alpha": 0.125},
    "Elu": {"alpha": 0.75},
    "Exp": {},
}


@pytest.mark.parametrize("op", UNARY)
def test_a_function_of_one_value(op: str) -> None:
    model, x = model_with_x()
    model.output(model.qdq(model.node(op, [x], "y", **UNARY[op]), 2.0**-6, 100))
    graph = same_as_runtime(model, {"x": feed(*SHAPE)})
    assert ops_of(graph) == ["Quantize", "Unary", "Dequantize"]


def test_gelu_by_its_tanh_approximation() -> None:
    model, x = model_with_x()
    model.output(model.qdq(model.node("Gelu", [x], "y", approximate="tanh"), 2.0**-6, 100))
    graph = same_as_runtime(model, {"x": feed(*SHAPE)})
    ((_, op),) = graph.nodes_of(scaled.Unary)
    assert op.function is scaled.UnaryFunction.GELU_TANH


@pytest.mark.parametrize("slopes", [(1,), (3, 1, 1), (1, 3, 1, 1), (5,)])
def test_prelu(slopes: tuple[int, ...]) -> None:
    model, x = model_with_x()
    slope = model.constant("slope", RANDOM.integers(-90, 90, slopes).astype(np.int8), 2.0**-7)
    model.output(model.qdq(model.node("PRelu", [x, slope], "y"), SCALE, 100))
    graph = same_as_runtime(model, {"x": feed(*SHAPE)})
    assert ops_of(graph) == ["Quantize", "PRelu", "Dequantize"]


@pytest.mark.parametrize(("opset", "axis"), [(21, 1), (21, -1), (13, 2), (11, 3)])
def test_softmax(opset: int, axis: int) -> None:
    model, x = model_with_x()
    model.opset = opset
    model.output(model.qdq(model.node("Softmax", [x], "y", axis=axis), 2.0**-8, 0))
    graph = same_as_runtime(model, {"x": feed(*SHAPE)})
    ((_, op),) = graph.nodes_of(scaled.Softmax)
    assert op.axis == axis % 4


def test_a_relu_alone_is_a_requantize_with_an_activation() -> None:
    model, x = model_with_x()
    model.output(model.qdq(model.node("Relu", [x], "y"), 2.0**-3, 3))
    graph = same_as_runtime(model, {"x": feed(*SHAPE)})
    assert ops_of(graph) == ["Quantize", "Requantize", "Dequantize"]


def test_a_relu_that_changes_no_code_vanishes() -> None:
    model = QdqModel()
    x = model.qdq(model.float_input("x", SHAPE), SCALE, 0)
    model.output(model.qdq(model.node("Relu", [x], "y"), SCALE, 0))
    graph = same_as_runtime(model, {"x": feed(*SHAPE)})
    assert ops_of(graph) == ["Quantize", "Dequantize"]


def test_a_relu_of_codes_needs_no_quantization_behind_it() -> None:
    model, x = model_with_x()
    y = model.node("Relu", [x], "y")
    model.output(model.qdq(model.node("Sigmoid", [y], "z"), 2.0**-7, 0))
    graph = same_as_runtime(model, {"x": feed(*SHAPE)})
    assert ops_of(graph) == ["Quantize", "Requantize", "Unary", "Dequantize"]


def test_quantizing_again_is_a_requantize() -> None:
    model, x = model_with_x()
    model.output(model.qdq(x, 2.0**-2, 5))
    graph = same_as_runtime(model, {"x": feed(*SHAPE)})
    assert ops_of(graph) == ["Quantize", "Requantize", "Dequantize"]


CAPS = np.array([0.5, 2.0, 1.25], np.float32)


@pytest.mark.parametrize("op", ["Conv", "Add", "Requantize", "AveragePool"])
@pytest.mark.parametrize("relu_first", [True, False])
def test_caps_by_channel(op: str, relu_first: bool) -> None:
    model, x = model_with_x()
    match op:
        case "Conv":
            weights = RANDOM.integers(-30, 30, (3, 3, 1, 1)).astype(np.int8)
            x = model.node("Conv", [x, model.constant("w", weights, 2.0**-5)], "conv")
        case "Add":
            x = model.node("Add", [x, x], "sum")
        case "AveragePool":
            x = model.node("AveragePool", [x], "mean", kernel_shape=[2, 2])
        case _:
            pass
    cap = model.array("cap", CAPS.reshape(1, 3, 1, 1))
    if relu_first:
        y = model.node("Min", [model.node("Relu", [x], "relu"), cap], "y")
    else:
        y = model.node("Relu", [model.node("Min", [cap, x], "capped")], "y")
    model.output(model.qdq(y, 2.0**-6, 3))
    graph = same_as_runtime(model, {"x": feed(*SHAPE)})
    assert ops_of(graph).count("Requantize") == (op == "Requantize")


def test_a_cap_behind_a_reshape_of_channels_last() -> None:
    model, x = model_with_x((2, 3, 8))
    weights = RANDOM.integers(-30, 30, (3, 3, 2)).astype(np.int8)
    y = model.node("Conv", [x, model.constant("w", weights, 2.0**-5)], "conv")
    y = model.node("Min", [y, model.array("cap", CAPS.reshape(3, 1))], "y")
    model.output(model.qdq(y, 2.0**-6, 100))
    same_as_runtime(model, {"x": feed(2, 3, 8)})


def test_clips_that_cross_act_in_order() -> None:
    model, x = model_with_x()
    total = model.node("Add", [x, x], "total")
    first = model.node("Min", [total, model.array("a", np.float32(-1.0))], "first")
    second = model.node("Max", [first, model.array("b", np.float32(0.5))], "second")
    model.output(model.qdq(second, 2.0**-5, 90))
    same_as_runtime(model, {"x": feed(*SHAPE)})


def test_a_clip_with_its_low_bound_above_its_high_one() -> None:
    model, x = model_with_x()
    total = model.node("Add", [x, x], "total")
    bounds = [model.array("low", np.float32(1.0)), model.array("high", np.float32(0.25))]
    model.output(model.qdq(model.node("Clip", [total, *bounds], "y"), 2.0**-5, 90))
    same_as_runtime(model, {"x": feed(*SHAPE)})


def test_clip_with_attributes() -> None:
    model, x = model_with_x()
    model.opset = 10
    total = model.node("Add", [x, x], "total")
    y = model.node("Clip", [total], "y", min=-0.5, max=1.5)
    model.output(model.qdq(y, 2.0**-5, 90))
    same_as_runtime(model, {"x": feed(*SHAPE)})


def test_infinite_bounds_are_none() -> None:
    model, x = model_with_x()
    total = model.node("Add", [x, x], "total")
    bounds = [model.array("low", np.float32(-np.inf)), model.array("high", np.float32(np.inf))]
    model.output(model.qdq(model.node("Clip", [total, *bounds], "y"), 2.0**-3, 90))
    graph = same_as_runtime(model, {"x": feed(*SHAPE)})
    ((_, op),) = graph.nodes_of(scaled.Add)
    assert op.activation == scaled.UNBOUNDED


@pytest.mark.parametrize("op", ["Max", "Softmax", "Resize"])
def test_a_clip_behind_an_op_without_activation_acts_on_its_codes(op: str) -> None:
    model, x = model_with_x()
    match op:
        case "Max":
            z = model.qdq(model.float_input("z", SHAPE), 2.0**-5, 90)
            y = model.node("Max", [x, z], "real")
        case "Softmax":
            y = model.node("Softmax", [x], "real")
        case _:
            scales = model.array("scales", np.array([1, 1, 2, 2], np.float32))
            y = model.node("Resize", [x, "", scales], "real", mode="linear")
    high = model.array("high", np.float32(0.25))
    model.output(model.qdq(model.node("Clip", [y, "", high], "y"), 2.0**-8, 3))
    feeds = {"x": feed(*SHAPE)} | ({"z": feed(*SHAPE)} if op == "Max" else {})
    graph = same_as_runtime(model, feeds)
    assert ops_of(graph)[-2] == "Requantize"
