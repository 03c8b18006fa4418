# SPDX-License-Identifier: Apache-2.0
from fractions import Fraction
from typing import Any

import numpy as np
import onnx_ir as ir
import pytest
from onnx import TensorProto

from intaglio.compiler.ir import scaled
from intaglio.compiler.ir.float_tail import Float32Binary, Float32Softmax
from intaglio.errors import InvalidOption, UnsupportedModel
from intaglio.frontends.onnx import import_onnx
from intaglio.numerics.integers import IntType
from tests.frontends.onnx.comparing import ops_of, same_as_runtime
from tests.frontends.onnx.qdq_models import Array, QdqModel

RANDOM = np.random.default_rng(19)
SCALE = 2.0**-4
SHAPE = (2, 3, 4, 4)


def feed(*shape: int) -> Array:
    return np.asarray(RANDOM.normal(size=shape) * 3, np.float32)


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int16, np.uint16])
def test_every_type_of_codes(dtype: Any) -> None:
    model = QdqModel()
    x = model.qdq(model.float_input("x", SHAPE), SCALE, 3, dtype)
    model.output(model.qdq(model.node("Add", [x, x], "y"), 2.0**-3, 5, dtype))
    graph = same_as_runtime(model, {"x": feed(*SHAPE)})
    info = np.iinfo(dtype)
    assert graph.nodes[0].type.element == IntType(info.bits, info.min < 0)


@pytest.mark.parametrize(("dtype", "bits"), [(np.uint8, 5), (np.int8, 3), (np.int16, 12)])
def test_a_width_that_onnx_lacks(dtype: Any, bits: int) -> None:
    zero = 2 if np.iinfo(dtype).min == 0 else 0
    model = QdqModel()
    x = model.narrow(model.float_input("x", SHAPE), 2.0**-2, zero, dtype, bits)
    weights = RANDOM.integers(-4, 4, (3, 3, 2, 2)).astype(np.int8)
    w = model.constant("w", weights, 2.0**-3)
    model.widths["w"] = 3
    y = model.node("Relu", [model.node("Conv", [x, w], "y")], "relu")
    y = model.narrow(y, 2.0**-1, zero, dtype, bits)
    y = model.node("MaxPool", [y], "largest", kernel_shape=[2, 2])
    model.output(model.narrow(y, 2.0**-1, zero, dtype, bits))
    graph = same_as_runtime(model, {"x": feed(*SHAPE)})
    assert ops_of(graph) == ["Quantize", "Conv2d", "MaxPool2d", "Dequantize"]
    narrow = IntType(bits, np.iinfo(dtype).min < 0)
    assert {node.type.element for node in graph.nodes[:-1]} == {narrow}
    assert graph.constants[0].type.element == IntType(3, signed=True)
    ((_, conv),) = graph.nodes_of(scaled.Conv2d)
    assert conv.activation.high == ()


def test_the_clip_of_a_width_may_lie_beyond_what_its_operand_reaches() -> None:
    model = QdqModel()
    x = model.narrow(model.float_input("x", SHAPE), 2.0**-2, 2, np.uint8, 5)
    model.output(x)
    y = model.node("Relu", [x], "y")
    model.output(model.narrow(y, 0.375, 0, np.uint8, 5))
    graph = same_as_runtime(model, {"x": feed(*SHAPE)})
    (requantize, _) = next(graph.nodes_of(scaled.Requantize))
    assert requantize.type.element == IntType(5, signed=False)


@pytest.mark.parametrize(
    ("bound", "exactly", "code", "reason"),
    [
        (9.428014, 7, 6, "at a number that no code stands for"),
        (10.878477, 7, 8, "marked as i4, but no Clip keeps its codes from rising"),
    ],
)
def test_a_bound_whose_quotient_float32_rounds_to_a_tie(
    bound: float, exactly: int, code: int, reason: str
) -> None:
    scale, high = np.float32(1.4504637), np.float32(bound)
    assert round(Fraction(float(high)) / Fraction(float(scale))) == exactly
    assert np.rint(high / scale) == code
    model = QdqModel()
    x = model.float_input("x", (1, 3))
    model.array("low", np.float32(-8) * scale)
    model.array("high", high)
    clipped = model.node("Clip", [x, "low", "high"], "clipped")
    model.output(model.qdq(clipped, float(scale), 0, np.int8))
    model.widths["clipped_q"] = 4
    with pytest.raises(UnsupportedModel, match=reason):
        import_onnx(model.model(), "small")


def test_a_width_without_a_clip_is_refused() -> None:
    model = QdqModel()
    model.output(model.qdq(model.float_input("x", SHAPE), SCALE, 0))
    model.widths["x_q"] = 5
    with pytest.raises(UnsupportedModel, match=r"node x_q_node .* marked as u5, but no Clip"):
        import_onnx(model.model(), "small")


def test_weights_beyond_their_width_are_refused() -> None:
    model = QdqModel()
    x = model.qdq(model.float_input("x", (1, 4)), SCALE, 128)
    w = model.constant("w", np.full((4, 2), 4, np.int8), SCALE)
    model.widths["w"] = 3
    model.output(model.qdq(model.node("MatMul", [x, w], "y"), SCALE, 0))
    with pytest.raises(UnsupportedModel, match="marked as i3, but holds codes beyond"):
        import_onnx(model.model(), "small")


