# SPDX-License-Identifier: Apache-2.0
from typing import Any

import numpy as np
import pytest

from intaglio.compiler.ir import scaled
from tests.frontends.onnx.comparing import ops_of, same_as_runtime
from tests.frontends.onnx.qdq_models import Array, QdqModel

RANDOM = np.random.default_rng(13)
SCALE = 2.0**-4


def feed(*shape: int) -> Array:
    return np.asarray(RANDOM.normal(size=shape) * 3, np.float32)


def pooled(
    op: str, shape: tuple[int, ...], scale: float = SCALE, opset: int = 21, **attributes: Any
) -> list[str]:
    model = QdqModel(opset)
    x = model.qdq(model.float_input("x", shape), SCALE, 131)
    model.output(model.qdq(model.node(op, [x], "y", **attributes), scale, 131))
    return ops_of(same_as_runtime(model, {"x": feed(*shape)}))


MAX_POOLS: dict[str, dict[str, Any]] = {
    "plain": dict(shape=(2, 3, 6, 7), kernel_shape=[2, 3]),
    "strided and padded": dict(
        shape=(1, 3, 7, 8), kernel_shape=[3, 2], strides=[2, 3], pads=[1, 0, 2, 1]
    ),
    "dilated": dict(shape=(1, 2, 9, 9), kernel_shape=[2, 3], dilations=[3, 2], pads=[1, 2, 1, 2]),
    "same": dict(shape=(1, 2, 7, 8), kernel_shape=[3, 2], strides=[2, 2], auto_pad="SAME_UPPER"),
    "rounded up": dict(shape=(1, 2, 7, 8), kernel_shape=[2, 3], strides=[2, 2], ceil_mode=1),
    "rounded up with pads": dict(
        shape=(1, 2, 6, 9), kernel_shape=[3, 3], strides=[2, 3], pads=[1, 1, 1, 1], ceil_mode=1
    ),
    "a last window in the pads": dict(
        shape=(1, 1, 5, 5), kernel_shape=[2, 2], strides=[3, 3], pads=[1, 1, 1, 1], ceil_mode=1
    ),
    "signal": dict(shape=(2, 3, 9), kernel_shape=[3], strides=[2], pads=[1, 0]),
}


@pytest.mark.parametrize("name", MAX_POOLS)
def test_max_pool(name: str) -> None:
    ops = [op for op in pooled("MaxPool", **MAX_POOLS[name]) if op != "Reshape"]
    assert ops == ["Quantize", "MaxPool2d", "Dequantize"]


def test_max_pool_into_another_scale() -> None:
    ops = pooled("MaxPool", (1, 2, 4, 4), scale=2.0**-3, kernel_shape=[2, 2])
    assert ops == ["Quantize", "MaxPool2d", "Requantize", "Dequantize"]


def test_max_pool_of_what_is_quantized_behind_it() -> None:
    model = QdqModel()
    x = model.qdq(model.float_input("x", (1, 3, 6, 6)), SCALE, 131)
    w = model.constant("w", RANDOM.integers(-30, 30, (4, 3, 3, 3)).astype(np.int8), 2.0**-5)
    y = model.node("Relu", [model.node("Conv", [x, w], "conv")], "relu")
    y = model.node("MaxPool", [y], "y", kernel_shape=[2, 2], strides=[2, 2])
    model.output(model.qdq(y, 2.0**-2, 2))
    graph = same_as_runtime(model, {"x": feed(1, 3, 6, 6)})
    assert ops_of(graph) == ["Quantize", "Conv2d", "MaxPool2d", "Dequantize"]
    ((node, op),) = graph.nodes_of(scaled.Conv2d)
    assert node.name == "relu"
    assert [str(bound) for bound in op.activation.low] == ["0.0"]


AVERAGE_POOLS: dict[str, dict[str, Any]] = {
    "plain": dict(shape=(2, 3, 6, 7), kernel_shape=[2, 4]),
    "strided and padded": dict(
        shape=(1, 3, 7, 8), kernel_shape=[3, 2], strides=[2, 3], pads=[1, 0, 2, 1]
    ),
    "pads counted": dict(
        shape=(1, 3, 7, 8), kernel_shape=[3, 3], pads=[1, 1, 1, 1], count_include_pad=1
    ),
    "same": dict(shape=(1, 2, 7, 8), kernel_shape=[2, 2], strides=[2, 2], auto_pad="SAME_UPPER"),
    "rounded up": dict(shape=(1, 2, 7, 8), kernel_shape=[2, 3], strides=[2, 2], ceil_mode=1),
    "signal": dict(shape=(2, 3, 8), kernel_shape=[4], strides=[2], pads=[1, 0]),
}


@pytest.mark.parametrize("name", AVERAGE_POOLS)
def test_average_pool(name: str) -> None:
    ops = [op for op in pooled("AveragePool", **AVERAGE_POOLS[name]) if op != "Reshape"]
    assert ops == ["Quantize", "AveragePool2d", "Dequantize"]


@pytest.mark.parametrize("shape", [(2, 3, 4, 8), (2, 3, 8)])
@pytest.mark.parametrize("op", ["GlobalAveragePool", "GlobalMaxPool"])
def test_global_pools(op: str, shape: tuple[int, ...]) -> None:
    kind = "ReduceMean" if op == "GlobalAveragePool" else "MaxPool2d"
    assert kind in pooled(op, shape)


