# SPDX-License-Identifier: Apache-2.0
"""Operators on codes under profile ``ort-x86-vnni`` against ONNX Runtime, op by op: equality."""

from typing import Any

import numpy as np
import pytest

from tests.frontends.onnx.qdq_models import Array, QdqModel
from tests.peers import onnx_runtime as runtime
from tests.peers.onnx_runtime import SEEDS_AND_KINDS, demand_equality
from tests.simulator.engines import assert_engines_agree_elementwise

pytestmark = [
    pytest.mark.peer,
    pytest.mark.parametrize("dtype", [np.uint8, np.int8]),
    pytest.mark.parametrize(("seed", "kind"), SEEDS_AND_KINDS[::2]),
]

MICROSOFT = "com.microsoft"


class Draw:
    """One model of one operator on codes, with drawn scales and odd zero points."""

    def __init__(self, seed: int, kind: str, dtype: Any) -> None:
        self.rng = np.random.default_rng(seed)
        self.kind, self.dtype = kind, dtype
        self.model = QdqModel()
        self.feeds: dict[str, Array] = {}

    def parameters(self, name: str, scale: Any, zero: Any, dtype: Any = None) -> list[str]:
        zeros = np.array(zero, self.dtype if dtype is None else dtype)
        return list(self.model.parameters(name, np.array(scale, np.float32), zeros))

    def operand(self, name: str, codes: Array, scale: float | None = None) -> list[str]:
        """An input of codes, then its scale and zero point."""
        self.feeds[name] = codes
        self.model.codes_input(name, codes.shape, self.dtype)
        drawn = runtime.scale(self.rng, self.kind) if scale is None else scale
        return [name, *self.parameters(name, drawn, runtime.zero_point(self.rng, self.dtype))]

    def result(self, scale: float | None = None) -> list[str]:
        drawn = runtime.output_scale(self.rng, self.kind) if scale is None else scale
        return self.parameters("y", drawn, runtime.zero_point(self.rng, self.dtype))

    def every_code(self) -> Array:
        info = np.iinfo(self.dtype)
        return np.arange(info.min, info.max + 1).astype(self.dtype).reshape(1, -1)

    def result_of(self, op: str, operands: list[str], **attributes: Any) -> None:
        self.model.node(op, operands, "y", **attributes)
        self.model.output("y", runtime.onnx_type(self.dtype))

    def demand_equality(self, op: str, operands: list[str], **attributes: Any) -> None:
        self.result_of(op, operands, **attributes)
        demand_equality(self.model, self.feeds)


@pytest.mark.parametrize("op", ["QLinearAdd", "QLinearMul"])
def test_every_pair_of_codes(op: str, seed: int, kind: str, dtype: Any) -> None:
    draw = Draw(seed, kind, dtype)
    left, right = runtime.every_pair(dtype)
    operands = [*draw.operand("a", left), *draw.operand("b", right), *draw.result()]
    draw.result_of(op, operands, domain=MICROSOFT)
    demand_equality(draw.model, draw.feeds, agree=assert_engines_agree_elementwise)


@pytest.mark.parametrize("op", ["QLinearAdd", "QLinearMul"])
@pytest.mark.parametrize(
    "shapes",
    [
        ((1, 4096), (1,)),
        ((1,), (1, 4096)),
        ((), (64, 64)),
        ((64, 64), ()),
        ((64, 1), (1, 64)),
        ((1, 64), (64, 1)),
        ((512, 1), (512, 1)),
        ((512, 1), (1,)),
        ((64,), (16, 64)),
        ((1, 8, 1, 1), (1, 8, 16, 8)),
        ((1, 8, 16, 8), (8, 1, 1)),
    ],
    ids=str,
)
def test_operands_of_different_shapes(
    op: str, shapes: tuple[tuple[int, ...], ...], seed: int, kind: str, dtype: Any
) -> None:
    draw = Draw(seed, kind, dtype)
    operands: list[str] = []
    for name, shape in zip(("a", "b"), shapes, strict=True):
        operands += draw.operand(name, runtime.codes(draw.rng, shape, dtype))
    draw.demand_equality(op, [*operands, *draw.result()], domain=MICROSOFT)


