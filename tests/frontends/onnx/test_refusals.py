# SPDX-License-Identifier: Apache-2.0
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto

from intaglio.errors import UnsupportedModel
from intaglio.frontends.onnx import import_onnx
from tests.frontends.onnx.qdq_models import QdqModel

SCALE = 2.0**-4
SHAPE = (1, 3, 4, 4)
WEIGHTS = np.ones((3, 3, 1, 1), np.int8)


def refusal(model: QdqModel) -> UnsupportedModel:
    with pytest.raises(UnsupportedModel) as caught:
        import_onnx(model.model(), "small")
    return caught.value


def start(opset: int = 21) -> tuple[QdqModel, str]:
    model = QdqModel(opset)
    return model, model.qdq(model.float_input("x", SHAPE), SCALE, 3)


def test_every_refused_part_is_named_at_once() -> None:
    model, x = start()
    w = model.constant("w", WEIGHTS, SCALE)
    convolved = model.node("Conv", [x, w], "convolved")
    total = model.node("Add", [convolved, x], "total")
    odd = model.node("Sin", [x], "odd")
    later = model.qdq(model.node("Mul", [x, model.array("c", np.float32(2.0))], "m"), SCALE)
    joined = model.node("Add", [model.qdq(odd, SCALE), later], "joined")
    model.output(model.qdq(total, SCALE))
    model.output(model.qdq(joined, SCALE))
    model.output(model.node("Celu", [x], "celu"))
    assert refusal(model).problems == (
        "node total_node (Add): reads the float result of node convolved_node; "
        "quantize the output of node convolved_node",
        "node odd_node (Sin): the op is not supported",
        "node m_node (Mul): reads c, a constant that is not quantized; "
        "put QuantizeLinear and DequantizeLinear behind it",
        "node celu_node (Celu): the op is not supported",
    )


def test_what_stands_behind_a_refused_node_is_read_on() -> None:
    model, x = start()
    first = model.node("Add", [x, model.array("c", np.float32(2.0))], "first")
    model.initializers = [*model.initializers]
    second = model.qdq(first, SCALE)
    third = model.node("Mul", [second, model.array("d", np.float32(2.0))], "third")
    model.output(model.qdq(third, SCALE))
    read = model.model()
    noted = {value.name: value for node in read.graph for value in node.outputs}
    noted["first"].shape = noted["x_dq"].shape = read.graph.inputs[0].shape
    with pytest.raises(UnsupportedModel) as caught:
        import_onnx(read, "small")
    assert [problem.split(":")[0] for problem in caught.value.problems] == [
        "node first_node (Add)",
        "node third_node (Mul)",
    ]


def test_the_message_is_whole_sentences() -> None:
    model, x = start()
    model.output(model.node("Sin", [x], "y"))
    assert str(refusal(model)) == (
        "small has 1 unsupported part(s):\n"
        "  node y_node (Sin): the op is not supported\n"
        "Quantize the result of every op with QuantizeLinear and DequantizeLinear, "
        "and leave out or replace the ops named above; docs/supported-ops.md lists what is read."
    )


@pytest.mark.parametrize(
    ("op", "hint"),
    [("BatchNormalization", "fold it into the op"), ("DynamicQuantizeLinear", "scales that calib")],
)
def test_a_hint_for_ops_that_other_tools_leave(op: str, hint: str) -> None:
    model, x = start()
    model.output(model.node(op, [x], "y"))
    assert hint in refusal(model).problems[0]


def test_nodes_that_nothing_depends_on_are_ignored() -> None:
    model, x = start()
    model.node("Sin", [x], "dead")
    model.output(model.qdq(model.node("Relu", [x], "y"), SCALE))
    import_onnx(model.model(), "small")


def _float_weights(model: QdqModel, x: str) -> str:
    return model.node("Conv", [x, model.array("w", WEIGHTS.astype(np.float32))], "y")


def _float_bias(model: QdqModel, x: str) -> str:
    bias = model.array("b", np.array([1, np.nan, 1], np.float32))
    return model.node("Conv", [x, model.constant("w", WEIGHTS, SCALE), bias], "y")


def _double_bias(model: QdqModel, x: str) -> str:
    bias = model.array("b", np.ones(3, np.float64))
    return model.node("Conv", [x, model.constant("w", WEIGHTS, SCALE), bias], "y")


