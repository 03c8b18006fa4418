# SPDX-License-Identifier: Apache-2.0
from typing import Any

import numpy as np
import pytest

from tests.frontends.onnx.comparing import ops_of, same_as_runtime
from tests.frontends.onnx.qdq_models import Array, QdqModel

RANDOM = np.random.default_rng(17)
SCALE, ZERO = 2.0**-4, 131
SHAPE = (2, 3, 4, 5)


def feed(*shape: int) -> Array:
    return np.asarray(RANDOM.normal(size=shape) * 3, np.float32)


def moved(
    op: str, lists: list[list[int] | None], kinds: list[str], opset: int = 21, **attributes: Any
) -> None:
    """The op once between equal scales, once into another one, once on a result not quantized."""
    for scale, producer in ((SCALE, ""), (2.0**-3, ""), (2.0**-3, "Add")):
        model = QdqModel(opset)
        x = model.qdq(model.float_input("x", SHAPE), SCALE, ZERO)
        if producer:
            x = model.node(producer, [x, x], "sum")
        operands = [x]
        for index, values in enumerate(lists):
            name = f"list_{index}"
            operands.append("" if values is None else model.array(name, np.array(values, np.int64)))
        y = model.node(op, operands, "y", **attributes)
        model.output(model.qdq(y, scale, ZERO))
        graph = same_as_runtime(model, {"x": feed(*SHAPE)})
        found = [type(node.op).__name__ for node in graph.nodes][1:-1]
        other = ["Requantize"] if scale != SCALE else []
        assert found == (["Add", *kinds] if producer else [*kinds, *other])


def test_transpose() -> None:
    moved("Transpose", [], ["Transpose"], perm=[2, 0, 3, 1])


@pytest.mark.parametrize("shape", [[0, -1], [6, 20], [0, 0, 2, 10], [-1]])
def test_reshape(shape: list[int]) -> None:
    moved("Reshape", [shape], ["Reshape"])


@pytest.mark.parametrize("axis", [0, 1, 3, 4, -1])
def test_flatten(axis: int) -> None:
    moved("Flatten", [], ["Reshape"], axis=axis)


def test_squeeze_and_unsqueeze() -> None:
    moved("Unsqueeze", [[0, -1]], ["Reshape"])
    moved("Unsqueeze", [], ["Reshape"], opset=11, axes=[1, 3])
    model = QdqModel()
    x = model.qdq(model.float_input("x", (1, 3, 1, 5)), SCALE, ZERO)
    first = model.node("Squeeze", [x, model.array("axes", np.array([2], np.int64))], "first")
    model.output(model.qdq(model.node("Squeeze", [first], "second"), SCALE, ZERO))
    graph = same_as_runtime(model, {"x": feed(1, 3, 1, 5)})
    assert graph.nodes[-1].type.shape == (3, 5)


@pytest.mark.parametrize(
    "lists",
    [
        [[1, 0], [3, 5], [2, 3], [1, 2]],
        [[-1], [-100], [3], [-2]],
        [[3], [0], [2], [-1]],
        [[-3], [2**60], [3], None],
        [[-1], [2**63 - 1], [3], [-1]],
        [[2], [2**31 - 1], [2], [-2]],
        [[-100], [-100], [3], [-1]],
        [[0, 1], [1, 3], None, None],
    ],
)
def test_slice(lists: list[list[int] | None]) -> None:
    while lists[-1] is None:
        lists = lists[:-1]
    moved("Slice", lists, ["Slice"])


@pytest.mark.parametrize(
    ("opset", "count", "sizes"), [(21, 2, [1, 4]), (13, 2, [2, 3]), (18, 3, None), (11, 2, [4, 1])]
)
def test_split(opset: int, count: int, sizes: list[int] | None) -> None:
    model = QdqModel(opset)
    x = model.qdq(model.float_input("x", SHAPE), SCALE, ZERO)
    operands, attributes = [x], dict[str, Any](axis=3)
    if sizes is not None and opset >= 13:
        operands.append(model.array("sizes", np.array(sizes, np.int64)))
    elif sizes is not None:
        attributes["split"] = sizes
    else:
        attributes["num_outputs"] = count
    model.node("Split", operands, "part_0", **attributes)
    names = [f"part_{index}" for index in range(count)]
    del model.nodes[-1].output[:]
    model.nodes[-1].output.extend(names)
    for name in names:
        model.output(model.qdq(name, SCALE, ZERO))
    graph = same_as_runtime(model, {"x": feed(*SHAPE)})
    assert ops_of(graph) == ["Quantize", *["Slice"] * count, *["Dequantize"] * count]


@pytest.mark.parametrize("mode", ["constant", "edge", "reflect"])
def test_pad(mode: str) -> None:
    moved("Pad", [[0, 0, 1, 2, 0, 0, 3, 0]], ["Pad"], mode=mode)


