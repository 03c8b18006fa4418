# SPDX-License-Identifier: Apache-2.0
"""Profile ``ort-x86-vnni`` against ONNX Runtime's own fused kernels, op by op: equality."""

from typing import Any

import numpy as np
import pytest

from tests.frontends.onnx.qdq_models import QdqModel
from tests.peers import onnx_runtime as runtime
from tests.peers.onnx_runtime import SEEDS_AND_KINDS, demand_equality
from tests.simulator.engines import assert_engines_agree_elementwise

pytestmark = pytest.mark.peer


@pytest.mark.parametrize("op", ["Add", "Mul"])
@pytest.mark.parametrize("dtype", [np.uint8, np.int8])
@pytest.mark.parametrize(("seed", "kind"), SEEDS_AND_KINDS)
def test_every_pair_of_codes(op: str, dtype: Any, seed: int, kind: str) -> None:
    rng = np.random.default_rng(seed)
    left, right = runtime.every_pair(dtype)
    model = QdqModel()
    operands = [
        model.dq(
            model.codes_input(name, left.shape, dtype),
            runtime.scale(rng, kind),
            runtime.zero_point(rng, dtype),
            dtype,
        )
        for name in ("a", "b")
    ]
    result = model.node(op, operands, "y")
    model.output(
        model.q(result, runtime.output_scale(rng, kind), runtime.zero_point(rng, dtype), dtype),
        runtime.onnx_type(dtype),
    )
    demand_equality(
        model, {"a": left, "b": right}, (f"QLinear{op}",), assert_engines_agree_elementwise
    )


@pytest.mark.parametrize(
    "case", ["plain", "strided", "depthwise", "grouped", "relu6", "float bias"]
)
@pytest.mark.parametrize("dtype", [np.uint8, np.int8])
@pytest.mark.parametrize(("seed", "kind"), SEEDS_AND_KINDS)
def test_convolutions(case: str, dtype: Any, seed: int, kind: str) -> None:
    rng = np.random.default_rng(seed)
    channels, outputs, groups = 8, 8, {"depthwise": 8, "grouped": 2}.get(case, 1)
    attributes: dict[str, Any] = {"pads": [1, 1, 1, 1], "group": groups}
    if case == "strided":
        attributes |= {"strides": [2, 2], "pads": [0, 1, 1, 0]}
    x = runtime.codes(rng, (1, channels, 13, 11), dtype)
    model = QdqModel()
    s_x = runtime.scale(rng, kind)
    codes = model.codes_input("x", x.shape, dtype)
    operand = model.dq(codes, s_x, runtime.zero_point(rng, dtype), dtype)
    s_w = np.array([runtime.weight_scale(rng, kind) for _ in range(outputs)], np.float32)
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
    zero = runtime.zero_point(rng, dtype)
    if case == "relu6":
        low, high = model.array("low", np.float32(0)), model.array("high", np.float32(6))
        result = model.node("Clip", [result, low, high], "clipped")
        model.output(
            model.q(result, 6 / 255, int(np.iinfo(dtype).min), dtype), runtime.onnx_type(dtype)
        )
    else:
        model.output(
            model.q(result, runtime.output_scale(rng, kind), zero, dtype), runtime.onnx_type(dtype)
        )
    demand_equality(model, {"x": x}, ("QLinearConv",))