def _bias_of_another_scale(model: QdqModel, x: str) -> str:
    bias = model.constant("b", np.ones(3, np.int32), SCALE)
    return model.node("Conv", [x, model.constant("w", WEIGHTS, SCALE), bias], "y")


def _eight_bit_bias(model: QdqModel, x: str) -> str:
    bias = model.constant("b", np.ones(3, np.int8), SCALE * SCALE)
    return model.node("Conv", [x, model.constant("w", WEIGHTS, SCALE), bias], "y")


def _scales_by_input_channel(model: QdqModel, x: str) -> str:
    return model.node("Conv", [x, model.constant("w", WEIGHTS, [SCALE] * 3, 0, 1)], "y")


def _computed_weights(model: QdqModel, x: str) -> str:
    return model.node("Conv", [x, x], "y")


def _three_dimensions(model: QdqModel, x: str) -> str:
    axes = model.array("axes", np.array([2], np.int64))
    solid = model.node("Unsqueeze", [x, axes], "solid")
    return model.node("Conv", [solid, model.constant("w", WEIGHTS, SCALE)], "y")


def _kernel_beyond_the_plane(model: QdqModel, x: str) -> str:
    return model.node("MaxPool", [x], "y", kernel_shape=[5, 5])


def _shapes_that_do_not_fit(model: QdqModel, x: str) -> str:
    turned = model.node("Reshape", [x, model.array("shape", np.array([6, 8], np.int64))], "turned")
    return model.node("Add", [x, turned], "y")


def _reshape_that_does_not_fit(model: QdqModel, x: str) -> str:
    return model.node("Reshape", [x, model.array("shape", np.array([7, -1], np.int64))], "y")


def _two_float_operations(model: QdqModel, x: str) -> str:
    return model.node("Tanh", [model.node("Sigmoid", [x], "inner")], "y")


def _padding_that_is_no_code(model: QdqModel, x: str) -> str:
    pads = model.array("pads", np.array([0, 0, 0, 0, 0, 0, 0, 1], np.int64))
    return model.node("Pad", [x, pads, model.array("value", np.float32(0.1))], "y")


def _clip_that_is_no_code(model: QdqModel, x: str) -> str:
    y = model.node("Softmax", [x], "softmax")
    return model.node("Clip", [y, "", model.array("high", np.float32(0.3))], "y")


def _alpha(model: QdqModel, x: str) -> str:
    flat = model.node("Flatten", [x], "flat")
    return model.node("Gemm", [flat, flat], "y", transB=1, alpha=0.5)


def _codes_read_as_numbers(model: QdqModel, x: str) -> str:
    return model.node("Add", [x, "x_q"], "y")


def _negative_scale(model: QdqModel, x: str) -> str:
    return model.node("Add", [x, model.constant("c", np.ones(1, np.int8), -1.0)], "y")


def _two_dimensional_maxima_with_indices(model: QdqModel, x: str) -> str:
    y = model.node("MaxPool", [x], "y", kernel_shape=[2, 2])
    model.nodes[-1].output.append("indices")
    return y


def _attribute_of_another_type(model: QdqModel, x: str) -> str:
    return model.node("Softmax", [x], "y", axis=1.5)


def _automatic_pads_with_gaps(model: QdqModel, x: str) -> str:
    attributes = {"kernel_shape": [2, 2], "strides": [4, 4], "auto_pad": "SAME_UPPER"}
    return model.node("AveragePool", [x], "y", **attributes)


def _flag_that_is_none(model: QdqModel, x: str) -> str:
    return model.node("ReduceMean", [x], "y", keepdims=2)


def _bound_that_leaves_nothing(model: QdqModel, x: str) -> str:
    return model.node("Min", [x, model.array("bound", np.float32(-np.inf))], "y")


def _bias_type_as_activation(model: QdqModel, x: str) -> str:
    return model.qdq(model.node("Add", [x, x], "y"), SCALE, 0, np.int32)


def _undefined_tensor(model: QdqModel, x: str) -> str:
    return model.node("Add", [x, "nowhere"], "y")


def _matrix_with_three_axes(model: QdqModel, x: str) -> str:
    flat = model.node("Flatten", [x], "flat")
    weights = model.constant("w", np.ones((1, 48, 2), np.int8), SCALE)
    return model.node("Gemm", [flat, weights], "y")


