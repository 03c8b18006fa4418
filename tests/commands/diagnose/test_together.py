# SPDX-License-Identifier: Apache-2.0
"""All layers in codes: the integers by hand, and what is counted of them."""

from fractions import Fraction
from math import floor

import numpy as np
import pytest

from intaglio.commands.diagnose.integer_twin import IntegerTwin
from intaglio.commands.diagnose.quantized_network import read_quantized
from intaglio.commands.diagnose.together import Together, same_greatest
from intaglio.numerics.profile import load_profile
from tests.commands.diagnose.networks import case, sqnr
from tests.compiler.real.building import random, run

TEXT = """(float[N, 6] x) => (float[N, 3] y) {
    a = Gemm (x, W1, b1)
    h = Relu (a)
    y = Gemm (h, W2, b2)
}"""
CONSTANTS = {"W1": random(1, 6, 7), "b1": random(2, 7), "W2": random(3, 7, 3), "b2": random(4, 3)}
FEEDS = [{"x": random(10 + index, 1, 6)} for index in range(5)]


def test_hidden_codes_and_output_are_those_of_the_integers_by_hand() -> None:
    small = case(CONSTANTS, text=TEXT, calibration=FEEDS)
    reference = small.subject.rewritten
    assert reference is not None
    network = read_quantized(small.subject.quantized)
    codes = {one.name: one.parameters for one in network.activations}
    values: dict[str, list[np.ndarray[tuple[int, ...], np.dtype[np.float64]]]] = {"h": [], "y": []}
    for feeds in FEEDS:
        current = codes["x"].quantize(feeds["x"].astype(np.float64))
        for layer, source, result in zip(network.layers, "xh", "hy", strict=True):
            weights, bias = layer.operands
            sums = (current - codes[source].zero_points[0]) @ weights.codes + bias.codes
            factors = [
                Fraction(codes[source].scales[0]) * Fraction(s) / Fraction(codes[result].scales[0])
                for s in weights.parameters.scales
                * (sums.shape[1] // len(weights.parameters.scales))
            ]
            zero = codes[result].zero_points[0]
            rounded = [
                [
                    floor(int(total) * factor + Fraction(1, 2)) + zero
                    for total, factor in zip(row, factors, strict=True)
                ]
                for row in sums
            ]
            current = np.clip(np.array(rounded), 0, 255)
            values[result].append(codes[result].dequantize(current))
    twin = IntegerTwin(network, "small", 1, load_profile("single-rounding"))
    together = Together(small.subject.original, reference, network, twin)
    for feeds in FEEDS:
        together.run(feeds)
    exact = [run(reference, feeds)["y"] for feeds in FEEDS]
    assert together.output().fidelity.sqnr_db == pytest.approx(sqnr(exact, values["y"]), abs=1e-3)
    hidden = [np.maximum(f["x"] @ CONSTANTS["W1"] + CONSTANTS["b1"], 0) for f in FEEDS]
    found = together.watches["h"].tally.fidelity()
    assert found.sqnr_db == pytest.approx(sqnr(hidden, values["h"]), abs=1e-3)
    rewritten = together.output().rewritten
    assert rewritten is not None
    assert rewritten.largest_error == 0


def test_without_the_rewritten_network_only_the_output_is_compared() -> None:
    small = case(CONSTANTS, text=TEXT, calibration=FEEDS)
    network = read_quantized(small.subject.quantized)
    twin = IntegerTwin(network, "small", 1, load_profile("single-rounding"))
    together = Together(small.subject.original, None, network, twin)
    for feeds in FEEDS:
        together.run(feeds)
    assert together.output().rewritten is None
    assert together.output().fidelity.decibels > 20
    assert together.expected == []
    assert together.watches["h"].elements == 0
    assert together.watches["h"].use().codes > 0.9


def test_the_same_greatest_element() -> None:
    expected = np.array([[1, 5, 2], [7, 0, 7], [0, 0, 1]], np.float32)
    found = np.array([[0, 9, 8], [6, 0, 7], [0, 0, 1]], np.float32)
    assert same_greatest(expected, found) == 2
    assert same_greatest(expected[:, :1], found[:, :1]) is None
