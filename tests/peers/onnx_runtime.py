# SPDX-License-Identifier: Apache-2.0
"""What tests against ONNX Runtime share: scales that separate arithmetics, and the comparison.

Scales that are powers of two with odd zero points put ties everywhere; scales whose ratios are
small fractions put real ties where float32 rounds to either side, so that the order of every float
operation shows; random scales do the rest.
"""

import itertools
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from intaglio.compiler.passes.select_arithmetic import select_arithmetic
from intaglio.compiler.real.onnx_runtime import Session, parse
from intaglio.frontends.onnx import import_onnx
from intaglio.numerics.profile import load_profile
from tests.frontends.onnx.qdq_models import DTYPES, Array, QdqModel
from tests.processor import has_vnni
from tests.simulator.engines import Agree, assert_engines_agree

PROFILE = load_profile("ort-x86-vnni")
SEEDS = range(6)
KINDS = ["powers", "fractions", "random"]
SEEDS_AND_KINDS = list(itertools.product(SEEDS, KINDS))


def entries() -> dict[str, str]:
    """The session's configuration: signed activations are fused, sums never saturate.

    Which instructions the processor has is printed: without VNNI the runtime has to be asked for
    exact sums.
    """
    vnni = has_vnni()
    print("ONNX Runtime runs", "with VNNI" if vnni else "without VNNI", file=sys.stderr)
    exact = {} if vnni else {"session.x64quantprecision": "1"}
    return {"session.qdqisint8allowed": "1", **exact}


def scale(rng: np.random.Generator, kind: str) -> float:
    match kind:
        case "powers":
            return float(2.0 ** rng.integers(-6, 0))
        case "fractions":
            return float(np.float32(0.013 * rng.choice([1, 3, 5, 7, 9, 11])))
        case _:
            return float(np.float32(2.0 ** rng.uniform(-6, 0)))


def weight_scale(rng: np.random.Generator, kind: str) -> float:
    """In the fractions, ``s_x * s_w / s_y`` is a small fraction too, and ties are real."""
    if kind == "fractions":
        return float(rng.choice([1, 3, 5, 7, 9, 11])) / 256
    return scale(rng, kind) / 64


def output_scale(rng: np.random.Generator, kind: str) -> float:
    """Coarse enough that most results don't saturate; even against the fractions' odd factors."""
    match kind:
        case "powers":
            return float(2.0 ** rng.integers(-1, 2))
        case "fractions":
            return float(np.float32(0.013 * rng.choice([6, 10, 12, 14, 20, 22])))
        case _:
            return float(np.float32(2.0 ** rng.uniform(-1, 1)))


def zero_point(rng: np.random.Generator, dtype: Any) -> int:
    """Odd, where the parity of ties decides."""
    info = np.iinfo(dtype)
    return int(rng.integers(info.min // 2, info.max // 2)) * 2 + 1


def codes(rng: np.random.Generator, shape: tuple[int, ...], dtype: Any) -> Array:
    info = np.iinfo(dtype)
    return np.asarray(rng.integers(info.min, info.max + 1, shape), dtype)


def every_pair(dtype: Any) -> tuple[Array, Array]:
    info = np.iinfo(dtype)
    each = np.arange(info.min, info.max + 1).astype(dtype)
    left, right = (array.reshape(1, -1) for array in np.meshgrid(each, each))
    return left, right


def onnx_type(dtype: Any) -> int:
    return int(DTYPES[dtype])


def demand_equality(
    model: QdqModel,
    feeds: dict[str, Array],
    fused: tuple[str, ...] = (),
    agree: Agree = assert_engines_agree,
) -> None:
    """Our bits are the runtime's, and the runtime did run the kernels that we mean."""
    proto = model.proto()
    session = Session(proto, threads=1, entries=entries())
    expected = list(session.run(feeds).values())
    graph = select_arithmetic(import_onnx(model.model(), "single"), PROFILE)
    found = agree(graph, feeds)
    for name, array in zip(graph.outputs, expected, strict=True):
        differing = int(np.count_nonzero(found[name] != array))
        assert differing == 0, f"{differing} of {array.size} values differ"
    ran = kernels(proto) if fused else set[str]()
    assert set(fused) <= ran, ran


def kernels(proto: onnx.ModelProto) -> set[str]:
    """The operators that the runtime runs after its own rewriting."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "optimized.onnx"
        Session(proto, threads=1, entries=entries(), optimized_path=path)
        return {node.op_type for node in parse(path.read_bytes()).graph.node}
