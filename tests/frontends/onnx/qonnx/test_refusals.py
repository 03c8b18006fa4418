# SPDX-License-Identifier: Apache-2.0
"""What isn't taken is named, with what to do about it."""

from collections.abc import Sequence

import numpy as np
import onnx
import onnx_ir as ir
import pytest

from intaglio.compiler.ir.graph import Array
from intaglio.errors import InvalidOption, UnsupportedModel
from intaglio.frontends.onnx import import_onnx
from tests.frontends.onnx.qonnx.models import content, node, quantizer, scalar

CONSTANTS: dict[str, Array] = {
    "s": scalar(0.5),
    "z": scalar(0),
    "b": scalar(4),
    "w": np.ones((3, 2), np.float32),
    "k": np.array([1, 2, 3], np.float32),
}


def quant(x: str, y: str, mode: str = "ROUND", **operands: str) -> onnx.NodeProto:
    names = [x, *(operands.get(name, name) for name in "szb")]
    return quantizer("Quant", names, y, signed=1, narrow=0, rounding_mode=mode)


def sentence(nodes: Sequence[onnx.NodeProto], **constants: Array) -> str:
    """What the importer says."""
    data = content(nodes, (2, 3), {**CONSTANTS, **constants})
    with pytest.raises(UnsupportedModel) as caught:
        import_onnx(ir.from_proto(onnx.load_model_from_string(data)), "net")
    return str(caught.value)


@pytest.mark.parametrize(
    ("mode", "constants", "expected"),
    [
        ("STOCHASTIC", {}, "its rounding_mode is 'STOCHASTIC'; expected one of"),
        ("ROUND", {"s": scalar(0)}, "its scale isn't positive and finite"),
        ("ROUND", {"s": scalar(-1)}, "its scale isn't positive and finite"),
        ("ROUND", {"s": scalar(float("inf"))}, "its scale isn't positive and finite"),
        ("ROUND", {"s": scalar(float("nan"))}, "its scale isn't positive and finite"),
        ("ROUND", {"s": np.array(1.0)}, "its scale is of another type"),
        ("ROUND", {"s": np.array([0.5, 1, 2], np.float32)}, "with a scale for each channel"),
        ("ROUND", {"z": scalar(0.5)}, "its zero point is 0.5"),
        ("ROUND", {"z": scalar(3e38)}, "its zero point is 3e+38"),
        ("ROUND", {"b": scalar(0)}, "its bit width is 0; expected a whole number"),
        ("ROUND", {"b": scalar(2.5)}, "its bit width is 2.5"),
        ("ROUND", {"b": scalar(25)}, "its bit width is 25"),
    ],
)
def test_a_quant(mode: str, constants: dict[str, Array], expected: str) -> None:
    assert expected in sentence([quant("x", "y", mode)], **constants)


def test_a_computed_scale() -> None:
    nodes = [quant("x", "q"), quant("x", "y", s="q")]
    assert "expected constant scale, zero point and bit width" in sentence(nodes)


def test_an_op_that_is_no_exact_sum() -> None:
    nodes = [quant("x", "q"), node("Sigmoid", ["q"], "m"), quant("m", "y")]
    said = sentence(nodes)
    assert "reads the float result of node Sigmoid_m, which isn't an exact sum of codes" in said


def test_a_float_input_of_a_product() -> None:
    nodes = [quant("w", "wq"), node("MatMul", ["x", "wq"], "m"), quant("m", "y")]
    assert "--datatype x=FIXED<16,6>" in sentence(nodes)


def test_a_division_by_what_is_computed() -> None:
    nodes = [quant("x", "q"), node("Div", ["k", "q"], "m"), quant("m", "y")]
    assert "divides a constant by what is computed" in sentence(nodes)


def test_a_constant_that_enlarges() -> None:
    nodes = [quant("x", "q"), node("Add", ["q", "t"], "m"), quant("m", "y")]
    assert "doesn't fit a value of (2, 3)" in sentence(nodes, t=np.ones((4, 2, 3), np.float32))


@pytest.mark.parametrize("datatype", ["INT99", "FIXED<40,2>", "FLOAT16", "INT0", ""])
def test_a_datatype_that_is_none(datatype: str) -> None:
    data = content([quant("x", "y")], (2, 3), CONSTANTS)
    model = ir.from_proto(onnx.load_model_from_string(data))
    if not datatype:
        with pytest.raises(InvalidOption, match="is not an input of the model"):
            import_onnx(model, "net", datatypes={"other": "INT8"})
        return
    with pytest.raises(UnsupportedModel, match="input x: is said to hold"):
        import_onnx(model, "net", datatypes={"x": datatype})