@pytest.mark.parametrize("op", ["QLinearAdd", "QLinearMul"])
def test_a_stored_operand(op: str, seed: int, kind: str, dtype: Any) -> None:
    draw = Draw(seed, kind, dtype)
    first = draw.operand("a", draw.every_code())
    second = draw.operand("b", runtime.codes(draw.rng, (1, 256), dtype))
    draw.model.inputs.pop()
    draw.model.array("b", draw.feeds.pop("b"))
    draw.demand_equality(op, [*second, *first, *draw.result()], domain=MICROSOFT)


@pytest.mark.parametrize("case", ["per tensor", "per channel", "zero points", "no bias", "line"])
def test_convolutions(case: str, seed: int, kind: str, dtype: Any) -> None:
    draw = Draw(seed, kind, dtype)
    plane = (1, 4, 17) if case == "line" else (1, 4, 9, 7)
    operands = draw.operand("x", runtime.codes(draw.rng, plane, dtype))
    channels = 1 if case == "per tensor" else 6
    scales = [runtime.weight_scale(draw.rng, kind) for _ in range(channels)]
    zeros = draw.rng.integers(-9, 9, channels) if case == "zero points" else np.zeros(channels)
    # Zero points of signed weights by channel are refused by the runtime.
    weight_type = np.uint8 if case == "zero points" and dtype == np.uint8 else np.int8
    if case == "zero points":
        zeros = np.full(channels, int(zeros[0]) + (99 if weight_type == np.uint8 else 0))
    kernel = (3,) * (len(plane) - 2)
    weights = runtime.codes(draw.rng, (6, 4, *kernel), weight_type)
    operands += [
        draw.model.array("w", weights),
        *(
            draw.parameters("w", scales[0], zeros[0], weight_type)
            if case == "per tensor"
            else draw.parameters("w", scales, zeros, weight_type)
        ),
        *draw.result(),
    ]
    if case != "no bias":
        bias = draw.rng.integers(-9000, 9000, 6).astype(np.int32)
        operands.append(draw.model.array("bias", bias))
    draw.demand_equality("QLinearConv", operands, pads=[1] * (2 * len(kernel)))


@pytest.mark.parametrize("case", ["stored", "by column", "computed"])
def test_matrix_products(case: str, seed: int, kind: str, dtype: Any) -> None:
    draw = Draw(seed, kind, dtype)
    operands = draw.operand("a", runtime.codes(draw.rng, (2, 9, 32), dtype))
    result = draw.result(runtime.output_scale(draw.rng, kind) * 64)
    if case == "computed":
        operands += draw.operand("b", runtime.codes(draw.rng, (2, 32, 7), dtype))
    else:
        columns = 7 if case == "by column" else 1
        scales = [runtime.weight_scale(draw.rng, kind) * 64 for _ in range(columns)]
        weights = draw.model.array("b", runtime.codes(draw.rng, (32, 7), np.int8))
        operands += [weights, *draw.parameters("b", scales, np.zeros(columns), np.int8)]
    draw.demand_equality("QLinearMatMul", [*operands, *result])


@pytest.mark.parametrize("turned", [0, 1])
@pytest.mark.parametrize("by_column", [False, True])
def test_gemm(turned: int, by_column: bool, seed: int, kind: str, dtype: Any) -> None:
    draw = Draw(seed, kind, dtype)
    operands = draw.operand("a", runtime.codes(draw.rng, (9, 32), dtype))
    columns = 7 if by_column else 1
    scales = [runtime.weight_scale(draw.rng, kind) for _ in range(columns)]
    weights = runtime.codes(draw.rng, (7, 32) if turned else (32, 7), np.int8)
    bias = draw.rng.integers(-9000, 9000, 7).astype(np.int32)
    operands += [
        draw.model.array("b", weights),
        *draw.parameters("b", scales, np.zeros(columns), np.int8),
        draw.model.array("bias", bias),
        *draw.result(),
    ]
    draw.demand_equality("QGemm", operands, domain=MICROSOFT, transB=turned)


