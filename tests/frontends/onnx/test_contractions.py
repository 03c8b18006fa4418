# SPDX-License-Identifier: Apache-2.0
from typing import Any

import numpy as np
import pytest

from intaglio.compiler.ir import scaled
from intaglio.compiler.ir.graph import Graph
from tests.frontends.onnx.comparing import ops_of, same_as_runtime
from tests.frontends.onnx.qdq_models import Array, QdqModel

RANDOM = np.random.default_rng(7)
SCALE = 2.0**-4
CHANNEL_SCALES = [2.0**-5, 2.0**-6, 2.0**-4, 2.0**-5, 2.0**-7, 2.0**-6]


def codes(*shape: int, low: int = -20, high: int = 20) -> Array:
    return RANDOM.integers(low, high, shape).astype(np.int8)


def feed(*shape: int) -> Array:
    return RANDOM.normal(size=shape).astype(np.float32)


def convolution(
    op: str,
    shape: tuple[int, ...],
    weights: Array,
    axis: int,
    bias: int | None = None,
    per_channel: bool = True,
    then: str = "",
    **attributes: Any,
) -> tuple[QdqModel, dict[str, Array]]:
    """The op, a Relu where one is asked for, and power-of-two scales throughout."""
    model = QdqModel()
    x = model.qdq(model.float_input("x", shape), SCALE, 131)
    count = weights.shape[axis]
    scales = CHANNEL_SCALES[:count] if per_channel else SCALE
    operands = [x, model.constant("w", weights, scales, 0, axis if per_channel else None)]
    if bias is not None:
        repeated = np.tile(np.broadcast_to(scales, (count,)), bias // count) * SCALE
        stored = RANDOM.integers(-900, 900, bias).astype(np.int32)
        operands.append(model.constant("b", stored, repeated, 0, 0))
    y = model.node(op, operands, "y", **attributes)
    if then:
        y = model.node(then, [y], "clipped")
    model.output(model.qdq(y, 2.0**-2, 117))
    return model, {"x": feed(*shape)}


def read(op: str, **case: Any) -> Graph:
    model, feeds = convolution(op, **case)
    return same_as_runtime(model, feeds)


CONVOLUTIONS: dict[str, dict[str, Any]] = {
    "plain": dict(shape=(2, 3, 7, 6), weights=(6, 3, 3, 3)),
    "strided and padded": dict(
        shape=(1, 4, 9, 8), weights=(6, 4, 3, 2), strides=[2, 3], pads=[1, 0, 2, 1]
    ),
    "dilated": dict(shape=(1, 2, 9, 9), weights=(4, 2, 3, 3), dilations=[2, 3], pads=[2, 2, 2, 2]),
    "grouped": dict(shape=(1, 6, 5, 5), weights=(6, 3, 3, 3), group=2),
    "depthwise": dict(shape=(1, 6, 6, 6), weights=(6, 1, 3, 3), group=6, pads=[1, 1, 1, 1]),
    "same upper": dict(
        shape=(1, 2, 7, 8), weights=(3, 2, 4, 3), auto_pad="SAME_UPPER", strides=[2, 3]
    ),
    "same lower": dict(
        shape=(1, 2, 7, 8), weights=(3, 2, 4, 3), auto_pad="SAME_LOWER", strides=[2, 3]
    ),
    "same with a single tap": dict(
        shape=(1, 2, 9, 8), weights=(3, 2, 1, 1), auto_pad="SAME_UPPER", strides=[3, 2]
    ),
    "valid": dict(shape=(1, 2, 7, 8), weights=(3, 2, 4, 3), auto_pad="VALID"),
    "signal": dict(shape=(2, 3, 11), weights=(4, 3, 3), strides=[2], pads=[2, 1]),
}


@pytest.mark.parametrize("name", CONVOLUTIONS)
@pytest.mark.parametrize("per_channel", [True, False])
def test_conv(name: str, per_channel: bool) -> None:
    case = dict(CONVOLUTIONS[name])
    weights = codes(*case.pop("weights"))
    graph = read(
        "Conv",
        weights=weights,
        axis=0,
        bias=weights.shape[0],
        per_channel=per_channel,
        then="Relu",
        **case,
    )
    (conv,) = [node for node, _ in graph.nodes_of(scaled.Conv2d)]
    assert conv.name == "clipped"
    assert conv.source == "y_node"
    assert isinstance(conv.op, scaled.Conv2d)
    assert [str(bound) for bound in conv.op.activation.low] == ["0.0"]


TRANSPOSED: dict[str, dict[str, Any]] = {
    "plain": dict(shape=(2, 3, 4, 5), weights=(3, 4, 3, 2)),
    "strided and padded": dict(
        shape=(1, 4, 4, 3), weights=(4, 3, 3, 4), strides=[2, 3], pads=[1, 0, 1, 2]
    ),
    "output padding": dict(
        shape=(1, 2, 4, 4), weights=(2, 3, 3, 3), strides=[2, 3], output_padding=[1, 2]
    ),
    "dilated": dict(shape=(1, 2, 4, 4), weights=(2, 3, 3, 2), dilations=[2, 3]),
    "grouped": dict(shape=(1, 6, 3, 4), weights=(6, 2, 3, 3), group=3, strides=[2, 2]),
    "signal": dict(shape=(1, 3, 5), weights=(3, 4, 3), strides=[2], pads=[1, 1]),
}


@pytest.mark.parametrize("name", TRANSPOSED)
@pytest.mark.parametrize("per_channel", [True, False])
def test_conv_transpose(name: str, per_channel: bool) -> None:
    case = dict(TRANSPOSED[name])
    weights = codes(*case.pop("weights"))
    outputs = weights.shape[1] * case.get("group", 1)
    graph = read(
        "ConvTranspose", weights=weights, axis=1, bias=outputs, per_channel=per_channel, **case
    )
    assert len(list(graph.nodes_of(scaled.ConvTranspose2d))) == 1


def matrix_model(shape: tuple[int, ...]) -> tuple[QdqModel, str]:
    model = QdqModel()
    return model, model.qdq(model.float_input("x", shape), SCALE, 128)


@pytest.mark.parametrize("turned", [0, 1])
@pytest.mark.parametrize("bias_shape", [None, (5,), (1, 5), (1,)])
@pytest.mark.parametrize("flipped", [0, 1])
def test_gemm(turned: int, bias_shape: tuple[int, ...] | None, flipped: int) -> None:
    model, x = matrix_model((4, 3) if flipped else (3, 4))
    scales = CHANNEL_SCALES[:5]
    weights = codes(5, 4) if turned else codes(4, 5)
    operands = [x, model.constant("w", weights, scales, 0, 0 if turned else 1)]
    if bias_shape is not None:
        array = RANDOM.integers(-900, 900, bias_shape).astype(np.int32)
        if bias_shape == (1,):
            model = matrix_model((4, 3) if flipped else (3, 4))[0]
            operands[1] = model.constant("w", weights, SCALE)
            operands.append(model.constant("b", array, SCALE * SCALE))
        else:
            along = len(bias_shape) - 1
            operands.append(model.constant("b", array, np.array(scales) * SCALE, 0, along))
    y = model.node("Gemm", operands, "y", transB=turned, transA=flipped)
    model.output(model.qdq(y, 2.0**-2, 120))
    graph = same_as_runtime(model, {"x": feed(*((4, 3) if flipped else (3, 4)))})
    assert ops_of(graph) == ["Quantize", "FullyConnected", "Dequantize"]


def test_gemm_of_two_computed_operands() -> None:
    model, x = matrix_model((3, 4))
    z = model.qdq(model.float_input("z", (5, 4)), SCALE, 100)
    y = model.node("Gemm", [x, z], "y", transB=1)
    model.output(model.qdq(y, 2.0**-2, 120))
    graph = same_as_runtime(model, {"x": feed(3, 4), "z": feed(5, 4)})
    assert ops_of(graph) == ["Quantize", "Quantize", "MatMul", "Dequantize"]


@pytest.mark.parametrize("shape", [(3, 4), (2, 3, 4), (2, 2, 3, 4)])
def test_matmul_with_constant_weights(shape: tuple[int, ...]) -> None:
    model, x = matrix_model(shape)
    w = model.constant("w", codes(4, 5), CHANNEL_SCALES[:5], 0, 1)
    model.output(model.qdq(model.node("MatMul", [x, w], "y"), 2.0**-2, 120))
    graph = same_as_runtime(model, {"x": feed(*shape)})
    assert ops_of(graph) == ["Quantize", "FullyConnected", "Dequantize"]


def test_matmul_with_weights_that_are_transposed_first() -> None:
    model, x = matrix_model((3, 4))
    w = model.constant("w", codes(5, 4), CHANNEL_SCALES[:5], 0, 0)
    turned = model.node("Transpose", [w], "turned", perm=[1, 0])
    model.output(model.qdq(model.node("MatMul", [x, turned], "y"), 2.0**-2, 120))
    graph = same_as_runtime(model, {"x": feed(3, 4)})
    assert [type(node.op).__name__ for node in graph.nodes] == [
        "Quantize",
        "FullyConnected",
        "Dequantize",
    ]


def test_matmul_of_computed_operands() -> None:
    model, x = matrix_model((2, 3, 4))
    z = model.qdq(model.float_input("z", (2, 4, 5)), SCALE, 100)
    model.output(model.qdq(model.node("MatMul", [x, z], "y"), 2.0**-2, 120))
    same_as_runtime(model, {"x": feed(2, 3, 4), "z": feed(2, 4, 5)})


def test_float_weights_that_the_file_quantizes_itself() -> None:
    model, x = matrix_model((3, 4))
    w = model.array("w", feed(4, 5) * 3)
    quantized = model.qdq(w, 2.0**-5, 3, np.int8)
    model.output(model.qdq(model.node("MatMul", [x, quantized], "y"), 2.0**-2, 120))
    graph = same_as_runtime(model, {"x": feed(3, 4)})
    assert ops_of(graph) == ["Quantize", "FullyConnected", "Dequantize"]


@pytest.mark.parametrize("op", ["Conv", "Gemm"])
def test_a_bias_that_stays_in_float32(op: str) -> None:
    shape: tuple[int, ...] = (1, 3, 7, 6) if op == "Conv" else (4, 3)
    weights = codes(6, 3, 3, 3) if op == "Conv" else codes(6, 3)
    attributes: dict[str, Any] = {} if op == "Conv" else {"transB": 1}
    model, feeds = convolution(op, shape, weights, 0, **attributes)
    bias = (RANDOM.integers(-900, 900, 6) * 2.0**-12).astype(np.float32)
    node = next(node for node in model.nodes if node.op_type == op)
    node.input.append(model.array("b", bias))
    graph = same_as_runtime(model, feeds)
    np.testing.assert_array_equal(graph.constants[-1].array, bias)
