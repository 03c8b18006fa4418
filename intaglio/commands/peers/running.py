# SPDX-License-Identifier: Apache-2.0
"""Run models in a peer: one process for all of them, that gets and gives files of plain arrays."""

import json
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from intaglio.commands.peers.catalog import Peer
from intaglio.commands.peers.environments import python_of
from intaglio.errors import PeerFailed

Array = npt.NDArray[Any]

_ADAPTERS = Path(__file__).parent / "adapters"
_KEPT_WORDS = 400
_LONGEST = 600.0


@dataclass(frozen=True, slots=True)
class WholeModel:
    """A model file's bytes."""

    content: bytes


@dataclass(frozen=True, slots=True)
class OneOperator:
    """One operator of a .tflite model; its constants are operands still, its inputs the others."""

    content: bytes
    operator: int


@dataclass(frozen=True, slots=True)
class Operand:
    """A tensor of a described operator; without scales a plain one, such as a list of axes."""

    shape: tuple[int, ...]
    dtype: str
    scales: tuple[float, ...] = ()
    zero_points: tuple[int, ...] = ()
    axis: int = 0
    constant: Array | None = None


@dataclass(frozen=True, slots=True)
class DescribedOperator:
    """One operator in the words of TFLite's schema, of which the adapter makes a model."""

    name: str
    operands: tuple[Operand, ...]
    results: tuple[Operand, ...]
    options_type: str = ""
    options: Mapping[str, int | float | bool] = field(default_factory=dict[str, int | float | bool])


@dataclass(frozen=True, slots=True)
class Job:
    """A model and what to feed it.

    Attributes:
        label: what to call it where the peer fails on it.
        model: what to run.
        runs: for each run one array for each input of the model, in the model's order.
        every_tensor: whether each operator's results come back, besides the model's outputs.
    """

    label: str
    model: WholeModel | OneOperator | DescribedOperator
    runs: Sequence[Sequence[Array]]
    every_tensor: bool = False


@dataclass(frozen=True, slots=True)
class Tensor:
    """What a tensor of the model was.

    Attributes:
        name: its name in the model.
        index: its number in a .tflite model, where names may repeat; else -1.
        values: one array a run.
    """

    name: str
    index: int
    values: tuple[Array, ...]


@dataclass(frozen=True, slots=True)
class Result:
    """What a job gave: the outputs in the model's order, and the tensors in the order computed.

    ``delegated`` says whether a delegate took at least one operator.
    """

    outputs: tuple[Tensor, ...]
    tensors: tuple[Tensor, ...]
    delegated: bool


@dataclass(frozen=True, slots=True)
class Answer:
    """The program that ran, such as ``ai-edge-litert 2.3.0``, and a result for each job."""

    program: str
    results: tuple[Result, ...]


def run_peer(peer: Peer, jobs: Sequence[Job], timeout: float = _LONGEST) -> Answer:
    """Run every job in one process of the peer.

    Args:
        peer: the runtime.
        jobs: models and their inputs.
        timeout: seconds after which the process is ended.

    Raises:
        MissingPeer: its environment hasn't been made.
        PeerFailed: it refused a model, crashed or took too long.
    """
    about = peer.about
    if about.environment is None:
        python = [sys.executable]
    else:
        # Isolated from folders and variables of ours, which may hold other packages.
        python = [str(python_of(about.environment)), "-I"]
    with tempfile.TemporaryDirectory() as folder:
        request, answer = Path(folder) / "request.npz", Path(folder) / "answer.npz"
        np.savez(request, **_request(jobs))
        adapter = str(_ADAPTERS / about.adapter)
        command = [*python, adapter, peer.value, str(request), str(answer)]
        try:
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=timeout,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise PeerFailed(
                peer.value,
                f"it was stopped after {timeout:g} seconds",
                "compare fewer samples, or a smaller model",
            ) from error
        # A runtime may crash when it ends, after it has answered.
        if not answer.exists():
            raise _failure(peer, done.returncode, done.stderr)
        return _read(answer, jobs)


def _failure(peer: Peer, code: int, words: str) -> PeerFailed:
    """The last that was written: a refusal in full, and in front of it what the runtime logged."""
    before, _, after = words.rpartition("job: ")
    job, _, spoken = after.partition("\n")
    where = f" at {job}" if before or words.startswith("job: ") else ""
    spoken = spoken if where else words
    logged, refused, reason = spoken.partition("refused: ")
    last = _shortened(logged, _KEPT_WORDS if not refused else _KEPT_WORDS // 2)
    if refused:
        said = f"it refused{where}: {' '.join(reason.split())[:_KEPT_WORDS]}"
        said += f" ({last})" if last else ""
    else:
        ended = f"it was ended by {signal.Signals(-code).name}" if code < 0 else "it failed"
        said = f"{ended}{where}; its last words: {last or 'none'}"
    return PeerFailed(peer.value, said.rstrip("."), "the runtime may not take this model")


def _shortened(words: str, kept: int) -> str:
    """The end, in one line."""
    logged = " ".join(words.split())
    return logged if len(logged) <= kept else f"… {logged[-kept:].partition(' ')[2]}"


def _request(jobs: Sequence[Job]) -> dict[str, Any]:
    """Arrays by name, and what they are as JSON."""
    arrays: dict[str, Any] = {}
    described: list[dict[str, Any]] = []
    for number, job in enumerate(jobs):
        for run, feeds in enumerate(job.runs):
            for at, array in enumerate(feeds):
                arrays[f"{number}.run.{run}.{at}"] = array
        described.append(
            {
                "label": job.label,
                "runs": [len(feeds) for feeds in job.runs],
                "every_tensor": job.every_tensor,
                "model": _model(job.model, str(number), arrays),
            }
        )
    return {"jobs": np.array(json.dumps(described)), **arrays}


def _model(
    model: WholeModel | OneOperator | DescribedOperator, number: str, arrays: dict[str, Any]
) -> dict[str, Any]:
    match model:
        case WholeModel():
            arrays[f"{number}.content"] = np.frombuffer(model.content, np.uint8)
            return {"kind": "whole"}
        case OneOperator():
            arrays[f"{number}.content"] = np.frombuffer(model.content, np.uint8)
            return {"kind": "operator", "operator": model.operator}
        case DescribedOperator():
            for at, operand in enumerate(model.operands):
                if operand.constant is not None:
                    arrays[f"{number}.constant.{at}"] = operand.constant
            return {
                "kind": "described",
                "op": model.name,
                "operands": [_operand(operand) for operand in model.operands],
                "results": [_operand(operand) for operand in model.results],
                "options_type": model.options_type,
                "options": dict(model.options),
            }


def _operand(operand: Operand) -> dict[str, Any]:
    return {
        "shape": list(operand.shape),
        "dtype": operand.dtype,
        "scales": list(operand.scales),
        "zero_points": list(operand.zero_points),
        "axis": operand.axis,
    }


def _read(path: Path, jobs: Sequence[Job]) -> Answer:
    with np.load(path) as file:
        about = json.loads(str(file["about"]))
        results: list[Result] = []
        for number, (job, described) in enumerate(zip(jobs, about["results"], strict=True)):
            kinds = {
                kind: tuple(
                    Tensor(
                        tensor["name"],
                        tensor["index"],
                        tuple(file[f"{number}.{kind}.{run}.{at}"] for run in range(len(job.runs))),
                    )
                    for at, tensor in enumerate(described[kind])
                )
                for kind in ("outputs", "tensors")
            }
            results.append(Result(kinds["outputs"], kinds["tensors"], described["delegated"]))
    return Answer(about["program"], tuple(results))
