# SPDX-License-Identifier: Apache-2.0
"""Bias correction in exact integers, against hand-worked sums and against the simulated file."""

import numpy as np
import pytest

from intaglio.commands.integer_side import IntegerSide
from intaglio.compiler.real.biases.correct_biases_on_data import correct_biases_on_data
from intaglio.compiler.real.biases.find_shift import MeanMatching
from intaglio.compiler.real.editing import constant
from intaglio.compiler.real.layer_by_layer.walk_in_float import UNQUANTIZED
from intaglio.compiler.real.quantization.options import QuantizationOptions
from intaglio.compiler.real.quantization.plan import Operand, plan_quantization
from intaglio.compiler.real.ranges.ranges import Range, observed_ranges
from tests.compiler.real.biases.test_correct_biases import LAYERS as LAYERS_OF_ALL_KINDS
from tests.compiler.real.building import parse, random, random_feeds
from tests.compiler.real.quantizing import quantize
from tests.compiler.real.walking import CONSTANTS, LAYERS, TEXT, means

INTEGERS = IntegerSide()
COARSE = QuantizationOptions(weight_bits=4, activation_bits=6, per_channel=False)


def test_by_hand() -> None:
    # Codes of x are x itself (scale 1), weights have scale 1: 2.75 becomes 3, 0.75 becomes 1.
    text = "(float[N, 2] x) => (float[N, 2] y) { y = Gemm <transB = 1> (x, w, b) }"
    weight = np.array([[2.75, 3.0], [0.75, -1.0]], np.float32)
    model = parse(text, w=weight, b=np.array([1.0, 2.0], np.float32))
    options = QuantizationOptions(weight_bits=3, per_channel=False)
    ranges = {"x": Range(0.0, 255.0), "y": Range(0.0, 2550.0)}
    plan = plan_quantization(model, ranges, options)
    x = np.array([[0.75, 30.0], [101.25, 10.0], [99.0, 80.5]], np.float32)  # 80.5 becomes 80
    found = means(model, plan, [{"x": x[:2]}, {"x": x[2:]}], INTEGERS)
    first = (3 * 1 + 3 * 30 + 1) + (3 * 101 + 3 * 10 + 1) + (3 * 99 + 3 * 80 + 1)
    second = (1 - 30 + 2) + (101 - 10 + 2) + (99 - 80 + 2)
    assert found["y"].tolist() == [first / 3, second / 3]

    outcome = correct_biases_on_data(model, plan, [{"x": x[:2]}, {"x": x[2:]}], side=INTEGERS)
    wanted = (x.astype(np.float64) @ weight.T + [1.0, 2.0]).mean(axis=0)
    # To whole steps of the accumulator, which are ones.
    expected = np.rint(np.array([1.0, 2.0]) + wanted - [first / 3, second / 3])
    bias = constant(outcome.model.graph.node(0).inputs[2])
    assert bias is not None
    assert bias.tolist() == expected.tolist()


def test_is_close_to_the_float_side_on_a_net_of_all_kinds() -> None:
    result = quantize(TEXT, **CONSTANTS)
    feeds = [random_feeds(result.normalized, 1, 3), random_feeds(result.normalized, 2, 2)]
    exact = means(result.normalized, result.plan, feeds, INTEGERS)
    simulated = means(result.normalized, result.plan, feeds)
    assert list(exact) == LAYERS
    for name, mean in exact.items():
        assert mean == pytest.approx(simulated[name], abs=0.02)


@pytest.mark.parametrize("options", [QuantizationOptions(), COARSE])
def test_what_is_added_on_the_way_is_what_the_corrected_bias_does(
    options: QuantizationOptions,
) -> None:
    result = quantize(TEXT, options, **CONSTANTS)
    model, plan = result.normalized, result.plan
    feeds = [random_feeds(model, 1, 4)]
    plain = MeanMatching(behind_clamps=False, shrink=False)
    outcome = correct_biases_on_data(model, plan, feeds, side=INTEGERS, matching=plain)
    wanted, before = means(model, UNQUANTIZED, feeds), means(model, plan, feeds, INTEGERS)
    again = plan_quantization(outcome.model, observed_ranges(result.statistics), options)
    after = means(outcome.model, again, feeds, INTEGERS)
    most = 0.0
    for name, mean in wanted.items():
        x = {"a": "x", "c": "b", "f": "x", "y": "h"}[name]
        steps = plan.activations[x].scales[0] * np.array(plan.constants[Operand(name, 1)].scales)
        # The very same integers: nothing is left but the rounding of the bias.
        assert (np.abs(after[name] - mean) <= 0.5001 * steps).all()
        most = max(most, float((np.abs(before[name] - mean) / steps).max()))
    assert most > 2.0


@pytest.mark.parametrize("kind", LAYERS_OF_ALL_KINDS)
def test_every_kind_of_layer(kind: str) -> None:
    op, shape, weight, outputs = LAYERS_OF_ALL_KINDS[kind]
    result = "N, M" if "Gemm" in op else "N, M, H, W" if shape.count(",") == 3 else "N, M, L"
    text = f"(float[{shape}] x) => (float[{result}] y) {{ y = {op} (x, w, b) }}"
    found = quantize(text, COARSE, w=random(1, *weight), b=random(2, outputs))
    feeds = [random_feeds(found.normalized, 5, 3), random_feeds(found.normalized, 6, 1)]
    exact = means(found.normalized, found.plan, feeds, INTEGERS)["y"]
    # The same codes: what differs is float32's rounding of sums, and of an input near two codes.
    assert exact == pytest.approx(means(found.normalized, found.plan, feeds)["y"], abs=2e-3)

    outcome = correct_biases_on_data(
        found.normalized, found.plan, feeds, side=INTEGERS, matching=MeanMatching(shrink=False)
    )
    wanted = means(found.normalized, UNQUANTIZED, feeds)["y"]
    after = means(outcome.model, found.plan, feeds, INTEGERS)["y"]
    step = found.plan.constants[Operand("y", 2)].scales[0]
    assert np.abs(after - wanted).max() <= 0.5001 * step