def test_pad_of_named_axes() -> None:
    model = QdqModel()
    x = model.qdq(model.float_input("x", SHAPE), SCALE, ZERO)
    operands = [
        x,
        model.array("pads", np.array([2, 1, 0, 3], np.int64)),
        model.array("value", np.float32(0.5)),
        model.array("axes", np.array([-1, 1], np.int64)),
    ]
    model.output(model.qdq(model.node("Pad", operands, "y"), SCALE, ZERO))
    same_as_runtime(model, {"x": feed(*SHAPE)})


def test_padding_is_clipped_with_the_rest() -> None:
    model = QdqModel()
    x = model.qdq(model.float_input("x", SHAPE), SCALE, ZERO)
    total = model.node("Add", [x, x], "total")
    pads = model.array("pads", np.array([0, 0, 0, 1, 0, 0, 0, 1], np.int64))
    padded = model.node("Pad", [total, pads], "padded")
    low = model.array("low", np.float32(0.5))
    model.output(model.qdq(model.node("Clip", [padded, low], "y"), SCALE, ZERO))
    same_as_runtime(model, {"x": feed(*SHAPE)})


def test_concat_of_equal_scales_moves_codes() -> None:
    model = QdqModel()
    x = model.qdq(model.float_input("x", SHAPE), SCALE, ZERO)
    z = model.qdq(model.float_input("z", SHAPE), SCALE, ZERO)
    model.output(model.qdq(model.node("Concat", [x, z, x], "y", axis=1), SCALE, ZERO))
    graph = same_as_runtime(model, {"x": feed(*SHAPE), "z": feed(*SHAPE)})
    assert ops_of(graph) == ["Quantize", "Quantize", "Concat", "Dequantize"]


def test_concat_of_other_scales_requantizes_each() -> None:
    model = QdqModel()
    x = model.qdq(model.float_input("x", SHAPE), SCALE, ZERO)
    z = model.qdq(model.float_input("z", SHAPE), 2.0**-6, 7)
    model.output(model.qdq(model.node("Concat", [x, z], "y", axis=-1), 2.0**-3, 100))
    graph = same_as_runtime(model, {"x": feed(*SHAPE), "z": feed(*SHAPE)})
    assert ops_of(graph)[2:] == ["Requantize", "Requantize", "Concat", "Dequantize"]


def test_a_shape_that_the_model_computes() -> None:
    model = QdqModel()
    x = model.qdq(model.float_input("x", ("N", *SHAPE[1:])), SCALE, ZERO)
    shape = model.node("Shape", [x], "shape")
    first = model.node("Gather", [shape, model.array("zero", np.int64(0))], "first")
    axes = model.array("axes", np.array([0], np.int64))
    count = model.node("Unsqueeze", [first, axes], "count")
    rest = model.array("rest", np.array([-1], np.int64))
    whole = model.node("Concat", [count, rest], "whole", axis=0)
    model.output(model.qdq(model.node("Reshape", [x, whole], "y"), SCALE, ZERO))
    graph = same_as_runtime(model, {"x": feed(*SHAPE)}, batch=2)
    assert graph.nodes[-1].type.shape == (2, 60)


def test_codes_are_moved_as_well() -> None:
    model = QdqModel()
    x = model.q(model.float_input("x", SHAPE), SCALE, ZERO)
    y = model.node("Transpose", [x], "y", perm=[0, 2, 3, 1])
    model.output(model.dq(y, SCALE, ZERO))
    same_as_runtime(model, {"x": feed(*SHAPE)})


def test_what_several_nodes_read_is_rearranged_once() -> None:
    model = QdqModel()
    x = model.qdq(model.float_input("x", SHAPE), SCALE, ZERO)
    first = model.node("MaxPool", [x], "first", kernel_shape=[2, 2])
    second = model.node("MaxPool", [x], "second", kernel_shape=[2, 2])
    model.output(model.qdq(model.node("Add", [first, second], "y"), SCALE, ZERO))
    graph = same_as_runtime(model, {"x": feed(*SHAPE)})
    assert ops_of(graph) == ["Quantize", "MaxPool2d", "Add", "Dequantize"]


def test_a_float_input_is_moved_behind_its_quantization() -> None:
    model = QdqModel()
    x = model.float_input("x", SHAPE)
    y = model.node("Transpose", [x], "y", perm=[0, 2, 3, 1])
    model.output(model.qdq(y, SCALE, ZERO))
    graph = same_as_runtime(model, {"x": feed(*SHAPE)})
    assert [type(node.op).__name__ for node in graph.nodes] == [
        "Quantize",
        "Transpose",
        "Dequantize",
    ]
