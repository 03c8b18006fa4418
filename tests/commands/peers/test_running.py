# SPDX-License-Identifier: Apache-2.0
"""Models in a process of the peer: arrays in, arrays out, and a sentence where it fails."""

from pathlib import Path

import numpy as np
import pytest

from intaglio.commands.peers import running
from intaglio.commands.peers.catalog import Peer
from intaglio.commands.peers.running import DescribedOperator, Job, Operand, WholeModel, run_peer
from intaglio.errors import PeerFailed
from tests.cli.running import DIGITS

LITERT_PEERS = (
    Peer.LITERT_REF,
    Peer.LITERT_OPT,
    Peer.LITERT,
    Peer.LITERT_REF_1_2,
    Peer.TFLM,
)


def test_a_model_in_onnx_runtime() -> None:
    content = (DIGITS / "digits.onnx").read_bytes()
    rng = np.random.default_rng(0)
    runs = [[rng.random((1, 1, 8, 8), np.float32)] for _ in range(2)]
    answer = run_peer(Peer.ONNXRUNTIME, [Job("digits", WholeModel(content), runs)])
    assert answer.program.startswith("onnxruntime ")
    (output,) = answer.results[0].outputs
    assert [array.shape for array in output.values] == [(1, 10), (1, 10)]
    assert (output.values[0] != output.values[1]).any()


def test_the_last_words_of_a_peer_that_refuses() -> None:
    with pytest.raises(PeerFailed, match=r"^onnxruntime: it refused at mine: InvalidProtobuf: .*"):
        run_peer(Peer.ONNXRUNTIME, [Job("mine", WholeModel(b"no model"), [])])


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("import os, sys; print('job: a\\nwoe', file=sys.stderr, flush=True); os.abort()",
         "onnxruntime: it was ended by SIGABRT at a; its last words: woe; "),
        ("raise SystemExit(3)", "onnxruntime: it failed; its last words: none; "),
        ("import time; time.sleep(60)", "onnxruntime: it was stopped after 0.5 seconds; "),
    ],
)  # fmt: skip
def test_a_peer_that_ends_in_another_way(
    code: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "run_onnxruntime.py").write_text(code)
    monkeypatch.setattr(running, "_ADAPTERS", tmp_path)
    with pytest.raises(PeerFailed) as caught:
        run_peer(Peer.ONNXRUNTIME, [], timeout=0.5 if "sleep" in code else 60)
    assert str(caught.value).startswith(said)


@pytest.mark.peer
@pytest.mark.parametrize("peer", LITERT_PEERS, ids=lambda peer: peer.value)
def test_an_operator_in_each_runtime_of_tflite(peer: Peer) -> None:
    operand = Operand((1, 4), "int8", (0.5,), (3,))
    model = DescribedOperator(
        "ADD", (operand, operand), (operand,), "AddOptions", {"fusedActivationFunction": 0}
    )
    codes = np.array([[3, 4, 127, -128]], np.int8)
    answer = run_peer(peer, [Job("sum", model, [[codes, codes]], every_tensor=True)])
    (result,) = answer.results
    assert result.outputs[0].values[0].tolist() == [[3, 5, 127, -128]]
    assert result.delegated == (peer is Peer.LITERT)
    if peer is not Peer.LITERT:
        assert [(tensor.name, tensor.index) for tensor in result.tensors] == [("t2", 2)]
        assert result.tensors[0].values[0].tolist() == [[3, 5, 127, -128]]