def _huge_result(model: QdqModel, x: str) -> str:
    sizes = model.array("sizes", np.array([1, 3, 2**16, 2**15], np.int64))
    return model.node("Resize", [x, "", "", sizes], "y")


def _long_axis(model: QdqModel, x: str) -> str:
    sizes = model.array("sizes", np.array([1, 3, 2**20, 1], np.int64))
    return model.node("Resize", [x, "", "", sizes], "y")


def _zero_point_that_is_no_code(model: QdqModel, x: str) -> str:
    names = [model.array("c", np.ones(1, np.int8)), model.array("c_scale", np.float32(1))]
    names.append(model.array("c_zero", np.float32(0)))
    return model.node("Add", [x, model.node("DequantizeLinear", names, "c_dq")], "y")


def _axes_of(op: str, model: QdqModel, x: str, *inputs: list[int], **attributes: Any) -> str:
    """A node whose further inputs are constants, an empty list for none."""
    names = [
        model.array(f"i{at}", np.array(values, np.int64)) if values else ""
        for at, values in enumerate(inputs)
    ]
    return model.node(op, [x, *names], "y", **attributes)


def _axis_padded_twice(model: QdqModel, x: str) -> str:
    return _axes_of("Pad", model, x, [1, 1, 1, 1], [], [2, -2])


def _axis_cut_twice(model: QdqModel, x: str) -> str:
    return _axes_of("Slice", model, x, [1, 1], [4, 3], [2, -2])


def _axis_resized_twice(model: QdqModel, x: str) -> str:
    return _axes_of("Resize", model, x, [], [], [3, 4], axes=[2, -2])


def _axis_put_in_twice(model: QdqModel, x: str) -> str:
    return _axes_of("Unsqueeze", model, x, [2, -4])


def _output_padding_of_a_stride(model: QdqModel, x: str) -> str:
    weights = model.constant("w", np.ones((3, 2, 3, 3), np.int8), SCALE)
    return model.node(
        "ConvTranspose",
        [x, weights],
        "y",
        strides=[2, 1],
        dilations=[2, 2],
        output_padding=[1, 1],
    )


Case = tuple[Callable[[QdqModel, str], str], str]

CASES: tuple[Case, ...] = (
    (_float_weights, "node y_node (Conv): reads w, a constant that is not quantized"),
    (_float_bias, "node y_node (Conv): its bias b isn't finite"),
    (_double_bias, "its bias b is of type float64, float32 is expected"),
    (_bias_of_another_scale, "scale of its bias b is 0.0625 in channel 0; the product 0.00390625"),
    (_eight_bit_bias, "its bias b is of type i8 with zero points (0,); int32 with zero point 0"),
    (_scales_by_input_channel, "expected weights with one scale, or one for each output channel"),
    (_computed_weights, "its operand 2 is computed; expected quantized constant weights"),
    (_three_dimensions, "(1, 3, 1, 4, 4); expected operands [N, C, H, W] or [N, C, L]"),
    (_kernel_beyond_the_plane, "(1, 0, 0, 3), without elements"),
    (_shapes_that_do_not_fit, "has operands of shapes [1,3,4,4] and [6,8]"),
    (_reshape_that_does_not_fit, "reshapes (1, 3, 4, 4) to [7, -1], which doesn't fit"),
    (_two_float_operations, "node y_node (Tanh): reads the float result of node inner_node"),
    (_padding_that_is_no_code, "node y_node (Pad): pads with 0.10000000149011612"),
    (_clip_that_is_no_code, "clips the result of node softmax_node at a number that no code"),
    (_alpha, "node y_node (Gemm): alpha is 0.5; expected alpha 1 (fold it into the weights)"),
    (_codes_read_as_numbers, "node y_node (Add): reads the codes of x; put a DequantizeLinear"),
    (_negative_scale, "node c_dq_node (DequantizeLinear): its scale isn't positive and finite"),
    (_two_dimensional_maxima_with_indices, "is asked for the indices of the maxima"),
    (_attribute_of_another_type, "node y_node (Softmax): its attribute axis is of type FLOAT"),
    (_automatic_pads_with_gaps, "pads automatically where windows leave elements out"),
    (_flag_that_is_none, "its attribute keepdims is 2; 0 or 1 is expected"),
    (_bound_that_leaves_nothing, "a bound is infinite so that nothing is left"),
    (_bias_type_as_activation, "quantizes to i32; at most 16 bits are expected"),
    (_undefined_tensor, "tensor nowhere: is read before any node computes it"),
    (_matrix_with_three_axes, "its second operand has the shape (1, 48, 2)"),
    (_long_axis, "resizes an axis to more than 65536 elements"),
    (_zero_point_that_is_no_code, "its zero point is of type FLOAT; that of codes is expected"),
    (_axis_padded_twice, "node y_node (Pad): names axes [2, -2], one of them twice"),
    (_axis_cut_twice, "node y_node (Slice): names axes [2, -2], one of them twice"),
    (_axis_resized_twice, "node y_node (Resize): names axes [2, -2], one of them twice"),
    (_axis_put_in_twice, "node y_node (Unsqueeze): names axes [2, -4], one of them twice"),
    (_output_padding_of_a_stride, "output_padding is [1, 1]; less than the strides [2, 1]"),
    (_huge_result, "more than 2**31 - 1 elements"),
)