def test_four_bit_weights() -> None:
    model = QdqModel()
    x = model.qdq(model.float_input("x", (2, 4)), SCALE, 128)
    w = model.constant("w", RANDOM.integers(-8, 7, (4, 2)).astype(np.int8), SCALE)
    model.output(model.qdq(model.node("MatMul", [x, w], "y"), SCALE, 100))
    read = model.model()
    stored = read.graph.initializers["w"]
    zero = read.graph.initializers["w_zero"]
    for value in (stored, zero):
        assert value.const_value is not None
        array = value.const_value.numpy().astype(ir.DataType.INT4.numpy())
        value.const_value = ir.tensor(array, dtype=ir.DataType.INT4, name=value.name)
    graph = import_onnx(read, "small")
    assert graph.constants[0].type.element == IntType(4, signed=True)


def test_codes_in_and_codes_out() -> None:
    model = QdqModel()
    codes = model.codes_input("x", ("N", *SHAPE[1:]), np.uint8)
    x = model.dq(codes, SCALE, 131)
    model.output(model.q(model.node("Add", [x, x], "y"), 2.0**-3, 117), TensorProto.UINT8)
    given = RANDOM.integers(0, 255, SHAPE).astype(np.uint8)
    graph = same_as_runtime(model, {"x": given}, batch=2)
    assert ops_of(graph) == ["Add"]
    assert graph.inputs[0].type.scaled.zero_point == 131
    assert graph.output_sources == ("y_q",)


def test_inputs_and_outputs_keep_their_order() -> None:
    model = QdqModel()
    b = model.qdq(model.float_input("b", SHAPE), SCALE, 3)
    a = model.qdq(model.float_input("a", SHAPE), SCALE, 3)
    model.float_input("unused", (1,))
    model.output(model.qdq(model.node("Sub", [a, b], "z"), 2.0**-3, 117))
    model.output(model.qdq(model.node("Add", [a, b], "y"), 2.0**-3, 117))
    feeds = {"a": feed(*SHAPE), "b": feed(*SHAPE), "unused": feed(1)}
    graph = same_as_runtime(model, feeds)
    assert [given.source for given in graph.inputs] == ["b", "a", "unused"]
    assert graph.output_sources == ("z_dq", "y_dq")


def test_a_softmax_at_the_end_stays_in_float() -> None:
    model = QdqModel()
    x = model.qdq(model.float_input("x", (3, 5)), 2.0**-2, 128)
    model.output(model.node("Softmax", [x], "y"))
    graph = import_onnx(model.model(), "small")
    assert ops_of(graph) == ["Quantize", "Dequantize", "Float32Softmax"]
    assert graph.nodes[-1].op == Float32Softmax(1)


@pytest.mark.parametrize("op", ["Add", "Sub", "Mul", "Min", "Max"])
def test_an_elementwise_end_stays_in_float(op: str) -> None:
    model = QdqModel()
    x = model.qdq(model.float_input("x", SHAPE), SCALE, 3)
    z = model.qdq(model.float_input("z", (4,)), SCALE, 7)
    model.output(model.node(op, [x, z], "y"))
    graph = same_as_runtime(model, {"x": feed(*SHAPE), "z": feed(4)})
    assert isinstance(graph.nodes[-1].op, Float32Binary)
    assert graph.nodes[-1].name == "y"


def test_batch_and_shapes() -> None:
    model = QdqModel()
    x = model.qdq(model.float_input("x", ("N", 3, "rows", "columns")), SCALE, 3)
    model.output(model.qdq(model.node("Relu", [x], "y"), SCALE, 5))
    with pytest.raises(UnsupportedModel, match=r"input x: .* axis 2 open \(rows\).*--shape x="):
        import_onnx(model.model(), "small")
    graph = import_onnx(model.model(), "small", shapes={"x": (4, 3, 5, 6)})
    assert graph.inputs[0].type.shape == (4, 3, 5, 6)
    with pytest.raises(UnsupportedModel, match="has extent 3 along axis 1, but --shape states 2"):
        import_onnx(model.model(), "small", shapes={"x": (4, 2, 5, 6)})
    with pytest.raises(UnsupportedModel, match=r"has 4 axes, but --shape states \[4\]"):
        import_onnx(model.model(), "small", shapes={"x": (4,)})
    with pytest.raises(InvalidOption, match="--shape z: is not an input"):
        import_onnx(model.model(), "small", shapes={"z": (4,)})
    with pytest.raises(InvalidOption, match="--batch 0"):
        import_onnx(model.model(), "small", batch=0)


def test_the_model_stays_as_it_is() -> None:
    model = QdqModel()
    x = model.narrow(model.float_input("x", SHAPE), SCALE, 0, np.uint8, 5)
    model.output(model.qdq(model.node("Add", [x, x], "y"), SCALE, 5))
    read = model.model()
    before = ir.to_proto(read).SerializeToString()
    import_onnx(read, "small")
    assert ir.to_proto(read).SerializeToString() == before


