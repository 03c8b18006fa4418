# SPDX-License-Identifier: Apache-2.0
"""QONNX models in steps, and every one of their tensors in qonnx."""

from contextlib import nullcontext
from pathlib import Path

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from onnx import TensorProto, helper, numpy_helper

from intaglio.commands.compare import compare_with_peer, open_subject, random_samples
from intaglio.commands.compare.qonnx_subject import QonnxSubject
from intaglio.commands.peers.catalog import Peer
from intaglio.commands.peers.environments import demand
from intaglio.errors import InvalidFile, MissingPeer
from intaglio.frontends.onnx import import_onnx
from intaglio.numerics.profile import load_profile
from tests.frontends.onnx.qdq_models import QdqModel

Constants = list[onnx.TensorProto]


def quantized(nodes: list[onnx.NodeProto], constants: Constants, x: str, scale: float) -> str:
    """``x`` in six bits."""
    names: list[str] = []
    for part, value in (("scale", scale), ("zero", 0.0), ("bits", 6.0)):
        names.append(f"{x}_{part}")
        constants.append(numpy_helper.from_array(np.array(value, np.float32), names[-1]))
    result = f"{x}.quant"
    nodes.append(
        helper.make_node(
            "Quant",
            [x, *names],
            [result],
            name=f"{x}_node",
            domain="qonnx.custom_op.general",
            signed=1,
            narrow=0,
            rounding_mode="ROUND",
        )
    )
    return result


@pytest.fixture
def subject(tmp_path: Path) -> QonnxSubject:
    """Two matrix products of quantized values; a dyadic scale leaves nothing to float32."""
    nodes: list[onnx.NodeProto] = []
    constants: Constants = []
    rng = np.random.default_rng(0)
    value = quantized(nodes, constants, "x", 0.25)
    for layer in ("first", "second"):
        weights = rng.integers(-9, 9, (8, 8)).astype(np.float32) / 16
        constants.append(numpy_helper.from_array(weights, f"{layer}_weights"))
        product = quantized(nodes, constants, f"{layer}_weights", 0.0625)
        nodes.append(helper.make_node("MatMul", [value, product], [layer], name=f"{layer}_node"))
        value = quantized(nodes, constants, layer, 0.5)
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 8])]
    outputs = [helper.make_tensor_value_info(value, TensorProto.FLOAT, ["n", 8])]
    proto = helper.make_model(
        helper.make_graph(nodes, "small", inputs, outputs, initializer=constants),
        opset_imports=[
            helper.make_opsetid("", 13),
            helper.make_opsetid("qonnx.custom_op.general", 1),
        ],
        ir_version=8,
    )
    path = tmp_path / "net.onnx"
    path.write_bytes(proto.SerializeToString())
    return QonnxSubject.of(path, import_onnx(ir.from_proto(proto), "net"))


def test_a_step_is_a_node_whose_tensor_the_graph_holds(subject: QonnxSubject) -> None:
    steps = [(step.results, step.operands, step.op) for step in subject.steps]
    assert (("first.quant",), ("first",), "Quant") in steps
    assert (("second",), ("first.quant",), "MatMul") in steps
    assert steps[0] == (("x.quant",), ("x",), "Quant")


def test_codes_are_shown_as_the_reals_they_stand_for(subject: QonnxSubject) -> None:
    shown = subject.shown("first.quant", np.array([[-3, 0, 7]], np.int8))
    assert shown.dtype == np.float32
    assert shown.tolist() == [[-1.5, 0.0, 3.5]]


@pytest.mark.peer
def test_every_tensor_in_qonnx(subject: QonnxSubject) -> None:
    try:
        demand(Peer.QONNX)
    except MissingPeer as error:
        pytest.skip(str(error))
    found = compare_with_peer(
        subject,
        Peer.QONNX,
        load_profile("qonnx"),
        random_samples(subject, 20, 0),
        lambda label: nullcontext(lambda done, total: None),
    )
    assert found.divergences == ()
    assert (found.tensors, found.values) == (5, 5 * 8 * 20)


def test_a_model_of_other_nodes_is_sent_to_onnx_runtime(tmp_path: Path) -> None:
    model = QdqModel()
    x = model.qdq(model.float_input("x", (1, 4)), 0.5)
    model.output(model.qdq(model.node("Relu", [x], "y"), 0.5), shape=(1, 4))
    path = tmp_path / "net.onnx"
    path.write_bytes(model.proto().SerializeToString())
    with pytest.raises(InvalidFile, match="it has no node of QONNX; compare it with onnxruntime"):
        open_subject(path, Peer.QONNX)
