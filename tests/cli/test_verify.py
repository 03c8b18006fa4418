# SPDX-License-Identifier: Apache-2.0
"""``intaglio verify`` on the digits network, under QEMU."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from intaglio.commands.verify import verification
from intaglio.compiler.ir.file import load
from intaglio.compiler.ir.graph import Array, Graph
from tests.cli.running import DIGITS, ROOT, done, intaglio

pytestmark = pytest.mark.emulated

HELDOUT = ("--data", DIGITS / "heldout.npz")


def test_every_output_and_every_instruction(lowered: Path) -> None:
    targets = ("--target", "cortex-m4", "--target", "aarch64")
    facts = json.loads(done("verify", lowered, *targets, *HELDOUT, "--samples", "3", "--json"))
    assert (facts["samples"], facts["random"], facts["trace"]) == (3, False, False)
    assert [found["target"] for found in facts["targets"]] == ["cortex-m4", "aarch64"]
    for found in facts["targets"]:
        assert (found["equal"], found["first"], found["programs"]) == (True, None, 1)
        assert (found["tensors"], found["values"]) == (1, 30)
        count = found["count"]
        assert count["stray_accesses"] == []
        assert 50 < count["stack_bytes"] < 4096
        each = sum(layer["instructions"] for layer in count["layers"])
        # Beside the layers there are only their calls.
        assert 0 <= count["instructions"] - each <= 12 * len(count["layers"])
        inspected = json.loads(done("inspect", lowered, "--json"))
        assert count["multiply_accumulates"] == inspected["multiply_accumulates"]


def test_a_trace_holds_every_tensor(lowered: Path) -> None:
    options = ("--target", "cortex-m55", "--samples", "2", "--trace", "--json")
    facts = json.loads(done("verify", lowered, *options))
    (found,) = facts["targets"]
    assert facts["source"] == "2 samples of random codes, seed 0"
    assert found["equal"]
    assert found["programs"] == 3
    # All but those that quantize and dequantize, which is the caller's.
    assert found["tensors"] == len(load(lowered).nodes) - 2


def test_the_first_difference_is_named(lowered: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    graph = load(lowered)
    name = graph.nodes[5].name
    simulated = verification.simulated

    def wrong(graph: Graph, run: Mapping[str, Array], names: set[str]) -> dict[str, Array]:
        values: dict[str, Any] = simulated(graph, run, names)
        if name in values:
            values[name] = values[name].copy()
            values[name].flat[-1] ^= 1
        return values

    monkeypatch.setattr(verification, "simulated", wrong)
    options = ("--target", "cortex-m4", "--samples", "2", "--no-count")
    assert intaglio("verify", lowered, *options).code == 0
    finished = intaglio("verify", lowered, *options, "--trace")
    assert finished.code == 1
    index = [extent - 1 for extent in graph.type_of(name).shape]
    index[0] = graph.type_of(name).shape[0] - 1
    assert f"the first is %{name}{index} of run 0: cortex-m4 has " in finished.out


def test_it_prints_a_table_of_layers(lowered: Path) -> None:
    printed = done("verify", lowered, "--target", "cortex-m7", "--samples", "1")
    assert "1 sample of random codes, seed 0" in printed
    assert "MACs an instruction" in printed
    assert (
        "cortex-m7 (mps2-an500) equals the simulator on every bit: 1 tensor, 10 values" in printed
    )


def test_what_is_no_target_is_refused(lowered: Path) -> None:
    finished = intaglio("verify", lowered, "--target", "cortex-m44")
    assert (finished.code, finished.out) == (2, "")
    assert "did you mean cortex-m4." in finished.err


def test_an_interrupt_leaves_nothing(lowered: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "intaglio.cli", "verify", str(lowered)]
    command += ["--target", "cortex-m4", "--samples", "50000"]
    environment = {**os.environ, "TMPDIR": str(tmp_path), "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        command,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        # A background job ignores interrupts, and its children with it.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    try:
        deadline = time.monotonic() + 60
        while not list(tmp_path.rglob("outputs.bin")) and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=30)
    finally:
        process.kill()
    assert process.returncode == 130, said
    assert "Traceback" not in said
    assert list(tmp_path.iterdir()) == []
