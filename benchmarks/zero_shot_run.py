# SPDX-License-Identifier: Apache-2.0
"""One case of ``benchmarks.zero_shot``: quantized without real data, then held against it."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.folded_network import write_folded_network
from benchmarks.integer_accuracy import Accuracy, integer_accuracy
from benchmarks.networks import ROOT, Network, data_folder
from benchmarks.without_data import Facts, facts_of
from benchmarks.zero_shot_cases import WEIGHTS, Case
from intaglio.compiler.real.load import load_model

CALIBRATION = 100


@dataclass(frozen=True, slots=True)
class Result:
    """One case with one seed.

    Attributes:
        key: equal to that of a case whose result this is.
        network: its name.
        setting: of the case that asked for it first.
        options: of the command line, without those that name files and inputs.
        seed: of the data.
        did: what making the data was, in words.
        last_loss: of making it, None where nothing was optimized.
        data_seconds: from the start of the process to the data on disk.
        seconds: of the whole process.
        peak_mebibytes: of its memory.
        accuracy: of the integers, None where the case was refused.
        refused: the sentence.
    """

    key: str
    network: str
    setting: str
    options: str
    seed: int
    did: str
    last_loss: float | None
    data_seconds: float | None
    seconds: float
    peak_mebibytes: float
    accuracy: Accuracy | None
    refused: str | None = None


@dataclass(frozen=True, slots=True)
class Finished:
    """A run of the command line.

    Attributes:
        facts: of the process.
        seconds: that it took.
        answer: what it printed as JSON; empty where it refused.
        refused: the sentence with which it did.
    """

    facts: Facts
    seconds: float
    answer: dict[str, Any]
    refused: str | None


def measure(case: Case, seed: int, images: int | None) -> Result:
    """Quantize a case in a process of its own, and evaluate what it wrote.

    Raises:
        RuntimeError: the process read real data that it may not, or failed.
    """
    with TemporaryDirectory() as name:
        folder = Path(name)
        model, output, data = (folder / name for name in ("net.onnx", "net.q.onnx", "made.npz"))
        copy_network(case.network, model, folded=case.folded)
        arguments = ("quantize", model, "-o", output, *_arguments(case, seed, model, data))
        began = time.time()
        synthesizes = case.choices.synthesizes
        finished = run_guarded(folder, arguments, forbidden=synthesizes)
        accuracy = None
        if finished.refused is None:
            accuracy = integer_accuracy(
                case.network,
                load_model(case.network.path(case.network.model)),
                load_model(output),
                limit=images,
            )
        did = "".join(
            step["summary"]
            for step in finished.answer.get("steps", ())
            if step["name"] == "synthesize"
        )
        loss = re.search(r"loss \S+ -> ([^\s,]+)", did)
        return Result(
            key=case.key(seed, images),
            network=case.network.name,
            setting=case.setting,
            options=" ".join(_options(case)),
            seed=seed,
            did=did,
            last_loss=float(loss[1]) if loss else None,
            data_seconds=data.stat().st_mtime - began if data.exists() else None,
            seconds=finished.seconds,
            peak_mebibytes=finished.facts.peak_mebibytes,
            accuracy=accuracy,
            refused=finished.refused,
        )


def copy_network(network: Network, target: Path, *, folded: bool = False) -> None:
    """The file of a network outside of the data folder."""
    source = network.path(network.model)
    if folded:
        write_folded_network(source, target)
    else:
        shutil.copyfile(source, target)


def run_guarded(
    folder: Path, arguments: Sequence[str | Path], *, forbidden: bool = True
) -> Finished:
    """Run the command line; where the data folder is forbidden, it seems to be absent too.

    Raises:
        RuntimeError: the process read real data that it may not, or failed.
    """
    facts, absent = folder / "facts.json", folder / "absent"
    out_of_bounds = data_folder() if forbidden else absent
    began = time.perf_counter()
    done = subprocess.run(
        [
            *(sys.executable, "-m", "benchmarks.without_data", facts, out_of_bounds),
            *arguments,
            *("--quiet", "--json"),
        ],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "INTAGLIO_DATA": str(absent)},
        capture_output=True,
        text=True,
        check=False,
    )
    seconds = time.perf_counter() - began
    # A process that was killed leaves no facts.
    if not facts.exists() or done.returncode not in (0, 2):
        raise RuntimeError(f"it ended with {done.returncode}: {done.stderr[-2000:]}")
    found = facts_of(facts)
    if found.opened:
        raise RuntimeError(f"real data was opened: {', '.join(found.opened)}")
    if done.returncode:
        sentence = " ".join(done.stderr.split()).replace(f"{folder}{os.sep}", "")
        return Finished(found, seconds, {}, sentence)
    return Finished(found, seconds, json.loads(done.stdout), None)


def _options(case: Case) -> list[str]:
    found = ["--recipe", case.recipe, "--bits", case.bits, "--weights", WEIGHTS]
    for option in case.options:
        found += ["--set", option]
    return found


def _arguments(case: Case, seed: int, model: Path, data: Path) -> list[str | Path]:
    network = case.network
    found: list[str | Path] = [*_options(case)]
    if case.input_range is not None:
        (name,) = (value.name or "" for value in load_model(model).graph.inputs)
        low, high = case.input_range
        found += ["--input-range", f"{name}={low:g},{high:g}"]
    if case.choices.synthesizes:
        found += ["--save-data", data, "--set", f"seed={seed}"]
        return found if case.input_range else [*found, "--preprocessing", network.preprocessing]
    found += ["--calibration", network.path(network.calibration), "--samples", str(CALIBRATION)]
    if network.label_file is not None and network.calibration == network.images:
        found += ["--labels", network.label_file]
    return [*found, "--preprocessing", network.preprocessing]
