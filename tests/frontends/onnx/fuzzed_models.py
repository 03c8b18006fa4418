# SPDX-License-Identifier: Apache-2.0
"""Small quantized models, and ways to damage their files: blindly, or where it hurts."""

from collections.abc import Callable

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper

from tests.frontends.onnx.qdq_models import QdqModel

SPECIAL_FLOATS = [0.0, -0.0, -1.0, np.inf, -np.inf, np.nan, 1e-45, 1e-38, 3e38, 2.0**-149]
SPECIAL_INTEGERS = [0, 1, -1, 2, 7, 255, 256, -129, 2**31 - 1, 2**31, 2**32, -(2**63), 2**63 - 1]


def qdq_model() -> onnx.ModelProto:
    """Convolution, activation, pool, sum and product between QDQ nodes."""
    rng = np.random.default_rng(1)
    model = QdqModel()
    x = model.qdq(model.float_input("x", (1, 3, 6, 6)), 0.05, 3)
    weights = rng.integers(-127, 128, (4, 3, 3, 3)).astype(np.int8)
    scales = np.array([0.01, 0.02, 0.03, 0.04], np.float32)
    w = model.constant("w", weights, scales, 0, 0)
    b = model.constant("b", np.arange(4, dtype=np.int32), np.float32(0.05) * scales, 0, 0)
    y = model.node("Conv", [x, w, b], "y", pads=[1, 1, 1, 1])
    y = model.qdq(model.node("Relu", [y], "relu"), 0.1)
    pooled = model.qdq(model.node("MaxPool", [y], "pool", kernel_shape=[2, 2], strides=[2, 2]), 0.1)
    total = model.qdq(model.node("Add", [pooled, pooled], "total"), 0.2, 9)
    flat = model.node("Reshape", [total, model.array("shape", np.array([1, -1]))], "flat")
    wf = model.constant("wf", rng.integers(-127, 128, (36, 5)).astype(np.int8), 0.01)
    product = model.q(model.node("MatMul", [flat, wf], "product"), 0.5, 100)
    model.output(product, TensorProto.UINT8)
    return _with_result(model, (1, 5))


def operator_model() -> onnx.ModelProto:
    """The same with operators on codes."""
    rng = np.random.default_rng(2)
    model = QdqModel()
    own = {"domain": "com.microsoft"}

    def parameters(name: str, scale: float, zero: int) -> list[str]:
        return list(model.parameters(name, np.array(scale, np.float32), np.array(zero, np.uint8)))

    x = [model.codes_input("x", (1, 3, 6, 6), np.uint8), *parameters("x", 0.05, 3)]
    stored = model.array("w", rng.integers(-127, 128, (4, 3, 3, 3)).astype(np.int8))
    scale = model.array("w_scale", np.array([0.01, 0.02, 0.03, 0.04], np.float32))
    zero = model.array("w_zero", np.zeros(4, np.int8))
    bias = model.array("bias", np.arange(4, dtype=np.int32))
    y = parameters("y", 0.1, 7)
    model.node("QLinearConv", [*x, stored, scale, zero, *y, bias], "y", pads=[1, 1, 1, 1])
    total = parameters("total", 0.2, 9)
    model.node("QLinearAdd", ["y", *y, "y", *y, *total], "total", **own)
    pooled = parameters("pooled", 0.2, 11)
    model.node("QLinearGlobalAveragePool", ["total", *total, *pooled], "pooled", **own)
    joined = parameters("joined", 0.3, 5)
    model.node(
        "QLinearConcat", [*joined, "pooled", *pooled, "pooled", *pooled], "joined", axis=1, **own
    )
    model.output("joined", TensorProto.UINT8)
    return _with_result(model, (1, 8, 1, 1))


def _with_result(model: QdqModel, shape: tuple[int, ...]) -> onnx.ModelProto:
    """A file's outputs state their shapes."""
    proto = model.proto()
    for extent in shape:
        proto.graph.output[0].type.tensor_type.shape.dim.add().dim_value = extent
    return proto