@pytest.mark.parametrize("dtype", [np.uint8, np.int8])
@pytest.mark.parametrize(("seed", "kind"), SEEDS_AND_KINDS)
def test_fully_connected(dtype: Any, seed: int, kind: str) -> None:
    rng = np.random.default_rng(seed)
    x = runtime.codes(rng, (64, 32), dtype)
    model = QdqModel()
    s_x, s_w = runtime.scale(rng, kind), np.float32(runtime.weight_scale(rng, kind))
    codes = model.codes_input("x", x.shape, dtype)
    operand = model.dq(codes, s_x, runtime.zero_point(rng, dtype), dtype)
    weights = model.constant("w", rng.integers(-127, 128, (16, 32)).astype(np.int8), s_w)
    bias = model.constant(
        "b", rng.integers(-9000, 9000, 16).astype(np.int32), np.float32(s_x) * s_w
    )
    result = model.node("Gemm", [operand, weights, bias], "y", transB=1)
    model.output(
        model.q(result, runtime.output_scale(rng, kind), runtime.zero_point(rng, dtype), dtype),
        runtime.onnx_type(dtype),
    )
    demand_equality(model, {"x": x}, ("QGemm",))


@pytest.mark.parametrize("dtype", [np.uint8, np.int8])
@pytest.mark.parametrize(("seed", "kind"), SEEDS_AND_KINDS)
def test_two_computed_matrices(dtype: Any, seed: int, kind: str) -> None:
    rng = np.random.default_rng(seed)
    a = runtime.codes(rng, (2, 9, 32), dtype)
    b = runtime.codes(rng, (2, 32, 7), dtype)
    model = QdqModel()
    operands = [
        model.dq(
            model.codes_input(name, array.shape, dtype),
            runtime.scale(rng, kind),
            runtime.zero_point(rng, dtype),
            dtype,
        )
        for name, array in (("a", a), ("b", b))
    ]
    result = model.node("MatMul", operands, "y")
    scale = runtime.output_scale(rng, kind) * 64
    model.output(
        model.q(result, scale, runtime.zero_point(rng, dtype), dtype), runtime.onnx_type(dtype)
    )
    demand_equality(model, {"a": a, "b": b}, ("QLinearMatMul",))


@pytest.mark.parametrize("dtype", [np.uint8, np.int8])
@pytest.mark.parametrize("pool", ["global", "window", "padded", "whole plane"])
@pytest.mark.parametrize(("seed", "kind"), SEEDS_AND_KINDS)
def test_average_pools(pool: str, dtype: Any, seed: int, kind: str) -> None:
    rng = np.random.default_rng(seed)
    info = np.iinfo(dtype)
    x = rng.integers(info.min, info.max + 1, (1, 16, 8, 8)).astype(dtype)
    model = QdqModel()
    codes = model.codes_input("x", x.shape, dtype)
    s_x = runtime.scale(rng, kind)
    operand = model.dq(codes, s_x, runtime.zero_point(rng, dtype), dtype)
    if pool == "global":
        result = model.node("GlobalAveragePool", [operand], "y")
    else:
        kernel = [8, 8] if pool == "whole plane" else [4, 4]
        pads = [1, 1, 1, 1] if pool == "padded" else [0, 0, 0, 0]
        result = model.node("AveragePool", [operand], "y", kernel_shape=kernel, pads=pads)
    s_y = s_x / 2 if kind == "powers" else s_x * 0.75 if kind == "fractions" else s_x * 0.7
    model.output(
        model.q(result, s_y, runtime.zero_point(rng, dtype), dtype), runtime.onnx_type(dtype)
    )
    name = "QLinearGlobalAveragePool" if pool == "global" else "QLinearAveragePool"
    demand_equality(model, {"x": x}, (name,))


@pytest.mark.parametrize("dtype", [np.uint8, np.int8])
@pytest.mark.parametrize("op", ["Sigmoid", "LeakyRelu", "Tanh", "HardSwish", "Relu", "Identity"])
@pytest.mark.parametrize(("seed", "kind"), SEEDS_AND_KINDS)
def test_every_code_through_a_function(op: str, dtype: Any, seed: int, kind: str) -> None:
    rng = np.random.default_rng(seed)
    info = np.iinfo(dtype)
    x = np.arange(info.min, info.max + 1).astype(dtype).reshape(1, -1)
    model = QdqModel()
    operand = model.dq(
        model.codes_input("x", x.shape, dtype),
        runtime.scale(rng, kind),
        runtime.zero_point(rng, dtype),
        dtype,
    )
    attributes = {"alpha": 0.125} if op == "LeakyRelu" else {}
    result = operand if op == "Identity" else model.node(op, [operand], "y", **attributes)
    scale = (
        1 / 256 if op == "Sigmoid" else 1 / 128 if op == "Tanh" else runtime.output_scale(rng, kind)
    )
    model.output(
        model.q(result, scale, runtime.zero_point(rng, dtype), dtype), runtime.onnx_type(dtype)
    )
    demand_equality(model, {"x": x}, ())


