# SPDX-License-Identifier: Apache-2.0
"""What is read from operators on codes, and what is refused; their bits are in ``tests/peers``."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto

from intaglio.compiler.ir import scaled
from intaglio.errors import UnsupportedModel
from intaglio.frontends.onnx import import_onnx
from intaglio.frontends.onnx.qoperator.operators import OPERATORS
from intaglio.frontends.onnx.qoperator.places import OPERANDS
from tests.frontends.onnx.comparing import ops_of
from tests.frontends.onnx.qdq_models import QdqModel

SHAPE = (1, 3, 4, 4)
SCALE = 2.0**-4
MICROSOFT = "com.microsoft"


def parameters(model: QdqModel, name: str, scale: Any = SCALE, zero: Any = 3) -> list[str]:
    return list(model.parameters(name, np.array(scale, np.float32), np.array(zero, np.uint8)))


def operand(model: QdqModel, name: str) -> list[str]:
    return [model.codes_input(name, SHAPE, np.uint8), *parameters(model, name)]


def weights(model: QdqModel) -> list[str]:
    stored = model.array("w", np.ones((5, 3, 1, 1), np.int8))
    zeros = model.array("w_zero", np.zeros(5, np.int8))
    return [stored, model.array("w_scale", np.full(5, SCALE, np.float32)), zeros]


def problem(model: QdqModel) -> str:
    with pytest.raises(UnsupportedModel) as caught:
        import_onnx(model.model(), "small")
    (only,) = caught.value.problems
    return only


def test_every_operator_has_its_operands_stated() -> None:
    assert set(OPERATORS) == set(OPERANDS) - {"DequantizeLinear"} | {"QLinearConcat"}


def test_a_bias_is_in_the_scale_of_the_products() -> None:
    model = QdqModel()
    operands = [*operand(model, "x"), *weights(model), *parameters(model, "y", 0.5)]
    operands.append(model.array("bias", np.arange(5, dtype=np.int32)))
    model.output(model.node("QLinearConv", operands, "y"), TensorProto.UINT8)
    graph = import_onnx(model.model(), "small")
    ((node, _),) = graph.nodes_of(scaled.Conv2d)
    bias = graph.type_of(node.operands[2])
    assert bias.scaled.axis == 0
    assert {scale.value for scale in bias.scaled.scales} == {SCALE * SCALE}


def test_inputs_have_the_scale_that_their_reader_states() -> None:
    model = QdqModel()
    operands = [*operand(model, "a"), *operand(model, "b"), *parameters(model, "y", 0.5, 9)]
    model.output(model.node("QLinearAdd", operands, "y", domain=MICROSOFT), TensorProto.UINT8)
    graph = import_onnx(model.model(), "small")
    assert ops_of(graph) == ["Add"]
    assert [given.type.scaled.zero_point for given in graph.inputs] == [3, 3]
    (node,) = graph.nodes
    assert (node.type.scaled.scale.value, node.type.scaled.zero_point) == (0.5, 9)


def test_two_readers_may_state_different_scales() -> None:
    model = QdqModel()
    x = operand(model, "x")
    first = [*x, *parameters(model, "first", 1 / 256, 0)]
    second = [x[0], *parameters(model, "other", 0.5, 9), *parameters(model, "second", 1 / 256, 0)]
    for name, operands in (("first", first), ("second", second)):
        model.output(
            model.node("QLinearSigmoid", operands, name, domain=MICROSOFT), TensorProto.UINT8
        )
    graph = import_onnx(model.model(), "small")
    assert ops_of(graph) == ["Unary", "Reinterpret", "Unary"]


def _real_operand(model: QdqModel) -> str:
    operands = [model.float_input("x", SHAPE), *parameters(model, "x"), *parameters(model, "y")]
    return model.node("QLinearSigmoid", operands, "y", domain=MICROSOFT)


def _sixteen_bits(model: QdqModel) -> str:
    x = model.codes_input("x", SHAPE, np.int16)
    zero = model.array("x_zero", np.int16(0))
    scale = model.array("x_scale", np.float32(SCALE))
    operands = [x, scale, zero, *parameters(model, "y")]
    return model.node("QLinearSigmoid", operands, "y", domain=MICROSOFT)


def _computed_scale(model: QdqModel) -> str:
    codes, _, zero = operand(model, "x")
    scale = model.float_input("scale", ())
    operands = [codes, scale, zero, *parameters(model, "y")]
    return model.node("QLinearSigmoid", operands, "y", domain=MICROSOFT)


def _scale_by_row(model: QdqModel) -> str:
    operands = [model.codes_input("x", SHAPE, np.uint8)]
    operands += parameters(model, "x", [SCALE] * 3, [3] * 3)
    operands += parameters(model, "y")
    return model.node("QLinearSigmoid", operands, "y", domain=MICROSOFT)


def _computed_weights(model: QdqModel) -> str:
    operands = [*operand(model, "x"), *operand(model, "w"), *parameters(model, "y")]
    return model.node("QLinearConv", operands, "y")


def _other_layout(model: QdqModel) -> str:
    operands = [*operand(model, "x"), *parameters(model, "y")]
    return model.node("QLinearGlobalAveragePool", operands, "y", domain=MICROSOFT, channels_last=1)


def _float_bias(model: QdqModel) -> str:
    operands = [*operand(model, "x"), *weights(model), *parameters(model, "y")]
    operands.append(model.array("bias", np.ones(5, np.float32)))
    return model.node("QLinearConv", operands, "y")


def _no_result_scale(model: QdqModel) -> str:
    flat = model.codes_input("x", (2, 3), np.uint8)
    stored = model.array("w", np.ones((3, 5), np.int8))
    operands = [flat, *parameters(model, "x"), stored, *weights(model)[1:]]
    return model.node("QGemm", operands, "y", domain=MICROSOFT)


def _zero_scale(model: QdqModel) -> str:
    operands = [*operand(model, "x"), *parameters(model, "y", 0.0)]
    return model.node("QLinearSigmoid", operands, "y", domain=MICROSOFT)


def _missing_operands(model: QdqModel) -> str:
    return model.node("QLinearAdd", operand(model, "x"), "y", domain=MICROSOFT)


def _wrong_domain(model: QdqModel) -> str:
    operands = [*operand(model, "x"), *parameters(model, "y")]
    return model.node("QLinearSigmoid", operands, "y")


def _cast_to_half(model: QdqModel) -> str:
    return model.node("Cast", [operand(model, "x")[0]], "y", to=TensorProto.FLOAT16)


@pytest.mark.parametrize(
    ("build", "reason"),
    [
        (_real_operand, "its operand 1 holds real numbers; codes are expected"),
        (_sixteen_bits, "its operand 1 is of type i16; expected operands of 8-bit codes"),
        (_computed_scale, "computes its operand 2; expected constant scales and zero points"),
        (_scale_by_row, "states 3 scales for one activation; one is expected"),
        (_computed_weights, "computes its weights; expected constant weights"),
        (_other_layout, "sets channels_last; expected channels as axis 1"),
        (_float_bias, "its operand 9 is no constant int32 bias"),
        (_no_result_scale, "gives real numbers; expected a scale for the result"),
        (_zero_scale, "its scale isn't positive and finite"),
        (_missing_operands, "lacks its operand 4"),
        (_wrong_domain, "the op is not supported"),
        (_cast_to_half, "casts to type 10; expected float32 (1) as its result"),
    ],
)
def test_what_is_refused(build: Callable[[QdqModel], str], reason: str) -> None:
    model = QdqModel()
    model.output(build(model), TensorProto.UINT8)
    assert reason in problem(model)