@pytest.mark.parametrize(
    ("build", "message"), CASES, ids=lambda case: getattr(case, "__name__", "")
)
def test_refused(build: Callable[[QdqModel, str], str], message: str) -> None:
    model, x = start()
    y = build(model, x)
    model.output(model.qdq(y, SCALE))
    problems = refusal(model).problems
    assert len(problems) == 1
    assert message in problems[0]


def test_a_result_that_nothing_quantizes() -> None:
    model, x = start()
    w = model.constant("w", WEIGHTS, SCALE)
    model.output(model.node("Relu", [model.node("Conv", [x, w], "y")], "relu"))
    assert refusal(model).problems == (
        "output relu: is the float result of node relu_node; quantize that",
    )


@pytest.mark.parametrize("opset", [9, 29])
def test_other_opsets(opset: int) -> None:
    model, x = start(opset)
    model.output(x)
    assert f"it is of opset {opset}; 10 to 28 are supported" in str(refusal(model))


def test_weights_that_the_file_quantizes_itself_in_blocks() -> None:
    model, x = start()
    flat = model.node("Flatten", [x], "flat")
    scales = model.array("scale", np.arange(1, 25, dtype=np.float32).reshape(24, 1))
    reals = model.array("w", np.ones((48, 1), np.float32))
    codes = model.node("QuantizeLinear", [reals, scales], "w_q", axis=0, block_size=2)
    w = model.node("DequantizeLinear", [codes, scales], "real", axis=0, block_size=2)
    model.output(model.qdq(model.node("MatMul", [flat, w], "y"), SCALE))
    assert "has a scale for each block of a constant" in str(refusal(model))


@pytest.mark.parametrize("size", [-1, 5])
def test_blocks_that_do_not_fit(size: int) -> None:
    model = QdqModel()
    scales = model.array("scale", np.ones((1, 2, 4, 4), np.float32))
    codes = model.node(
        "QuantizeLinear", [model.float_input("x", SHAPE), scales], "codes", block_size=size
    )
    model.output(codes)
    assert ("block_size is -1" if size < 0 else "for blocks of 5") in str(refusal(model))


def test_too_many_scales_for_an_activation() -> None:
    model = QdqModel()
    scales = model.array("scale", (1 / np.arange(1, 2001)).astype(np.float32))
    x = model.float_input("x", (1, 2000))
    model.output(model.node("QuantizeLinear", [x, scales], "codes"))
    assert "has 2000 scales for a tensor that isn't constant" in str(refusal(model))


def test_codes_joined_to_real_numbers() -> None:
    model, x = start()
    model.output(model.node("Concat", [x, "x_q"], "y", axis=0))
    assert "joins codes to real numbers" in str(refusal(model))


@pytest.mark.parametrize(
    ("op", "attribute"), [("QuantizeLinear", "precision"), ("DequantizeLinear", "output_dtype")]
)
def test_borders_in_half_precision(op: str, attribute: str) -> None:
    model = QdqModel()
    x = model.float_input("x", SHAPE)
    operand = model.q(x, SCALE) if op == "DequantizeLinear" else x
    scale = model.array("scale", np.float32(SCALE))
    model.output(model.node(op, [operand, scale], "y", **{attribute: TensorProto.FLOAT16}))
    assert f"{attribute} is 10; expected {attribute} float32 (1)" in str(refusal(model))