@pytest.mark.parametrize("keepdims", [0, 1])
@pytest.mark.parametrize("axes", [[2, 3], [-1], [0, 2], None])
@pytest.mark.parametrize("opset", [13, 18])
def test_reduce_mean(opset: int, axes: list[int] | None, keepdims: int) -> None:
    model = QdqModel(opset)
    x = model.qdq(model.float_input("x", (2, 4, 2, 8)), SCALE, 131)
    operands, attributes = [x], dict[str, Any](keepdims=keepdims)
    if axes is not None and opset >= 18:
        operands.append(model.array("axes", np.array(axes, np.int64)))
    elif axes is not None:
        attributes["axes"] = axes
    y = model.node("ReduceMean", operands, "y", **attributes)
    model.output(model.qdq(y, 2.0**-6, 120))
    assert ops_of(same_as_runtime(model, {"x": feed(2, 4, 2, 8)}))[1] == "ReduceMean"


MODES = ["half_pixel", "pytorch_half_pixel", "asymmetric", "align_corners"]
TARGETS = {"double": (8, 10), "uneven": (7, 11), "smaller": (3, 2), "one": (1, 5)}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("rounding", ["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"])
@pytest.mark.parametrize("target", TARGETS)
def test_resize_to_the_nearest(mode: str, rounding: str, target: str) -> None:
    model = QdqModel(19)
    x = model.qdq(model.float_input("x", (1, 2, 4, 5)), SCALE, 131)
    sizes = model.array("sizes", np.array([1, 2, *TARGETS[target]], np.int64))
    attributes = {"coordinate_transformation_mode": mode, "nearest_mode": rounding}
    y = model.node("Resize", [x, "", "", sizes], "y", mode="nearest", **attributes)
    model.output(model.qdq(y, SCALE, 131))
    graph = same_as_runtime(model, {"x": feed(1, 2, 4, 5)})
    assert ops_of(graph) == ["Quantize", "ResizeNearest", "Dequantize"]


@pytest.mark.parametrize(
    ("before", "after", "mode", "rounding"),
    [
        (7, 1, "half_pixel", "floor"),
        (13, 32, "asymmetric", "round_prefer_ceil"),
        (11, 26, "asymmetric", "round_prefer_floor"),
        (28, 2, "half_pixel", "round_prefer_ceil"),
    ],
)
def test_resize_where_float32_is_a_little_off(
    before: int, after: int, mode: str, rounding: str
) -> None:
    model = QdqModel(19)
    x = model.qdq(model.float_input("x", (1, 1, 1, before)), SCALE, 131)
    sizes = model.array("sizes", np.array([1, 1, 1, after], np.int64))
    attributes = {"coordinate_transformation_mode": mode, "nearest_mode": rounding}
    model.output(model.qdq(model.node("Resize", [x, "", "", sizes], "y", **attributes), SCALE, 131))
    same_as_runtime(model, {"x": np.arange(before, dtype=np.float32).reshape(1, 1, 1, -1) / 4})


def test_resize_by_scales_that_change_no_extent() -> None:
    model = QdqModel(19)
    x = model.qdq(model.float_input("x", (1, 1, 5, 8)), SCALE, 131)
    scales = model.array("scales", np.array([1, 1, 1.0883626, 1.0226114], np.float32))
    model.output(model.qdq(model.node("Resize", [x, "", scales], "y"), SCALE, 131))
    assert ops_of(same_as_runtime(model, {"x": feed(1, 1, 5, 8)})) == ["Quantize", "Dequantize"]


@pytest.mark.parametrize("scales", [(2.0, 3.0), (1.5, 0.625), (1.3, 2.7)])
def test_resize_to_the_nearest_by_scales(scales: tuple[float, float]) -> None:
    model = QdqModel(13)
    x = model.qdq(model.float_input("x", (1, 2, 4, 8)), SCALE, 131)
    stated = model.array("scales", np.array([1, 1, *scales], np.float32))
    y = model.node("Resize", [x, "", stated], "y", mode="nearest")
    model.output(model.qdq(y, SCALE, 131))
    same_as_runtime(model, {"x": feed(1, 2, 4, 8)})


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("target", ["double", "smaller"])
def test_resize_linear(mode: str, target: str) -> None:
    model = QdqModel()
    x = model.qdq(model.float_input("x", (1, 2, 4, 5)), SCALE, 131)
    sizes = model.array("sizes", np.array([1, 2, *TARGETS[target]], np.int64))
    y = model.node(
        "Resize", [x, "", "", sizes], "y", mode="linear", coordinate_transformation_mode=mode
    )
    # Every result is a whole number of steps, far from a tie however float32 rounds.
    steps = 63 if (mode, target) == ("align_corners", "double") else 48
    model.output(model.qdq(y, SCALE / steps, 32768, np.uint16))
    graph = same_as_runtime(model, {"x": feed(1, 2, 4, 5)})
    assert ops_of(graph) == ["Quantize", "ResizeLinear", "Dequantize"]


@pytest.mark.parametrize("factors", [(2, 3), (1.5, 2.5), (0.5, 0.75), (0.75, 2), (1.5, 0.625)])
def test_resize_before_opset_11_is_asymmetric(factors: tuple[float, float]) -> None:
    model = QdqModel(10)
    x = model.qdq(model.float_input("x", (1, 2, 7, 8)), SCALE, 131)
    scales = model.array("scales", np.array([1, 1, *factors], np.float32))
    model.output(model.qdq(model.node("Resize", [x, scales], "y"), SCALE, 131))
    same_as_runtime(model, {"x": feed(1, 2, 7, 8)})
