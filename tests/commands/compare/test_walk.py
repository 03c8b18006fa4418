# SPDX-License-Identifier: Apache-2.0
"""The walk over a model's steps, with a peer that answers as it is told."""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest

from intaglio.commands.compare import (
    PeerComparison,
    Subject,
    compare_with_peer,
    open_subject,
    random_samples,
    walk,
)
from intaglio.commands.peers.catalog import Peer
from intaglio.commands.peers.running import Answer, Job, Result, run_peer
from intaglio.numerics.profile import load_profile
from tests.frontends.onnx.qdq_models import QdqModel

Tamper = Callable[[Result], Result]


@pytest.fixture
def subject(tmp_path: Path) -> Subject:
    """Three steps: x quantized, added to itself, and dequantized."""
    model = QdqModel()
    x = model.qdq(model.float_input("x", ("n", 5)), 0.1, 3)
    total = model.q(model.node("Add", [x, x], "total"), 0.2, 5)
    scale, zero = model.nodes[-1].input[1:]
    model.node("DequantizeLinear", [total, scale, zero], "y")
    model.output("y", shape=("n", 5))
    path = tmp_path / "net.onnx"
    path.write_bytes(model.proto().SerializeToString())
    return open_subject(path, Peer.ONNXRUNTIME)


def compared(
    subject: Subject, monkeypatch: pytest.MonkeyPatch, tampered: dict[int, Tamper], count: int = 3
) -> PeerComparison:
    def answer(peer: Peer, jobs: Sequence[Job]) -> Answer:
        honest = run_peer(peer, jobs)
        results = [
            tampered[at](result) if at in tampered else result
            for at, result in enumerate(honest.results)
        ]
        return replace(honest, results=tuple(results))

    monkeypatch.setattr(walk, "run_peer", answer)
    return compare_with_peer(
        subject,
        Peer.ONNXRUNTIME,
        load_profile("ort-x86-vnni"),
        random_samples(subject, count, 0),
        lambda label: nullcontext(lambda done, total: None),
    )


def flipped(run: int, index: int) -> Tamper:
    """Another value at one place."""

    def flip(result: Result) -> Result:
        (output,) = result.outputs
        values = [array.copy() for array in output.values]
        values[run][0, index] += np.asarray(1, values[run].dtype)
        return replace(result, outputs=(replace(output, values=tuple(values)),))

    return flip


def test_the_steps_of_a_model(subject: Subject) -> None:
    assert [(step.results, step.operands, step.op) for step in subject.steps] == [
        (("x_q",), ("x",), "QuantizeLinear"),
        (("total_q",), ("x_q",), "Add"),
        (("y",), ("total_q",), "DequantizeLinear"),
    ]


def test_dead_nodes_and_constants_are_no_steps(tmp_path: Path) -> None:
    model = QdqModel()
    x = model.dq(model.codes_input("x", (1, 4), np.uint8), 0.5)
    weights = model.qdq(model.array("w", np.ones((1, 4), np.float32)), 0.5)
    model.qdq(model.node("Relu", [x], "unused"), 0.5)
    model.output(model.q(model.node("Add", [x, weights], "y"), 0.5), onnx.TensorProto.UINT8, (1, 4))
    path = tmp_path / "net.onnx"
    path.write_bytes(model.proto().SerializeToString())
    subject = open_subject(path, Peer.ONNXRUNTIME)
    assert [(step.results, step.operands) for step in subject.steps] == [(("y_q",), ("x",))]


def test_all_equal(subject: Subject, monkeypatch: pytest.MonkeyPatch) -> None:
    found = compared(subject, monkeypatch, {}, count=19)
    assert found.divergences == ()
    assert (found.samples, found.tensors, found.values) == (19, 3, 19 * 15)


def test_the_first_in_the_model_is_first_whichever_sample_shows_it(
    subject: Subject, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = compared(subject, monkeypatch, {2: flipped(2, 4), 3: flipped(0, 1)})
    first, second = found.divergences
    assert (first.tensor, first.sample, first.index) == ("total_q", 2, (0, 4))
    assert int(first.theirs) == int(first.ours) + 1
    assert (first.differing, first.values, first.alone) == (1, 15, True)
    assert (second.tensor, second.sample, second.index) == ("y", 0, (0, 1))
    assert first.explained_by == ()


def test_samples_are_counted_over_all_batches(
    subject: Subject, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = compared(subject, monkeypatch, {1: flipped(0, 0)}, count=17)
    assert (found.divergences[0].sample, found.divergences[0].differing) == (0, 3)
    assert found.divergences[0].values == 17 * 5


def test_what_the_whole_alone_shows(subject: Subject, monkeypatch: pytest.MonkeyPatch) -> None:
    found = compared(subject, monkeypatch, {0: flipped(1, 2)})
    (divergence,) = found.divergences
    assert (divergence.tensor, divergence.alone) == ("y", False)
    assert (divergence.sample, divergence.index) == (1, (0, 2))
