# SPDX-License-Identifier: Apache-2.0
"""LiteRT and TFLite Micro in an environment and a process of their own."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.peers.tflite.single_op import Array, Case, Tensor

ROOT = Path(__file__).parents[3]
PYTHON = ROOT / ".venv-peers" / "bin" / "python"
ADAPTER = ROOT / "tests" / "peers" / "litert_adapter.py"


class Runtime(Enum):
    """The word that the adapter knows it by."""

    REFERENCE = "reference"
    """LiteRT with its reference kernels."""
    DEFAULT = "default"
    """LiteRT as it comes, with the XNNPACK delegate."""
    TFLM = "tflm"
    """TFLite Micro."""

    @property
    def kernels(self) -> str:
        """What of the program runs, as profiles name it."""
        match self:
            case Runtime.REFERENCE:
                return "BUILTIN_REF"
            case Runtime.DEFAULT:
                return "XNNPACK delegate"
            case Runtime.TFLM:
                return "reference kernels"


@dataclass(frozen=True, slots=True)
class Answer:
    """What the runtime computed.

    Attributes:
        program: name and version.
        results: one array a case.
        delegated: for each case, whether the delegate took the operator.
    """

    program: str
    results: tuple[Array, ...]
    delegated: tuple[bool, ...]


def run(runtime: Runtime, cases: Sequence[Case]) -> Answer:
    """Every case's result, from one process; the test is skipped without the environment."""
    if not PYTHON.exists():
        pytest.skip("no environment with LiteRT and TFLite Micro: set it up with `make peers`")
    with tempfile.TemporaryDirectory() as folder:
        request, answer = Path(folder) / "request.npz", Path(folder) / "answer.npz"
        np.savez(request, **_request(cases))
        command = [str(PYTHON), str(ADAPTER), runtime.value, str(request), str(answer)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        if done.returncode != 0:
            print(done.stderr, file=sys.stderr)
            pytest.fail(f"{runtime.value} ended with {done.returncode}; its last words are above")
        with np.load(answer) as file:
            about = json.loads(str(file["about"]))
            results = tuple(file[str(index)] for index in range(len(cases)))
    return Answer(about["program"], results, tuple(about["delegated"]))


def _request(cases: Sequence[Case]) -> dict[str, Any]:
    arrays: dict[str, Any] = {}
    models: list[dict[str, Any]] = []
    for index, case in enumerate(cases):
        operator = case.operator
        for at, operand in enumerate(operator.operands):
            kind = "constant" if operand.constant else "input"
            arrays[f"{index}.{kind}.{at}"] = operand.codes
        models.append(
            {
                "label": case.label,
                "op": operator.name,
                "operands": [_described(operand) for operand in operator.operands],
                "result": _described(operator.result),
                "options_type": operator.options_type,
                "options": dict(operator.options),
            }
        )
    return {"models": np.array(json.dumps(models)), **arrays}


def _described(tensor: Tensor) -> dict[str, Any]:
    count = len(tensor.scales)
    return {
        "shape": list(tensor.codes.shape),
        "dtype": tensor.codes.dtype.name,
        "scales": [float(np.float32(scale)) for scale in tensor.scales],
        "zero_points": list(tensor.zero_points) * (count // len(tensor.zero_points)),
        "axis": tensor.axis if count > 1 else 0,
    }
