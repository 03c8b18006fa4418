# SPDX-License-Identifier: Apache-2.0
"""FINN, as MultiThreshold states it: a code is the number of thresholds that a sum has reached."""

from fractions import Fraction
from math import ceil

import numpy as np
import pytest

from intaglio.compiler.ir import fixed
from intaglio.compiler.passes.select_arithmetic import select_arithmetic
from intaglio.compiler.pipeline import lower
from intaglio.errors import UnsupportedModel
from intaglio.numerics.profile import load_profile
from intaglio.numerics.scalings import Thresholds
from tests.compiler.passes.select_arithmetic.accelerators.machines import (
    TRIPLES,
    codes_of,
    dense,
    every_pair,
    pair,
    run,
    run_pairs,
    single,
)


def thresholds(real: Fraction, low: int, high: int, zero: int) -> list[int]:
    """Half a step below each code, rounded up to an integer (RoundAndClipThresholds)."""
    return [ceil((code - zero - Fraction(1, 2)) / real) for code in range(low + 1, high + 1)]


W = np.array([[1, 0], [127, -3], [-57, 9], [90, 90]])
SCALES = [0.5, 2.0**-4, 0.0123, 0.0003]
BIAS = [5, -700, 41, 1000]


@pytest.mark.parametrize(
    ("element", "result", "zero"), [("i8", "i8", -5), ("u8", "u4", 0), ("i8", "i2", 0)]
)
def test_codes_count_thresholds(element: str, result: str, zero: int) -> None:
    graph = dense(element, result, (0.25, SCALES, 0.5), (3, zero), W, ("i32", BIAS))
    x = codes_of(element, 2)
    found, totals = run(graph, "finn", {"x": x})[0, 0], (x[0, 0] - 3) @ W.T + np.array(BIAS)
    bits = int(result[1:])
    low = -(1 << (bits - 1)) if result[0] == "i" else 0
    high = low + (1 << bits) - 1
    for channel, scale in enumerate(SCALES):
        steps = np.array(thresholds(Fraction(single(scale)) / 2, low, high, zero))
        expected = low + (totals[:, channel, None] >= steps).sum(1)
        assert found[:, channel].tolist() == expected.tolist()


def test_nothing_but_thresholds_is_left() -> None:
    graph = dense("i8", "i8", (0.25, SCALES, 0.5), (3, -5), W, ("i32", BIAS))
    lowered = select_arithmetic(graph, load_profile("finn"))
    ((_, op),) = lowered.nodes_of(fixed.Requantize)
    assert all(isinstance(each.scaling, Thresholds) for each in op.requantizers)


def test_accumulators_are_as_wide_as_the_weights_need() -> None:
    """``minimize_accumulator_width``: ceil(log2(max(-least, 1 + most))) + 1 bits."""
    w = np.array([[3, -5], [7, 9]])
    graph = lower(dense("i8", "i8", (0.25, [0.5, 0.5], 0.5), (0, 0), w), load_profile("finn"))
    ((_, op),) = graph.nodes_of(fixed.Conv2d)
    positive, negative = np.clip(w, 0, None).sum(1), np.clip(w, None, 0).sum(1)
    most = int((127 * positive - 128 * negative).max())
    least = int((-128 * positive + 127 * negative).min())
    assert op.accumulator.type.bits == max(-least - 1, most).bit_length() + 1


@pytest.mark.parametrize("scales", [(0.5, 0.5, 1.0), (0.125, 0.125, 0.25), TRIPLES[0]])
def test_every_sum_of_streams(scales: tuple[float, float, float]) -> None:
    left, right = every_pair("i8")
    a, b, y = (Fraction(single(scale)) for scale in scales)
    unit = min(a, b)
    total = left * int(a / unit) + right * int(b / unit)
    steps = np.array(thresholds(unit / y, -128, 127, 0))
    expected = -128 + np.searchsorted(steps, total, side="right")
    assert np.array_equal(run_pairs(pair("add", "i8", scales, (0, 0, 0)), "finn", "i8"), expected)


def test_results_of_more_than_8_bits_are_refused() -> None:
    graph = dense("i8", "i16", (0.25, [0.5], 0.5), (0, 0), np.array([[1]]))
    with pytest.raises(UnsupportedModel, match="65535: are more than a table of them holds"):
        select_arithmetic(graph, load_profile("finn"))
