# SPDX-License-Identifier: Apache-2.0
"""Other people's quantizers, each in a process of the environment that it lives in."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.networks import Network
from benchmarks.peer_images import PeerImages
from intaglio.commands.peers.catalog import Environment
from intaglio.commands.peers.environments import python_of
from intaglio.errors import MissingPeer

ADAPTERS = Path(__file__).with_name("quantizers")


@dataclass(frozen=True, slots=True)
class Tool:
    """A quantizer, and where it runs; None is our own environment."""

    name: str
    adapter: str
    environment: Environment | None


@dataclass(frozen=True, slots=True)
class Method:
    """One way of a tool.

    Attributes:
        tool: the quantizer.
        method: how it finds ranges, in its adapter's words.
        equalize: whether it equalizes across layers before.
        data: what it observes, ``images`` or ``noise``.
        weights: the granularities to measure; ``float`` is the float network as the tool leaves it.
    """

    tool: Tool
    method: str
    equalize: bool
    data: str
    weights: tuple[str, ...] = ("per-tensor", "per-channel")


@dataclass(frozen=True, slots=True)
class Measured:
    """What a tool reached on a network.

    Attributes:
        network: its name.
        tool: the program with its version.
        method: how ranges were found, and whether the layers were equalized before.
        data: what was observed; nothing by a float network.
        weights: per-tensor, per-channel or float.
        top1: percent of the evaluated images; None where it refused.
        images: how many were evaluated.
        seconds: that quantizing took; None where it refused.
        refused: why.
    """

    network: str
    tool: str
    method: str
    data: str
    weights: str
    top1: float | None
    images: int
    seconds: float | None
    refused: str | None = None


def measure(
    network: Network, methods: Sequence[Method], images: PeerImages, folder: Path
) -> Iterator[Measured]:
    """Every method of one tool, one by one."""
    tool = methods[0].tool
    runs = [
        {
            "name": f"{number}/{weights}",
            "weights": weights,
            "method": method.method,
            "equalize": method.equalize,
            "calibration": str(images.files[method.data]),
        }
        for number, method in enumerate(methods)
        for weights in method.weights
    ]
    request = folder / "request.json"
    request.write_text(
        json.dumps(
            {
                "model": str(network.path(network.model)),
                "evaluation": str(images.files["evaluation"]),
                "batch": network.batch,
                "folder": str(folder),
                "runs": runs,
            }
        )
    )
    program = tool.name
    for answer in _answers(tool, request):
        program = answer.get("program", program)
        if "run" not in answer:
            continue
        number, _, weights = answer["run"].partition("/")
        method = methods[int(number)]
        top1 = None
        if "predictions" in answer:
            predicted: NDArray[np.int64] = np.load(answer["predictions"])
            right = np.count_nonzero(np.equal(predicted, images.labels))
            top1 = round(100 * right / len(predicted), 2)
        yield Measured(
            network.name,
            program,
            _words(method, weights),
            "" if weights == "float" else method.data,
            weights,
            top1,
            len(images.labels),
            answer.get("quantizing_seconds"),
            answer.get("refused"),
        )


def _words(method: Method, weights: str) -> str:
    if weights == "float":
        return "float after equalization" if method.equalize else "float"
    return f"equalization, {method.method}" if method.equalize else method.method


def _answers(tool: Tool, request: Path) -> Iterator[dict[str, Any]]:
    """The adapter's lines; what it lacks or how it ended is a refusal of what it didn't answer."""
    waiting = [run["name"] for run in json.loads(request.read_text())["runs"]]
    try:
        python = sys.executable if tool.environment is None else str(python_of(tool.environment))
    except MissingPeer as error:
        yield from ({"run": name, "refused": str(error)} for name in waiting)
        return
    own = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    log = request.with_suffix(".log")
    with (
        log.open("w") as words,
        subprocess.Popen(
            [python, str(ADAPTERS / tool.adapter), str(request)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=words,
            text=True,
            env=own,
        ) as process,
    ):
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("{"):
                answer: dict[str, Any] = json.loads(line)
                waiting = [name for name in waiting if name != answer.get("run")]
                yield answer
    last = " ".join(log.read_text(errors="replace").split())[-200:]
    for name in waiting:
        yield {"run": name, "refused": f"it ended with {process.returncode}: {last}"}