def test_nodes_of_onnx_runtimes_own_domain() -> None:
    model = QdqModel()
    x = model.qdq(model.float_input("x", SHAPE), SCALE, 3, np.uint16)
    model.output(model.qdq(model.node("Add", [x, x], "y"), 2.0**-3, 5, np.uint16))
    read = model.model()
    expected = import_onnx(read, "small")
    for node in read.graph:
        node.domain = "com.microsoft" if node.op_type.endswith("Linear") else ""
    assert import_onnx(read, "small") == expected


def test_codes_without_a_zero_point_are_unsigned_or_as_stated() -> None:
    model = QdqModel()
    scale = model.array("scale", np.array([SCALE], np.float32))
    x = model.node("QuantizeLinear", [model.float_input("x", SHAPE), scale], "codes")
    y = model.node("DequantizeLinear", [x, scale], "real")
    z = model.node("QuantizeLinear", [y, scale], "signed", output_dtype=TensorProto.INT8)
    model.output(model.node("DequantizeLinear", [z, scale], "again"))
    graph = same_as_runtime(model, {"x": feed(*SHAPE)})
    assert [str(node.type.element) for node in graph.nodes] == ["u8", "i8", "f32"]


def test_codes_that_are_read_with_another_scale() -> None:
    model = QdqModel()
    codes = model.q(model.float_input("x", SHAPE), SCALE, 3)
    model.output(model.dq(codes, 2 * SCALE, 4))
    graph = same_as_runtime(model, {"x": feed(*SHAPE)})
    assert ops_of(graph) == ["Quantize", "Reinterpret", "Dequantize"]


def test_codes_without_any_scale() -> None:
    model = QdqModel()
    codes = model.codes_input("x", SHAPE, np.uint8)
    model.output(model.node("Transpose", [codes], "y", perm=[0, 2, 3, 1]), TensorProto.UINT8)
    given = RANDOM.integers(0, 255, SHAPE).astype(np.uint8)
    graph = same_as_runtime(model, {"x": given})
    assert (graph.inputs[0].type.scaled.scale.value, graph.inputs[0].type.scaled.zero_point) == (
        1,
        0,
    )


def test_raw_codes_are_joined_as_they_are() -> None:
    model = QdqModel()
    x = model.float_input("x", (1, 4))
    first = model.q(x, SCALE, 3)
    model.array("scale", np.float32(3 * SCALE))
    second = model.node("QuantizeLinear", [x, "scale", "x_zero"], "other")
    model.output(model.node("Concat", [first, second], "y", axis=0), TensorProto.UINT8)
    same_as_runtime(model, {"x": feed(1, 4)})


SCALES = np.array([0.5, 0.75, 3.0], np.float32)
ZEROS = np.array([3, 130, 255], np.uint8)


@pytest.mark.parametrize("axis", [1, -3])
def test_a_scale_for_each_index_of_an_axis(axis: int) -> None:
    model = QdqModel()
    parameters = [model.array("scale", SCALES), model.array("zero", ZEROS)]
    x = model.float_input("x", SHAPE)
    codes = model.node("QuantizeLinear", [x, *parameters], "codes", axis=axis)
    model.output(codes, TensorProto.UINT8)
    model.output(model.node("DequantizeLinear", [codes, *parameters], "real", axis=axis))
    same_as_runtime(model, {"x": feed(*SHAPE)})


@pytest.mark.parametrize(("axis", "size"), [(0, 2), (1, 2), (2, 3), (3, 4)])
def test_a_scale_for_each_block(axis: int, size: int) -> None:
    blocks = tuple(-(-n // size) if i == axis else n for i, n in enumerate(SHAPE))
    model = QdqModel()
    scales = RANDOM.uniform(0.1, 2, blocks).astype(np.float32)
    zeros = RANDOM.integers(-100, 100, blocks).astype(np.int8)
    parameters = [model.array("scale", scales), model.array("zero", zeros)]
    attributes = {"axis": axis, "block_size": size}
    x = model.float_input("x", SHAPE)
    codes = model.node("QuantizeLinear", [x, *parameters], "codes", **attributes)
    model.output(codes, TensorProto.INT8)
    model.output(model.node("DequantizeLinear", [codes, *parameters], "real", **attributes))
    same_as_runtime(model, {"x": feed(*SHAPE)})


def test_blocks_of_one_scale_are_no_blocks() -> None:
    model = QdqModel()
    x = model.qdq(model.float_input("x", (2, 4)), SCALE, 128)
    codes = model.array("w", RANDOM.integers(-8, 7, (4, 3)).astype(np.int8))
    scales = np.broadcast_to(SCALES / 8, (2, 3)).copy()
    parameters = [model.array("scale", scales), model.array("zero", np.zeros((2, 3), np.int8))]
    w = model.node("DequantizeLinear", [codes, *parameters], "real", axis=0, block_size=2)
    model.output(model.qdq(model.node("MatMul", [x, w], "y"), SCALE, 100))
    graph = same_as_runtime(model, {"x": feed(2, 4)})
    assert graph.constants[0].type.scaled.axis == 1
