# SPDX-License-Identifier: Apache-2.0
"""Profile ``ort-x86-vnni`` against ONNX Runtime's own fused kernels, op by op: equality.

Scales that are powers of two with odd zero points put ties everywhere; scales whose ratios are
small fractions put real ties where float32 rounds to either side, so that the order of every float
operation shows; random scales do the rest.
"""

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from intaglio.compiler.passes.select_arithmetic import select_arithmetic
from intaglio.compiler.real.onnx_runtime import Session, parse
from intaglio.frontends.onnx import import_onnx
from intaglio.numerics.profile import load_profile
from tests.frontends.onnx.qdq_models import Array, QdqModel
from tests.processor import has_vnni
from tests.simulator.engines import assert_engines_agree

pytestmark = pytest.mark.peer

PROFILE = load_profile("ort-x86-vnni")
SEEDS = range(6)
KINDS = ["powers", "fractions", "random"]
SEEDS_AND_KINDS = list(itertools.product(SEEDS, KINDS))


@pytest.fixture(scope="module", autouse=True)
def _vnni() -> None:  # pyright: ignore[reportUnusedFunction]
    if not has_vnni():
        pytest.skip("ONNX Runtime's uint8 kernels are exact on processors with VNNI alone")


def _scale(rng: np.random.Generator, kind: str) -> float:
    match kind:
        case "powers":
            return float(2.0 ** rng.integers(-6, 0))
        case "fractions":
            return float(np.float32(0.013 * rng.choice([1, 3, 5, 7, 9, 11])))
        case _:
            return float(np.float32(2.0 ** rng.uniform(-6, 0)))


def _weight_scale(rng: np.random.Generator, kind: str) -> float:
    """In the fractions, ``s_x * s_w / s_y`` is a small fraction too, and ties are real."""
    if kind == "fractions":
        return float(rng.choice([1, 3, 5, 7, 9, 11])) / 256
    return _scale(rng, kind) / 64


def _output_scale(rng: np.random.Generator, kind: str) -> float:
    """Coarse enough that most results don't saturate; even against the fractions' odd factors."""
    match kind:
        case "powers":
            return float(2.0 ** rng.integers(-1, 2))
        case "fractions":
            return float(np.float32(0.013 * rng.choice([6, 10, 12, 14, 20, 22])))
        case _:
            return float(np.float32(2.0 ** rng.uniform(-1, 1)))


