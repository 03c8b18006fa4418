# SPDX-License-Identifier: Apache-2.0
from pathlib import Path

import pytest

import intaglio
from intaglio.commands.models import LoweringOptions, named, open_fixed, parse_shapes
from intaglio.compiler.ir import scaled
from intaglio.compiler.ir.builder import Builder
from intaglio.compiler.ir.file import save
from intaglio.compiler.ir.graph import Level
from intaglio.compiler.ir.types import Quantization, TensorType
from intaglio.errors import InvalidFile, InvalidOption, UnsupportedModel
from intaglio.numerics.float32 import Float32
from intaglio.numerics.integers import IntType


def test_shapes_by_input() -> None:
    assert parse_shapes(["a=1,2", "b/c:0=?,3", "d=x=4"]) == {
        "a": (1, 2),
        "b/c:0": (None, 3),
        "d=x": (4,),
    }


@pytest.mark.parametrize("texts", [["a"], ["a="], ["=1"], ["a=1,?"], ["a=1,-2"], ["a=1", "a=2"]])
def test_other_forms_are_refused(texts: list[str]) -> None:
    with pytest.raises(InvalidOption, match="--shape"):
        parse_shapes(texts)


def test_a_lowered_file_takes_no_lowering_options(tmp_path: Path) -> None:
    path = tmp_path / "net.intaglio"
    for options, name in (
        (LoweringOptions(profile="tflm"), "--profile"),
        (LoweringOptions(batch=2), "--batch"),
        (LoweringOptions(shapes={"x": (1,)}), "--shape"),
    ):
        with pytest.raises(InvalidOption, match=name):
            open_fixed(path, options)


def test_a_scaled_graph_is_not_taken_for_a_fixed_one(tmp_path: Path) -> None:
    builder = Builder("scaled", Level.SCALED)
    quantization = Quantization((Float32.from_value(0.5),))
    kind = TensorType(IntType(8, signed=True), (1, 4), quantization)
    x = builder.input("x", kind)
    y = builder.node("y", kind, scaled.Transpose((0, 1)), [x])
    path = tmp_path / "net.intaglio"
    save(builder.finish([y]), path)
    with pytest.raises(InvalidFile, match="without arithmetic"):
        open_fixed(path, LoweringOptions())


def test_errors_of_a_model_name_its_file_once() -> None:
    path = Path("folder/net.onnx")
    with pytest.raises(UnsupportedModel, match=r"^folder/net.onnx: the graph has 1"), named(path):
        raise UnsupportedModel("the graph", ["node x: no"], "Replace it")
    with pytest.raises(UnsupportedModel, match=r"^folder/net.onnx has 1"), named(path):
        raise UnsupportedModel(str(path), ["node x: no"], "Replace it")


def test_every_name_of_the_public_face_is_there() -> None:
    for name in intaglio.__all__:
        assert getattr(intaglio, name) is not None
    with pytest.raises(AttributeError, match="nonsense"):
        intaglio.nonsense  # noqa: B018
