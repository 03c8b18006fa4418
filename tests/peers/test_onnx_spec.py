# SPDX-License-Identifier: Apache-2.0
"""Profile ``onnx-spec`` against ONNX Runtime without any rewriting: float32 between Q and DQ.

Elementwise ops, and sums that float32 holds, are equal.  Elsewhere the order of float32 additions
decides ties: there ours is the exact result, and the differences are counted.
"""

from typing import Any

import numpy as np
import pytest

from intaglio.compiler.passes.select_arithmetic import select_arithmetic
from intaglio.compiler.real.onnx_runtime import Session
from intaglio.frontends.onnx import import_onnx
from intaglio.numerics.profile import load_profile
from tests.frontends.onnx.qdq_models import Array, QdqModel
from tests.peers import onnx_runtime as runtime
from tests.peers.onnx_runtime import SEEDS_AND_KINDS
from tests.simulator.engines import assert_engines_agree

pytestmark = pytest.mark.peer

PROFILE = load_profile("onnx-spec")
DTYPES = [np.uint8, np.int8]


class Draw:
    """A model between one or two inputs of codes and one output of codes."""

    def __init__(self, seed: int, kind: str, dtype: Any) -> None:
        self.rng, self.kind, self.dtype = np.random.default_rng(seed), kind, dtype
        self.model = QdqModel()
        self.feeds: dict[str, Array] = {}
        self.scales: dict[str, float] = {}

    def operand(self, name: str, shape: tuple[int, ...]) -> str:
        self.feeds[name] = runtime.codes(self.rng, shape, self.dtype)
        self.scales[name] = runtime.scale(self.rng, self.kind)
        codes = self.model.codes_input(name, shape, self.dtype)
        zero = runtime.zero_point(self.rng, self.dtype)
        return self.model.dq(codes, self.scales[name], zero, self.dtype)

    def results(self, real: str, scale: float | None = None) -> tuple[dict[str, Array], Array]:
        """Every tensor of ours, and the runtime's codes."""
        self.scales["y"] = runtime.output_scale(self.rng, self.kind) if scale is None else scale
        zero = runtime.zero_point(self.rng, self.dtype)
        codes = self.model.q(real, self.scales["y"], zero, self.dtype)
        self.model.output(codes, runtime.onnx_type(self.dtype))
        session = Session(self.model.proto(), threads=1, optimize=False)
        (expected,) = session.run(self.feeds).values()
        graph = select_arithmetic(import_onnx(self.model.model(), "single"), PROFILE)
        found = assert_engines_agree(graph, self.feeds)
        (output,) = graph.outputs
        return {**found, "result": found[output]}, expected

    def product(self) -> str:
        """A fully connected layer without bias."""
        x = self.operand("x", (64, 32))
        self.scales["w"] = runtime.weight_scale(self.rng, self.kind)
        codes = runtime.codes(self.rng, (32, 64), np.int8)
        w = self.model.constant("w", codes, self.scales["w"])
        return self.model.node("MatMul", [x, w], "product")


@pytest.mark.parametrize("op", ["Add", "Sub", "Mul", "Min", "Max"])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("seed", "kind"), SEEDS_AND_KINDS[::4])
def test_functions_of_two_codes(op: str, dtype: Any, seed: int, kind: str) -> None:
    draw = Draw(seed, kind, dtype)
    operands = [draw.operand(name, (32, 128)) for name in ("a", "b")]
    found, expected = draw.results(draw.model.node(op, operands, "real"))
    np.testing.assert_array_equal(found["result"], expected)


@pytest.mark.parametrize("op", ["Sigmoid", "Tanh", "LeakyRelu", "Relu", "HardSwish", "Identity"])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("seed", "kind"), SEEDS_AND_KINDS[::2])
def test_functions_of_one_code(op: str, dtype: Any, seed: int, kind: str) -> None:
    draw = Draw(seed, kind, dtype)
    operand = draw.operand("x", (1, 1024))
    real = operand if op == "Identity" else draw.model.node(op, [operand], "real")
    found, expected = draw.results(real, 1 / 128 if op in ("Sigmoid", "Tanh") else None)
    np.testing.assert_array_equal(found["result"], expected)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("seed", range(6))
def test_sums_that_float32_holds(dtype: Any, seed: int) -> None:
    """With scales that are powers of two every product and every sum is a float32."""
    draw = Draw(seed, "powers", dtype)
    found, expected = draw.results(draw.product())
    np.testing.assert_array_equal(found["result"], expected)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("seed", range(6))
def test_interpolation_is_rounded_once(dtype: Any, seed: int) -> None:
    draw = Draw(seed, "powers", dtype)
    scales = draw.model.array("scales", np.array([1, 1, 2, 2], np.float32))
    operands = [draw.operand("x", (1, 4, 12, 12)), "", scales]
    found, expected = draw.results(draw.model.node("Resize", operands, "real", mode="linear"))
    np.testing.assert_array_equal(found["result"], expected)


@pytest.mark.parametrize("kind", ["fractions", "random"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_other_sums_differ_at_ties_alone(kind: str, dtype: Any) -> None:
    """Each difference is of one code, and the exact sum lies on a tie or as good as on one."""
    differing = 0
    for seed in range(12):
        draw = Draw(seed, kind, dtype)
        found, expected = draw.results(draw.product())
        (sums,) = (array for name, array in found.items() if name.endswith("accumulator"))
        ratio = draw.scales["x"] * draw.scales["w"] / float(np.float32(draw.scales["y"]))
        exact = sums.astype(np.float64) * ratio
        apart = np.abs(found["result"].astype(np.int64) - expected)
        from_tie = np.abs(exact - np.floor(exact) - 0.5)
        differing += int(np.count_nonzero(apart))
        assert apart.max() <= 1
        assert (from_tie[apart > 0] < 2.0**-12).all()
    print(f"{differing} of {12 * 64 * 64} codes differ, {kind} scales, {np.dtype(dtype)}")
    assert differing > 0 or kind == "random"
