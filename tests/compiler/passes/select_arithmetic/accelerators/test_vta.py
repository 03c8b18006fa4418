# SPDX-License-Identifier: Apache-2.0
"""VTA, as its simulator states it: 32-bit ALU operations, then a store of the low bits."""

import numpy as np
import pytest

from intaglio.compiler.passes.select_arithmetic import select_arithmetic
from intaglio.errors import UnsupportedModel
from intaglio.numerics.profile import load_profile
from tests.compiler.passes.select_arithmetic.accelerators.machines import (
    codes_of,
    dense,
    every_pair,
    pair,
    run,
    run_pairs,
)


def word(value: int) -> int:
    return (value + (1 << 31)) % (1 << 32) - (1 << 31)


def shr(value: int, amount: int) -> int:
    """Arithmetic, to the left where the amount is negative."""
    return value >> amount if amount >= 0 else word(value << -amount)


def stored(value: int, low: int, high: int, bits: int) -> int:
    """MAX, MIN, then the store's truncation, read back as the type is."""
    kept = max(low, min(high, value)) & ((1 << bits) - 1)
    return kept - (1 << bits) if low < 0 and kept >> (bits - 1) else kept


@pytest.mark.parametrize(("element", "zero"), [("i8", 0), ("u8", 7)])
def test_a_product_is_shifted_down(element: str, zero: int) -> None:
    w = np.array([[1, -3], [57, 127], [-128, -127], [90, 0]])
    shifts = [1, 7, 9, 0]
    bias = [-3, 70000, (1 << 31) - 1, -(1 << 31)]
    scales = [2.0 ** (-2 - shift) for shift in shifts]
    low, high = (-128, 127) if element == "i8" else (0, 255)
    graph = dense(element, element, (0.5, scales, 0.125), (zero, zero), w, ("i32", bias))
    x = codes_of(element, 2)
    found = run(graph, "vta", {"x": x})[0, 0]
    seen: set[bool] = set()
    for row, result in zip(x[0, 0].tolist(), found.tolist(), strict=True):
        for weights, shift, addend, code in zip(w.tolist(), shifts, bias, result, strict=True):
            total = addend
            for value, weight in zip(row, weights, strict=True):
                total = word(total + (value - zero) * weight)
            seen.add(
                total == addend + sum((v - zero) * k for v, k in zip(row, weights, strict=True))
            )
            assert code == stored(word(shr(total, shift) + zero), low, high, 8)
    assert seen == {True, False}, "no accumulator wrapped"


@pytest.mark.parametrize("scales", [(0.125, 0.0625, 0.25), (0.5, 0.5, 1.0), (0.5, 0.25, 0.125)])
@pytest.mark.parametrize("op", ["add", "subtract"])
def test_every_sum(op: str, scales: tuple[float, float, float]) -> None:
    left, right = every_pair("i8")
    first, second = (round(np.log2(scales[2] / scale)) for scale in scales[:2])
    signed = 1 if op == "add" else -1
    expected = [
        stored(word(shr(a, first) + signed * shr(b, second)), -128, 127, 8)
        for a, b in zip(left[0].tolist(), right[0].tolist(), strict=True)
    ]
    assert run_pairs(pair(op, "i8", scales, (0, 0, 0)), "vta", "i8")[0].tolist() == expected


def test_other_scales_are_refused_with_what_to_do() -> None:
    graph = dense("i8", "i8", (0.5, [0.3], 0.125), (0, 0), np.array([[5]]))
    with pytest.raises(UnsupportedModel, match=r"is not a power of two; .*--power-of-two"):
        select_arithmetic(graph, load_profile("vta"))
