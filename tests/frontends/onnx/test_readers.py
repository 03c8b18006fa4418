# SPDX-License-Identifier: Apache-2.0
"""Each operator becomes what its reader says, and no reader says more."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto

from intaglio.frontends.onnx import import_onnx
from intaglio.frontends.onnx.dispatch import ON_CODES, REAL
from intaglio.frontends.onnx.qonnx.dispatch import QUANTIZERS
from intaglio.frontends.onnx.qonnx.dispatch import READERS as QONNX
from intaglio.frontends.readers import BORDER, MOVE, WITHOUT_RULE
from intaglio.frontends.tflite.dispatch import READERS as TFLITE
from intaglio.numerics.profile.profile import RULE_OPS
from tests.frontends.onnx.qdq_models import QdqModel
from tests.frontends.rules_asked import words_of

SHAPE = (1, 3, 4, 4)
SCALE = 2.0**-4
Build = Callable[[QdqModel, str], str]


def _plain(op: str, **attributes: Any) -> Build:
    return lambda model, x: model.node(op, [x], "y", **attributes)


def _twice(op: str) -> Build:
    return lambda model, x: model.node(op, [x, x], "y")


def _bounded(op: str) -> Build:
    return lambda model, x: model.node(op, [x, model.array("bound", np.float32(0.3))], "y")


def _listed(op: str, *lists: list[int], **attributes: Any) -> Build:
    def build(model: QdqModel, x: str) -> str:
        arrays = [model.array(f"l{at}", np.array(each, np.int64)) for at, each in enumerate(lists)]
        return model.node(op, [x, *arrays], "y", **attributes)

    return build


def _weighted(op: str, shape: tuple[int, ...], **attributes: Any) -> Build:
    def build(model: QdqModel, x: str) -> str:
        weights = model.constant("w", np.ones(shape, np.int8), SCALE)
        return model.node(op, [x, weights], "y", **attributes)

    return build


def _resized(mode: str) -> Build:
    def build(model: QdqModel, x: str) -> str:
        sizes = model.array("sizes", np.array([1, 3, 8, 8], np.int64))
        return model.node("Resize", [x, "", "", sizes], "y", mode=mode)

    return build


def _flat(op: str, computed: bool) -> Build:
    def build(model: QdqModel, x: str) -> str:
        flat = model.node("Flatten", [x], "flat")
        if not computed:
            return _weighted(op, (48, 2))(model, flat)
        return model.node(op, [flat, model.node("Transpose", [flat], "column")], "y")

    return build


def _cast_codes(model: QdqModel, x: str) -> str:
    codes = f"{x.removesuffix('_dq')}_q"
    cast = model.node("Cast", [codes], "cast", to=TensorProto.FLOAT)
    return model.node("Mul", [cast, model.array("factor", np.float32(SCALE))], "y")


CASES: tuple[tuple[str, Build], ...] = (
    ("Add", _twice("Add")),
    ("AveragePool", _plain("AveragePool", kernel_shape=[2, 2])),
    ("Cast", _cast_codes),
    ("Clip", _bounded("Clip")),
    ("Concat", _twice("Concat")),
    ("Conv", _weighted("Conv", (2, 3, 1, 1))),
    ("Conv", _weighted("Conv", (3, 1, 1, 1), group=3)),
    ("ConvTranspose", _weighted("ConvTranspose", (3, 2, 1, 1))),
    ("Dropout", _plain("Dropout")),
    ("Elu", _plain("Elu")),
    ("Exp", _plain("Exp")),
    ("Flatten", _plain("Flatten")),
    ("Gelu", _plain("Gelu")),
    ("Gelu", _plain("Gelu", approximate="tanh")),
    ("Gemm", _flat("Gemm", computed=False)),
    ("Gemm", _flat("Gemm", computed=True)),
    ("GlobalAveragePool", _plain("GlobalAveragePool")),
    ("GlobalMaxPool", _plain("GlobalMaxPool")),
    ("HardSigmoid", _plain("HardSigmoid")),
    ("HardSwish", _plain("HardSwish")),
    ("Identity", _plain("Identity")),
    ("LeakyRelu", _plain("LeakyRelu")),
    ("MatMul", _flat("MatMul", computed=False)),
    ("MatMul", _flat("MatMul", computed=True)),
    ("Max", _bounded("Max")),
    ("Max", _twice("Max")),
    ("MaxPool", _plain("MaxPool", kernel_shape=[2, 2])),
    ("Min", _bounded("Min")),
    ("Min", _twice("Min")),
    ("Mul", _cast_codes),
    ("Mul", _twice("Mul")),
    ("PRelu", _weighted("PRelu", (1,))),
    ("Pad", _listed("Pad", [0, 0, 1, 1, 0, 0, 1, 1])),
    ("ReduceMean", _listed("ReduceMean", [1])),
    ("ReduceMean", _listed("ReduceMean", [1, 2])),
    ("Relu", _plain("Relu")),
    ("Reshape", _listed("Reshape", [3, 16])),
    ("Resize", _resized("linear")),
    ("Resize", _resized("nearest")),
    ("Sigmoid", _plain("Sigmoid")),
    ("Slice", _listed("Slice", [1], [2], [1])),
    ("Softmax", _plain("Softmax")),
    ("Split", _listed("Split", [3], axis=1)),
    ("Squeeze", _listed("Squeeze", [0])),
    ("Sub", _twice("Sub")),
    ("Tanh", _plain("Tanh")),
    ("Transpose", _plain("Transpose")),
    ("Unsqueeze", _listed("Unsqueeze", [0])),
)
BORDERS = {"QuantizeLinear", "DequantizeLinear"}
RESCALED = {"Clip", "Concat", "Max", "Min", "Relu"}
"""They ask for a rule where the result has another scale."""


def _words(op: str, build: Build) -> set[str]:
    model = QdqModel()
    x = model.qdq(model.float_input("x", SHAPE), SCALE, 0, np.int8)
    scale = SCALE * 2 if op in RESCALED else SCALE
    model.output(model.qdq(build(model, x), scale, 0, np.int8))
    return words_of(import_onnx(model.model(), "small"))


def test_every_operator_on_real_numbers_is_tried() -> None:
    assert set(REAL) == {op for op, _ in CASES} | BORDERS


@pytest.mark.parametrize("op", sorted({op for op, _ in CASES}))
def test_an_operator_becomes_what_its_reader_says(op: str) -> None:
    found = {word for name, build in CASES if name == op for word in _words(op, build)}
    stated = set(REAL[op].becomes)
    # Input and output are float32.
    found, stated = found - {BORDER}, stated - {BORDER}
    if stated and stated != {MOVE}:
        # Planes are turned to NHWC, vectors taken from them.
        found, stated = found - {MOVE}, stated - {MOVE}
    assert found == stated


def test_every_word_of_a_reader_is_one_of_the_rules_or_explained() -> None:
    tables = (REAL, ON_CODES, QONNX, QUANTIZERS, TFLITE)
    words = {word for table in tables for reader in table.values() for word in reader.becomes}
    rules = {word for table in RULE_OPS.values() for word in table}
    # No frontend asks for the identity as a function.
    assert words == (rules | set(WITHOUT_RULE)) - {"identity"}
