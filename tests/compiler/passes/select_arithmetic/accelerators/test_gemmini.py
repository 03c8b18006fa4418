# SPDX-License-Identifier: Apache-2.0
"""Gemmini, as its C library and its generator state it: float32 scales, 20-bit partial sums."""

from dataclasses import replace

import numpy as np
import pytest

from intaglio.numerics.profile import load_profile
from intaglio.numerics.profile.rules import Condition
from tests.compiler.passes.select_arithmetic.accelerators.machines import (
    TRIPLES,
    Codes,
    clipped,
    codes_of,
    dense,
    every_pair,
    graph_of,
    pair,
    run,
    run_pairs,
    single,
)


def wrapped(values: Codes, bits: int) -> Codes:
    half = 1 << (bits - 1)
    kept: Codes = (values + half) % (2 * half) - half
    return kept


def acc_scale(values: Codes, factor: float) -> Codes:
    """int32 to float32, one product, ROUND_NEAR_EVEN."""
    product = values.astype(np.float32) * np.float32(factor)
    found: Codes = np.rint(product).astype(np.int64)
    return found


def mesh(x: Codes, w: Codes, bias: Codes) -> Codes:
    """Rows of 16 in 20 bits, tile after tile into 32 bits."""
    total = wrapped(np.broadcast_to(bias, (x.shape[0], w.shape[0])).copy(), 32)
    for start in range(0, w.shape[1], 16):
        tile = wrapped(x[:, start : start + 16] @ w[:, start : start + 16].T, 20)
        total = wrapped(total + tile, 32)
    return total


@pytest.mark.parametrize(("element", "zero"), [("i8", 0), ("u8", 0), ("u8", 131), ("i16", 0)])
def test_the_array_and_its_scale(element: str, zero: int) -> None:
    """Partial sums of 8 bits fit; for operands of 16, which the machine hasn't, they wrap."""
    gemmini = load_profile("gemmini")
    (rule,) = gemmini.contraction
    gemmini = replace(gemmini, contraction=(replace(rule, when=Condition()),))
    rng = np.random.default_rng(2)
    w = rng.integers(-128, 127, (3, 37), endpoint=True)
    w[0, 1:] = 0
    w[0, 0] = 3
    scales = [2.0**-6, 0.0123, 0.00047]
    bias = [(1 << 24) + 1, -77, 5]
    graph = dense(
        element, "i8", (0.25, scales, 0.5), (zero, 0), w, ("i32", bias), "fully_connected"
    )
    x = codes_of(element, 37)
    found = run(graph, gemmini, {"x": x})[0, 0]
    sums = mesh(x[0, 0] - zero, w, np.array(bias))
    exact = (x[0, 0] - zero) @ w.T + np.array(bias)
    assert (sums != exact).any() == (element == "i16")
    for channel, scale in enumerate(scales):
        factor = np.float32(np.float32(0.25) * np.float32(scale)) / np.float32(0.5)
        expected = clipped(acc_scale(sums[:, channel], float(factor)), "i8")
        assert found[:, channel].tolist() == expected.tolist()


def test_sums_beyond_24_bits_round_before_they_are_scaled() -> None:
    w, bias = np.array([[1]]), [(1 << 25) + 2]
    graph = dense("i8", "i16", (1.0, [2.0**-12], 1.0), (0, 0), w, ("i32", bias))
    x = codes_of("i8", 1)
    sums = x[0, 0, :, 0] + bias[0]
    found = run(graph, "gemmini", {"x": x})[0, 0, :, 0]
    assert found.tolist() == acc_scale(sums, 2.0**-12).tolist()


@pytest.mark.parametrize("scales", TRIPLES)
@pytest.mark.parametrize("op", ["add", "subtract"])
def test_every_residual_sum(op: str, scales: tuple[float, float, float]) -> None:
    """``resadd_cpu``: MVIN_SCALE of each operand saturates to int8, then the sum does."""
    left, right = every_pair("i8")
    a, b, y = (np.float32(scale) for scale in scales)
    first = clipped(acc_scale(left, float(a / y)), "i8")
    second = clipped(acc_scale(right, float(b / y)), "i8")
    expected = clipped(first + (second if op == "add" else -second), "i8")
    found = run_pairs(pair(op, "i8", scales, (0, 0, 0)), "gemmini", "i8")
    assert np.array_equal(found, expected)


def test_operands_saturate_before_they_are_added() -> None:
    graph = pair("add", "i8", (2.0, 2.0, 1.0), (0, 0, 0))
    left, right = every_pair("i8")
    found = run_pairs(graph, "gemmini", "i8")
    at = (left == 100) & (right == -50)
    assert found[at].tolist() == [127 - 100]


def test_the_global_average() -> None:
    """The accumulator sums int8; acc_scale is the float32 nearest to 1 / 49."""
    scale = f"{{scale=f32({single(0.03)!r})}}"
    graph = graph_of(
        f"%x: i8[1,7,7,64]{scale} = input\n%y: i8[1,1,1,64]{scale} = reduce_mean(%x) axes=[1,2] "
        "keep_dimensions=true global_pool=true\n"
    )
    x = np.random.default_rng(3).integers(-128, 127, (1, 7, 7, 64), endpoint=True)
    expected = acc_scale(x.sum((1, 2)), float(np.float32(1.0 / 49)))
    assert run(graph, "gemmini", {"x": x})[0, 0, 0].tolist() == expected[0].tolist()
