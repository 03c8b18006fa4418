# SPDX-License-Identifier: Apache-2.0
"""Names, interface, types and shapes of what is imported."""

import numpy as np
import pytest

from intaglio.compiler.ir import scaled
from intaglio.compiler.ir.graph import Graph
from intaglio.compiler.ir.types import FLOAT32
from intaglio.errors import UnsupportedModel
from intaglio.frontends.tflite import import_tflite
from tests.frontends.tflite.small_models import branching, convolutional
from tests.frontends.tflite.writing import Operator, Tensor, write


def _fully_connected(weights: Tensor, bias: Tensor, x: Tensor | None = None) -> Graph:
    x = x or Tensor((1, weights.shape[1]))
    y = Tensor((1, weights.shape[0]), x.kind, scales=(4.0,))
    step = Operator("FULLY_CONNECTED", (0, 1, 2), (3,), "FullyConnectedOptions", {})
    return import_tflite(write([x, weights, bias, y], [step], [0], [3]), "net")


def _no_bias(count: int) -> Tensor:
    return Tensor((count,), "INT32", (), (), data=bytes(4 * count))


def test_values_are_called_after_tensors() -> None:
    graph = import_tflite(convolutional(), "net")
    assert [given.name for given in graph.inputs] == ["t0"]
    assert [node.name for node in graph.nodes] == ["t3", "t4", "t6", "t8", "t9"]
    assert [node.source for node in graph.nodes] == ["t3", "t4", "t6", "t8", "t9"]
    assert graph.output_sources == ("t9",)


def test_names_that_tensors_share_get_their_index() -> None:
    tensors = [Tensor((2,), name="a b/c"), Tensor((2,), name="twice"), Tensor((2,), name="twice")]
    steps = [Operator("RELU", (0,), (1,)), Operator("RELU6", (1,), (2,))]
    graph = import_tflite(write(tensors, steps, [0], [2]), "net")
    assert [given.source for given in graph.inputs] == ["a b/c"]
    assert [node.source for node in graph.nodes] == ["twice#1", "twice#2"]
    assert graph.output_sources == ("twice#2",)


def test_float32_stays_at_the_border() -> None:
    graph = import_tflite(branching(), "net")
    assert graph.inputs[0].type.element == FLOAT32
    assert isinstance(graph.nodes[0].op, scaled.Quantize)
    assert isinstance(graph.nodes[-1].op, scaled.Dequantize)
    assert graph.type_of(graph.outputs[0]).element == FLOAT32


def test_an_input_in_float32_may_be_moved_before_it_is_quantized() -> None:
    real = Tensor((2, 3), "FLOAT32", (), ())
    flat = Tensor((6,), "FLOAT32", (), ())
    steps = [Operator("RESHAPE", (0, 1), (2,)), Operator("QUANTIZE", (2,), (3,))]
    content = write([real, Tensor.plain((6,)), flat, Tensor((6,))], steps, [0], [3])
    graph = import_tflite(content, "net")
    assert [type(node.op) for node in graph.nodes] == [scaled.Reshape, scaled.Quantize]


def test_a_softmax_in_float32_is_the_tail() -> None:
    real = Tensor((1, 3), "FLOAT32", (), ())
    steps = [
        Operator("DEQUANTIZE", (0,), (1,)),
        Operator("SOFTMAX", (1,), (2,), "SoftmaxOptions", {"Beta": 1.0}),
    ]
    graph = import_tflite(write([Tensor((1, 3)), real, real], steps, [0], [2]), "net")
    assert [type(node.op) for node in graph.nodes] == [scaled.Dequantize, scaled.Float32Softmax]


def test_four_bit_weights_are_unpacked_low_half_first() -> None:
    packed = bytes([0x8F, 0x70, 0x05])
    weights = Tensor((1, 5), "INT4", scales=(0.5,), data=packed)
    graph = _fully_connected(weights, _no_bias(1))
    (constant, _) = graph.constants
    assert str(constant.type.element) == "i4"
    assert constant.array.reshape(-1).tolist() == [-1, -8, 0, 7, 5]


def test_weights_of_a_fully_connected_layer_go_by_columns() -> None:
    codes = np.arange(6, dtype=np.int8).reshape(2, 3)
    weights = Tensor((2, 3), scales=(0.5, 0.25), zero_points=(0, 0), data=codes.tobytes())
    graph = _fully_connected(weights, _no_bias(2))
    constant = graph.constants[0]
    assert constant.array.tolist() == codes.T.tolist()
    assert constant.type.scaled.axis == 1


