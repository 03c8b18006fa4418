# SPDX-License-Identifier: Apache-2.0
"""``intaglio compare``: equal, different, and what can't be compared."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import onnx
import pytest

from tests.cli.running import DIGITS, ROOT, done, intaglio
from tests.frontends.onnx.qdq_models import QdqModel


@pytest.fixture
def ties(tmp_path: Path) -> Path:
    """A sum of two codes whose scales are powers of two: half of all results are ties."""
    model = QdqModel()
    operands = [
        model.dq(model.codes_input(name, (1, 64), np.uint8), 0.25, 3) for name in ("a", "b")
    ]
    total = model.node("Add", operands, "total")
    model.output(model.q(total, 0.5, 7), onnx.TensorProto.UINT8, (1, 64))
    path = tmp_path / "ties.onnx"
    path.write_bytes(model.proto().SerializeToString())
    return path


def test_an_equal_model_is_two_lines(quantized: Path) -> None:
    first, second = done("compare", quantized, "--against", "onnxruntime").splitlines()
    assert first.startswith("digits.qdq.onnx under ort-x86-vnni equals onnxruntime 1.")
    assert first.endswith(" on every bit")
    assert second == "21 tensors, 56,656 values, 4 samples"


def test_samples_of_a_data_set(quantized: Path) -> None:
    data = DIGITS / "heldout.npz"
    printed = done(
        "compare", quantized, "--against", "onnxruntime", "--data", data, "--limit", "9", "--json"
    )
    facts = json.loads(printed)
    assert (facts["equal"], facts["samples"], facts["divergences"]) == (True, 9, [])
    assert facts["values"] == 56656 // 4 * 9


def test_the_first_divergence_and_what_explains_it(ties: Path) -> None:
    finished = intaglio("compare", ties, "--against", "onnxruntime", "--profile", "single-rounding")
    assert (finished.code, finished.err) == (1, "")
    lines = finished.out.splitlines()
    assert lines[0].startswith("ties.onnx under single-rounding differs from onnxruntime 1.")
    assert max(map(len, lines)) <= 80
    cells = dict(line.strip("│ ").split(" │ ", 1) for line in lines if line.startswith("│"))
    found = {name.strip(): value.strip() for name, value in cells.items()}
    assert found["tensor"] == "total_q"
    assert found["op"] == "Add, node total_node"
    assert abs(int(found["ours"]) - int(found["onnxruntime"])) == 1
    assert "ort-x86-vnni" in found["explained by"].split(", ")


def test_scripts_get_the_divergence(ties: Path) -> None:
    arguments = ("compare", ties, "--against", "onnxruntime", "--profile", "tflm", "--json")
    finished = intaglio(*arguments, "--random", "20", "--seed", "5")
    assert finished.code == 1
    facts = json.loads(finished.out)
    (divergence,) = facts["divergences"]
    assert (facts["equal"], facts["samples"], facts["values"]) == (False, 20, 20 * 64)
    assert divergence["values"] == 20 * 64
    # Ties are half of all sums, and the rules agree on half of the ties.
    assert 0.15 < divergence["differing"] / divergence["values"] < 0.35
    assert intaglio(*arguments, "--random", "20", "--seed", "5").out == finished.out
    assert intaglio(*arguments, "--random", "20", "--seed", "6").out != finished.out


def test_the_profile_of_the_peer_is_taken(ties: Path) -> None:
    printed = done("compare", ties, "--against", "onnxruntime", "--random", "20")
    assert printed.startswith("ties.onnx under ort-x86-vnni equals ")


def test_a_missing_environment_says_what_makes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INTAGLIO_PEERS", str(tmp_path / "none"))
    finished = intaglio("compare", tmp_path / "net.tflite", "--against", "tflm")
    assert (finished.code, finished.out) == (2, "")
    assert "make it with `intaglio compare --setup litert`" in finished.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("net.onnx",), "--against PEER"),
        (("--against", "onnxruntime"), "--against PEER"),
        (("net.onnx", "--against", "tvm"), "'tvm' is not one of"),
        (("net.intaglio", "--against", "onnxruntime"), "onnxruntime doesn't read such a file"),
        (("net.tflite", "--against", "onnxruntime"), "give the .onnx file that it runs"),
        (("net.onnx", "--against", "onnxruntime", "--data", "a", "--random", "3"), "leave one out"),
        (("--setup", "nothing"), "no peer has this name"),
        (("absent.onnx", "--against", "onnxruntime"), "can't be read"),
    ],
)
def test_wrong_usage_is_a_sentence(arguments: tuple[str, ...], words: str) -> None:
    finished = intaglio("compare", *arguments)
    assert (finished.code, finished.out) == (2, "")
    assert words in " ".join(finished.err.replace("│", " ").split())


def test_a_float_model_is_sent_to_quantize() -> None:
    finished = intaglio("compare", DIGITS / "digits.onnx", "--against", "onnxruntime")
    assert finished.code == 2
    assert "run `intaglio quantize` on it first" in finished.err


def test_an_environment_that_needs_none() -> None:
    assert done("compare", "--setup", "onnxruntime") == ""


def test_an_interrupt_is_quiet_and_leaves_nothing(tmp_path: Path, quantized: Path) -> None:
    command = [sys.executable, "-m", "intaglio.cli", "compare", str(quantized)]
    process = subprocess.Popen(
        [*command, "--against", "onnxruntime", "--random", "1000000"],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # A shell's background job ignores interrupts, and so would everything below it.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    deadline = time.monotonic() + 30
    while not any(tmp_path.rglob("request.npz")) and time.monotonic() < deadline:
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (130, "", "")
    assert list(tmp_path.iterdir()) == []
