# SPDX-License-Identifier: Apache-2.0
"""Damaged QONNX files: a fixed graph that keeps the rules, or one of our errors, nothing else."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from intaglio.commands.models import LoweringOptions, lower_file
from intaglio.compiler.ir.verify import verify
from intaglio.errors import IntaglioError
from tests.frontends.onnx.qonnx.models import content, node, quantizer, scalar

MUTATIONS = 500
OPTIONS = LoweringOptions("qonnx")
_WORDS = (b"\xff\xff\xff\xff", bytes(4), b"\xff\xff\xff\x7f", b"\0\0\0\x80", b"\0\0\xc0\x7f")
_QUANT = {"signed": 1, "narrow": 0, "rounding_mode": "HALF_UP"}


def dense() -> bytes:
    """Quant, Gemm, a normalization, MultiThreshold, Trunc, BipolarQuant."""
    nodes = [
        quantizer("Quant", ["x", "s", "z", "b"], "xq", **_QUANT),
        quantizer("Quant", ["w", "s", "z", "b"], "wq", **_QUANT),
        node("Gemm", ["xq", "wq", "c"], "m", transB=1),
        node("BatchNormalization", ["m", "g", "c", "c", "g"], "n", epsilon=1e-5),
        quantizer("MultiThreshold", ["n", "t"], "q", out_scale=0.5, out_bias=-1.0, out_dtype="I"),
        quantizer("Trunc", ["q", "s", "z", "b", "left"], "r", rounding_mode="FLOOR"),
        node("Relu", ["r"], "u"),
        quantizer("BipolarQuant", ["u", "s"], "y"),
    ]
    constants = {
        "s": scalar(0.25),
        "z": scalar(0),
        "b": scalar(4),
        "left": scalar(3),
        "w": np.linspace(-1, 1, 12, dtype=np.float32).reshape(4, 3),
        "c": np.linspace(-1, 2, 4, dtype=np.float32),
        "g": np.linspace(0.5, 2, 4, dtype=np.float32),
        "t": np.linspace(-3, 3, 12, dtype=np.float32).reshape(4, 3),
    }
    return content(nodes, (2, 3), constants, (2, 4))


def convolutional() -> bytes:
    """Conv by channel, MaxPool, a float tail."""
    nodes = [
        node("Mul", ["x", "s"], "half"),
        quantizer("Quant", ["half", "s", "z", "b"], "xq", **_QUANT),
        quantizer("IntQuant", ["w", "sw", "z", "b"], "wq", **_QUANT),
        node("Conv", ["xq", "wq", "c"], "m", pads=[0, 1, 0, 1]),
        node("MaxPool", ["m"], "p", kernel_shape=[2, 2]),
        quantizer("Quant", ["p", "s", "z", "b"], "q", **_QUANT),
        node("Div", ["q", "s"], "d"),
        node("Flatten", ["d"], "y"),
    ]
    constants = {
        "s": scalar(0.5),
        "sw": np.array([0.25, 0.5], np.float32).reshape(2, 1, 1, 1),
        "z": scalar(1),
        "b": scalar(3),
        "c": np.array([0.3, -0.7], np.float32),
        "w": np.linspace(-1, 1, 12, dtype=np.float32).reshape(2, 1, 2, 3),
    }
    return content(nodes, (1, 1, 4, 4), constants, (1, 12))


MODELS = (dense(), convolutional())


@pytest.mark.parametrize("model", MODELS)
def test_the_models_themselves_are_taken(model: bytes, tmp_path: Path) -> None:
    assert _outcome(model, tmp_path / "model.onnx") == "taken"


@pytest.mark.parametrize(
    "seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, 20))]
)
def test_a_mutation_is_taken_or_refused(seed: int, tmp_path: Path) -> None:
    rng = np.random.default_rng(seed)
    outcomes: Counter[str] = Counter()
    for number in range(MUTATIONS):
        mutated = _mutated(rng, MODELS[number % len(MODELS)])
        outcomes[_outcome(mutated, tmp_path / "model.onnx")] += 1
    # Each kind of outcome occurs, so that each was tried.
    assert outcomes.keys() == {"InvalidFile", "UnsupportedModel", "taken"}


def _outcome(data: bytes, path: Path) -> str:
    path.write_bytes(data)
    try:
        graph = lower_file(path, OPTIONS)
    except IntaglioError as error:
        return type(error).__name__ if "model" in str(error) else str(error)
    return "taken" if verify(graph) == () else "invalid"


def _mutated(rng: np.random.Generator, model: bytes) -> bytes:
    data = bytearray(model)
    match int(rng.integers(0, 4)):
        case 0:
            return bytes(data[: rng.integers(0, len(data))])
        case 1:
            at = int(rng.integers(0, len(data) - 4))
            data[at : at + 4] = (*_WORDS, rng.bytes(4))[rng.integers(0, 6)]
        case _:
            for _ in range(rng.integers(1, 4)):
                data[rng.integers(0, len(data))] ^= 1 << int(rng.integers(0, 8))
    return bytes(data)