def _zero(rng: np.random.Generator, dtype: Any) -> int:
    """Odd, where the parity of ties decides."""
    info = np.iinfo(dtype)
    return int(rng.integers(info.min // 2, info.max // 2)) * 2 + 1


def _demand_equality(model: QdqModel, feeds: dict[str, Array], fused: tuple[str, ...]) -> None:
    """Our bits are the runtime's, and the runtime did run the kernel that we mean."""
    proto = model.proto()
    session = Session(proto, threads=1)
    expected = list(session.run(feeds).values())
    graph = select_arithmetic(import_onnx(model.model(), "single"), PROFILE)
    found = assert_engines_agree(graph, feeds)
    for name, array in zip(graph.outputs, expected, strict=True):
        differing = int(np.count_nonzero(found[name] != array))
        assert differing == 0, f"{differing} of {array.size} values differ"
    assert set(fused) <= _kernels(model), _kernels(model)


def _kernels(model: QdqModel) -> set[str]:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "optimized.onnx"
        Session(model.proto(), threads=1, optimized_path=path)
        return {node.op_type for node in parse(path.read_bytes()).graph.node}


def _every_pair(dtype: Any) -> tuple[Array, Array]:
    info = np.iinfo(dtype)
    codes = np.arange(info.min, info.max + 1).astype(dtype)
    left, right = (array.reshape(1, -1) for array in np.meshgrid(codes, codes))
    return left, right


@pytest.mark.parametrize("op", ["Add", "Mul"])
@pytest.mark.parametrize("dtype", [np.uint8, np.int8])
@pytest.mark.parametrize(("seed", "kind"), SEEDS_AND_KINDS)
def test_every_pair_of_codes(op: str, dtype: Any, seed: int, kind: str) -> None:
    rng = np.random.default_rng(seed)
    left, right = _every_pair(dtype)
    model = QdqModel()
    operands = [
        model.dq(
            model.codes_input(name, left.shape, dtype), _scale(rng, kind), _zero(rng, dtype), dtype
        )
        for name in ("a", "b")
    ]
    result = model.node(op, operands, "y")
    model.output(model.q(result, _output_scale(rng, kind), _zero(rng, dtype), dtype), _type(dtype))
    _demand_equality(model, {"a": left, "b": right}, (f"QLinear{op}",))


def _type(dtype: Any) -> int:
    from tests.frontends.onnx.qdq_models import DTYPES

    return int(DTYPES[dtype])


@pytest.mark.parametrize(
    "case", ["plain", "strided", "depthwise", "grouped", "relu6", "float bias"]
)
@pytest.mark.parametrize(("seed", "kind"), SEEDS_AND_KINDS)
def test_convolutions(case: str, seed: int, kind: str) -> None:
    rng = np.random.default_rng(seed)
    channels, outputs, groups = 8, 8, {"depthwise": 8, "grouped": 2}.get(case, 1)
    attributes: dict[str, Any] = {"pads": [1, 1, 1, 1], "group": groups}
    if case == "strided":
        attributes |= {"strides": [2, 2], "pads": [0, 1, 1, 0]}
    x = rng.integers(0, 256, (1, channels, 13, 11)).astype(np.uint8)
    model = QdqModel()
    s_x = _scale(rng, kind)
    codes = model.codes_input("x", x.shape, np.uint8)
    operand = model.dq(codes, s_x, _zero(rng, np.uint8))
    s_w = np.array([_weight_scale(rng, kind) for _ in range(outputs)], np.float32)
    shape = (outputs, channels // groups, 3, 3)
    weights = model.constant("w", rng.integers(-127, 128, shape).astype(np.int8), s_w, 0, 0)
    codes_of_bias = rng.integers(-9000, 9000, outputs)
    if case == "float bias":
        # Halves on purpose: the runtime rounds this bias to codes itself.
        halves = (codes_of_bias + 0.5) * (np.float32(s_x) * s_w)
        bias = model.array("b", halves.astype(np.float32))
    else:
        bias = model.constant("b", codes_of_bias.astype(np.int32), np.float32(s_x) * s_w, 0, 0)
    result = model.node("Conv", [operand, weights, bias], "y", **attributes)
    zero = _zero(rng, np.uint8)
    if case == "relu6":
        low, high = model.array("low", np.float32(0)), model.array("high", np.float32(6))
        result = model.node("Clip", [result, low, high], "clipped")
        model.output(model.q(result, 6 / 255, 0), _type(np.uint8))
    else:
        model.output(model.q(result, _output_scale(rng, kind), zero), _type(np.uint8))
    _demand_equality(model, {"x": x}, ("QLinearConv",))


@pytest.mark.parametrize(("seed", "kind"), SEEDS_AND_KINDS)
def test_fully_connected(seed: int, kind: str) -> None:
    rng = np.random.default_rng(seed)
    x = rng.integers(0, 256, (64, 32)).astype(np.uint8)
    model = QdqModel()
    s_x, s_w = _scale(rng, kind), np.float32(_weight_scale(rng, kind))
    codes = model.codes_input("x", x.shape, np.uint8)
    operand = model.dq(codes, s_x, _zero(rng, np.uint8))
    weights = model.constant("w", rng.integers(-127, 128, (16, 32)).astype(np.int8), s_w)
    bias = model.constant(
        "b", rng.integers(-9000, 9000, 16).astype(np.int32), np.float32(s_x) * s_w
    )
    result = model.node("Gemm", [operand, weights, bias], "y", transB=1)
    model.output(model.q(result, _output_scale(rng, kind), _zero(rng, np.uint8)), _type(np.uint8))
    _demand_equality(model, {"x": x}, ("QGemm",))


@pytest.mark.parametrize(("seed", "kind"), SEEDS_AND_KINDS)
def test_two_computed_matrices(seed: int, kind: str) -> None:
    rng = np.random.default_rng(seed)
    a = rng.integers(0, 256, (2, 9, 32)).astype(np.uint8)
    b = rng.integers(0, 256, (2, 32, 7)).astype(np.uint8)
    model = QdqModel()
    operands = [
        model.dq(
            model.codes_input(name, array.shape, np.uint8), _scale(rng, kind), _zero(rng, np.uint8)
        )
        for name, array in (("a", a), ("b", b))
    ]
    result = model.node("MatMul", operands, "y")
    scale = _output_scale(rng, kind) * 64
    model.output(model.q(result, scale, _zero(rng, np.uint8)), _type(np.uint8))
    _demand_equality(model, {"a": a, "b": b}, ("QLinearMatMul",))


@pytest.mark.parametrize("dtype", [np.uint8, np.int8])
@pytest.mark.parametrize("pool", ["global", "window", "padded"])
@pytest.mark.parametrize(("seed", "kind"), SEEDS_AND_KINDS)
def test_average_pools(pool: str, dtype: Any, seed: int, kind: str) -> None:
    rng = np.random.default_rng(seed)
    info = np.iinfo(dtype)
    x = rng.integers(info.min, info.max + 1, (1, 16, 8, 8)).astype(dtype)
    model = QdqModel()
    codes = model.codes_input("x", x.shape, dtype)
    s_x = _scale(rng, kind)
    operand = model.dq(codes, s_x, _zero(rng, dtype), dtype)
    if pool == "global":
        result = model.node("GlobalAveragePool", [operand], "y")
    else:
        pads = [1, 1, 1, 1] if pool == "padded" else [0, 0, 0, 0]
        result = model.node("AveragePool", [operand], "y", kernel_shape=[4, 4], pads=pads)
    s_y = s_x / 2 if kind == "powers" else s_x * 0.75 if kind == "fractions" else s_x * 0.7
    model.output(model.q(result, s_y, _zero(rng, dtype), dtype), _type(dtype))
    name = "QLinearGlobalAveragePool" if pool == "global" else "QLinearAveragePool"
    _demand_equality(model, {"x": x}, (name,))


@pytest.mark.parametrize("dtype", [np.uint8, np.int8])
@pytest.mark.parametrize("op", ["Sigmoid", "LeakyRelu", "Tanh", "HardSwish", "Relu", "Identity"])
@pytest.mark.parametrize(("seed", "kind"), SEEDS_AND_KINDS)
def test_every_code_through_a_function(op: str, dtype: Any, seed: int, kind: str) -> None:
    rng = np.random.default_rng(seed)
    info = np.iinfo(dtype)
    x = np.arange(info.min, info.max + 1).astype(dtype).reshape(1, -1)
    model = QdqModel()
    operand = model.dq(
        model.codes_input("x", x.shape, dtype), _scale(rng, kind), _zero(rng, dtype), dtype
    )
    attributes = {"alpha": 0.125} if op == "LeakyRelu" else {}
    result = operand if op == "Identity" else model.node(op, [operand], "y", **attributes)
    scale = 1 / 256 if op == "Sigmoid" else 1 / 128 if op == "Tanh" else _output_scale(rng, kind)
    model.output(model.q(result, scale, _zero(rng, dtype), dtype), _type(dtype))
    _demand_equality(model, {"x": x}, ())


@pytest.mark.parametrize("dtype", [np.uint8, np.int8])
@pytest.mark.parametrize(("seed", "kind"), SEEDS_AND_KINDS)
def test_softmax(dtype: Any, seed: int, kind: str) -> None:
    rng = np.random.default_rng(seed)
    info = np.iinfo(dtype)
    x = rng.integers(info.min, info.max + 1, (64, 17)).astype(dtype)
    model = QdqModel()
    codes = model.codes_input("x", x.shape, dtype)
    operand = model.dq(codes, _scale(rng, kind) / 4, _zero(rng, dtype), dtype)
    result = model.node("Softmax", [operand], "y", axis=1)
    model.output(model.q(result, 1 / 256, int(info.min), dtype), _type(dtype))
    _demand_equality(model, {"x": x}, ("QLinearSoftmax",))


@pytest.mark.parametrize("dtype", [np.uint8, np.int8])
@pytest.mark.parametrize(("seed", "kind"), SEEDS_AND_KINDS)
def test_concatenation_of_different_scales(dtype: Any, seed: int, kind: str) -> None:
    rng = np.random.default_rng(seed)
    left, right = _every_pair(dtype)
    model = QdqModel()
    operands = [
        model.dq(
            model.codes_input(name, (1, 256), dtype), _scale(rng, kind), _zero(rng, dtype), dtype
        )
        for name in ("a", "b")
    ]
    result = model.node("Concat", operands, "y", axis=1)
    model.output(model.q(result, _output_scale(rng, kind), _zero(rng, dtype), dtype), _type(dtype))
    feeds = {"a": left[:, :256], "b": right[:, ::256]}
    _demand_equality(model, feeds, ("QLinearConcat",))