@pytest.mark.parametrize("dtype", [np.uint8, np.int8])
@pytest.mark.parametrize(("seed", "kind"), SEEDS_AND_KINDS)
def test_softmax(dtype: Any, seed: int, kind: str) -> None:
    rng = np.random.default_rng(seed)
    info = np.iinfo(dtype)
    x = rng.integers(info.min, info.max + 1, (64, 17)).astype(dtype)
    model = QdqModel()
    codes = model.codes_input("x", x.shape, dtype)
    operand = model.dq(codes, runtime.scale(rng, kind) / 4, runtime.zero_point(rng, dtype), dtype)
    result = model.node("Softmax", [operand], "y", axis=1)
    model.output(model.q(result, 1 / 256, int(info.min), dtype), runtime.onnx_type(dtype))
    demand_equality(model, {"x": x}, ("QLinearSoftmax",))


@pytest.mark.parametrize("dtype", [np.uint8, np.int8])
@pytest.mark.parametrize(("seed", "kind"), SEEDS_AND_KINDS)
def test_concatenation_of_different_scales(dtype: Any, seed: int, kind: str) -> None:
    rng = np.random.default_rng(seed)
    left, right = runtime.every_pair(dtype)
    model = QdqModel()
    operands = [
        model.dq(
            model.codes_input(name, (1, 256), dtype),
            runtime.scale(rng, kind),
            runtime.zero_point(rng, dtype),
            dtype,
        )
        for name in ("a", "b")
    ]
    result = model.node("Concat", operands, "y", axis=1)
    model.output(
        model.q(result, runtime.output_scale(rng, kind), runtime.zero_point(rng, dtype), dtype),
        runtime.onnx_type(dtype),
    )
    feeds = {"a": left[:, :256], "b": right[:, ::256]}
    demand_equality(model, feeds, ("QLinearConcat",))


@pytest.mark.parametrize("op", ["Add", "Mul"])
@pytest.mark.parametrize("reason", ["an activation", "another operand", "another result"])
@pytest.mark.parametrize("dtype", [np.uint8, np.int8])
@pytest.mark.parametrize(("seed", "kind"), SEEDS_AND_KINDS[::3])
def test_what_is_not_fused(op: str, reason: str, dtype: Any, seed: int, kind: str) -> None:
    """An activation that stays, or codes of two types around an op: float32 steps."""
    rng = np.random.default_rng(seed)
    other = np.int8 if dtype == np.uint8 else np.uint8
    types = (dtype, other if reason == "another operand" else dtype)
    model = QdqModel()
    feeds = {
        name: runtime.codes(rng, (64, 256), type)
        for name, type in zip(("a", "b"), types, strict=True)
    }
    operands = [
        model.dq(
            model.codes_input(name, (64, 256), type),
            runtime.scale(rng, kind),
            runtime.zero_point(rng, type),
            type,
        )
        for name, type in zip(("a", "b"), types, strict=True)
    ]
    result = model.node(op, operands, "y")
    if reason == "an activation":
        result = model.node("Relu", [result], "relu")
    wanted = other if reason == "another result" else dtype
    scale, zero = runtime.output_scale(rng, kind), runtime.zero_point(rng, wanted)
    model.output(model.q(result, scale, zero, wanted), runtime.onnx_type(wanted))
    demand_equality(model, feeds, (op,), assert_engines_agree_elementwise)