BASES: dict[str, Callable[[], onnx.ModelProto]] = {"qdq": qdq_model, "operators": operator_model}


def damaged_bytes(data: bytes, rng: np.random.Generator) -> bytes:
    """A file cut short, or with bits flipped, bytes replaced, doubled or left out."""
    result = bytearray(data)
    place = int(rng.integers(len(result)))
    match int(rng.integers(5)):
        case 0:
            return data[:place]
        case 1:
            for _ in range(int(rng.integers(1, 4))):
                result[int(rng.integers(len(result)))] ^= 1 << int(rng.integers(8))
        case 2:
            length = int(rng.integers(1, 9))
            result[place : place + length] = rng.bytes(length)
        case 3:
            end = place + int(rng.integers(1, 33))
            result[place:place] = result[place:end]
        case _:
            del result[place : place + int(rng.integers(1, 9))]
    return bytes(result)


def damaged_model(model: onnx.ModelProto, rng: np.random.Generator) -> onnx.ModelProto:
    """A model with one of its statements replaced by one that no exporter writes."""
    graph = model.graph
    node = graph.node[int(rng.integers(len(graph.node)))]
    tensor = graph.initializer[int(rng.integers(len(graph.initializer)))]
    names = [name for each in graph.node for name in (*each.input, *each.output)]
    other = names[int(rng.integers(len(names)))]
    number = SPECIAL_INTEGERS[int(rng.integers(len(SPECIAL_INTEGERS)))]
    match int(rng.integers(10)):
        case 0:  # cycles, self-references, other types
            node.input[int(rng.integers(len(node.input)))] = other
        case 1:  # missing constants
            graph.initializer.remove(tensor)
        case 2:  # missing operands
            del node.input[int(rng.integers(len(node.input))) :]
        case 3:
            _replace_elements(tensor, rng)
        case 4:  # shapes that overflow
            dims = tensor.dims if rng.random() < 0.5 else None
            if dims:
                dims[int(rng.integers(len(dims)))] = number
            else:
                shape = graph.input[0].type.tensor_type.shape
                shape.dim[int(rng.integers(len(shape.dim)))].dim_value = number
        case 5:  # zero points and weights of another type
            tensor.data_type = int(rng.integers(1, 27))
        case 6:
            _replace_attribute(node, number, rng)
        case 7:
            graph.output[0].name = other
        case 8:
            node.output[0] = other
        case _:
            first = int(rng.integers(len(graph.node)))
            moved = onnx.NodeProto()
            moved.CopyFrom(graph.node[first])
            del graph.node[first]
            graph.node.insert(int(rng.integers(len(graph.node) + 1)), moved)
    return model


def _replace_elements(tensor: onnx.TensorProto, rng: np.random.Generator) -> None:
    """Scales of 0, infinity, NaN and denormal numbers; zero points and shapes at the edges."""
    array = numpy_helper.to_array(tensor).copy()
    flat = array.reshape(-1)
    place = int(rng.integers(flat.size))
    if array.dtype == np.float32:
        flat[place] = SPECIAL_FLOATS[int(rng.integers(len(SPECIAL_FLOATS)))]
    else:
        info = np.iinfo(array.dtype)
        flat[place] = [info.min, info.max, 0][int(rng.integers(3))]
    if rng.random() < 0.3:
        array = np.stack([array, array])
    tensor.CopyFrom(numpy_helper.from_array(array, tensor.name))


def _replace_attribute(node: onnx.NodeProto, number: int, rng: np.random.Generator) -> None:
    names = ["axis", "pads", "strides", "group", "kernel_shape", "block_size", "dilations", "to"]
    name = names[int(rng.integers(len(names)))]
    kept = [attribute for attribute in node.attribute if attribute.name != name]
    del node.attribute[:]
    node.attribute.extend(kept)
    value = number if name in ("axis", "group", "block_size", "to") else [number] * 2
    node.attribute.append(onnx.helper.make_attribute(name, value))