@pytest.mark.parametrize("pool", ["global", "window", "padded", "counted", "whole plane"])
def test_average_pools(pool: str, seed: int, kind: str, dtype: Any) -> None:
    draw = Draw(seed, kind, dtype)
    s_x = runtime.scale(draw.rng, kind)
    operands = draw.operand("x", runtime.codes(draw.rng, (1, 16, 8, 8), dtype), s_x)
    s_y = s_x / 2 if kind == "powers" else s_x * 0.75 if kind == "fractions" else s_x * 0.7
    operands += draw.result(s_y)
    attributes: dict[str, Any] = {"domain": MICROSOFT}
    if pool == "global":
        draw.demand_equality("QLinearGlobalAveragePool", operands, **attributes)
        return
    kernel = [8, 8] if pool == "whole plane" else [4, 4]
    attributes["pads"] = [1, 1, 1, 1] if pool in ("padded", "counted") else [0, 0, 0, 0]
    attributes["count_include_pad"] = int(pool == "counted")
    draw.demand_equality("QLinearAveragePool", operands, kernel_shape=kernel, **attributes)


@pytest.mark.parametrize("op", ["QLinearSigmoid", "QLinearLeakyRelu"])
def test_every_code_through_a_function(op: str, seed: int, kind: str, dtype: Any) -> None:
    draw = Draw(seed, kind, dtype)
    sigmoid = op == "QLinearSigmoid"
    operands = [*draw.operand("x", draw.every_code()), *draw.result(1 / 256 if sigmoid else None)]
    attributes = {} if sigmoid else {"alpha": 0.125}
    draw.demand_equality(op, operands, domain=MICROSOFT, **attributes)


@pytest.mark.parametrize(("axis", "opset"), [(1, 13), (-1, 13), (1, 12)])
def test_softmax(axis: int, opset: int, seed: int, kind: str, dtype: Any) -> None:
    draw = Draw(seed, kind, dtype)
    s_x = runtime.scale(draw.rng, kind) / 4
    operands = draw.operand("x", runtime.codes(draw.rng, (64, 17), dtype), s_x)
    operands += draw.parameters("y", 1 / 256, np.iinfo(dtype).min)
    draw.demand_equality("QLinearSoftmax", operands, domain=MICROSOFT, axis=axis, opset=opset)


def test_concatenation_of_different_scales(seed: int, kind: str, dtype: Any) -> None:
    draw = Draw(seed, kind, dtype)
    operands = draw.result()
    for name in ("a", "b", "c"):
        operands += draw.operand(name, draw.every_code())
    draw.demand_equality("QLinearConcat", operands, domain=MICROSOFT, axis=1)


def test_operators_beside_dequantized_ones(seed: int, kind: str, dtype: Any) -> None:
    """QDQ and operators on codes in one model, as ONNX Runtime's quantizer mixes them."""
    draw = Draw(seed, kind, dtype)
    model = draw.model
    a = draw.operand("a", runtime.codes(draw.rng, (1, 4, 8, 8), dtype))
    b = draw.operand("b", runtime.codes(draw.rng, (1, 4, 8, 8), dtype))
    inner = draw.parameters("sum", runtime.output_scale(draw.rng, kind), 1)
    model.node("QLinearAdd", [*a, *b, *inner], "sum", domain=MICROSOFT)
    model.node("MaxPool", ["sum"], "largest", kernel_shape=[2, 2], strides=[2, 2])
    real = model.node("DequantizeLinear", ["largest", *inner], "real")
    function = model.node("Sigmoid", [real], "sigmoid")
    model.output(
        model.q(function, 1 / 256, int(np.iinfo(dtype).min), dtype), runtime.onnx_type(dtype)
    )
    demand_equality(model, draw.feeds)