@pytest.mark.parametrize(("kind", "size"), [("INT32", 4), ("INT64", 8)])
def test_a_bias_of_either_width_gets_the_product_of_scales(kind: str, size: int) -> None:
    weights = Tensor((2, 3), scales=(0.5, 0.25), zero_points=(0, 0), data=bytes(6))
    # As person_detect has it: an axis that a vector lacks.
    bias = Tensor((2,), kind, (0.25, 0.125), (0, 0), axis=3, data=bytes(2 * size))
    graph = _fully_connected(weights, bias, Tensor((1, 3), "INT16"))
    constant = graph.constants[1]
    assert str(constant.type.element) == f"i{8 * size}"
    assert [scale.value for scale in constant.type.scaled.scales] == [0.25, 0.125]
    assert constant.type.scaled.axis == 0


def test_a_plane_in_front_of_a_fully_connected_layer_becomes_rows() -> None:
    weights = Tensor((2, 3), data=bytes(6))
    x, y = Tensor((2, 2, 3)), Tensor((4, 2), scales=(4.0,))
    step = Operator("FULLY_CONNECTED", (0, 1), (2,), "FullyConnectedOptions", {})
    graph = import_tflite(write([x, weights, y], [step], [0], [2]), "net")
    assert [type(node.op) for node in graph.nodes] == [scaled.Reshape, scaled.FullyConnected]
    kept = Operator("FULLY_CONNECTED", (0, 1), (2,), "FullyConnectedOptions", {"KeepNumDims": True})
    graph = import_tflite(
        write([x, weights, Tensor((2, 2, 2), scales=(4.0,))], [kept], [0], [2]), "net"
    )
    assert [type(node.op) for node in graph.nodes] == [scaled.FullyConnected]


def test_an_open_batch_is_the_one_asked_for() -> None:
    assert import_tflite(convolutional(), "net").inputs[0].type.shape == (1, 5, 5, 1)
    tensors = [Tensor((1, 3), signature=(-1, 3)), Tensor((1, 3), signature=(-1, 3))]
    content = write(tensors, [Operator("RELU", (0,), (1,))], [0], [1])
    assert import_tflite(content, "net").nodes[0].type.shape == (1, 3)
    assert import_tflite(content, "net", batch=4).nodes[0].type.shape == (4, 3)
    assert import_tflite(content, "net", shapes={"t0": (5, 3)}).nodes[0].type.shape == (5, 3)
    with pytest.raises(UnsupportedModel, match="has extent 3 along axis 1"):
        import_tflite(content, "net", shapes={"t0": (5, 4)})


def test_a_batch_that_the_file_fixes_stays() -> None:
    content = write([Tensor((2, 3)), Tensor((2, 3))], [Operator("RELU", (0,), (1,))], [0], [1])
    assert import_tflite(content, "net", batch=4).nodes[0].type.shape == (2, 3)


def test_groups_follow_from_the_channels_of_the_weights() -> None:
    weights = Tensor((4, 1, 1, 2), data=bytes(8))
    window = {"Padding": 1, "StrideW": 1, "StrideH": 1}
    step = Operator("CONV_2D", (0, 1), (2,), "Conv2DOptions", window)
    planes = [Tensor((1, 3, 3, 6)), weights, Tensor((1, 3, 3, 4))]
    with pytest.raises(UnsupportedModel, match="groups of equal size"):
        import_tflite(write(planes, [step], [0], [2]), "net")
    planes[0] = Tensor((1, 3, 3, 4))
    (node,) = import_tflite(write(planes, [step], [0], [2]), "net").nodes
    assert isinstance(node.op, scaled.Conv2d)
    assert node.op.groups == 2


def test_the_number_of_an_operator_may_stand_in_the_wide_field_alone() -> None:
    """A file without the deprecated field has 0 there, the number of ADD."""
    tensors = [Tensor((2,)), Tensor((2,)), Tensor((2,))]
    step = Operator("MUL", (0, 1), (2,), "MulOptions", {})
    content = write(tensors, [step], [0, 1], [2], narrow_codes=False)
    (node,) = import_tflite(content, "net").nodes
    assert isinstance(node.op, scaled.Multiply)
