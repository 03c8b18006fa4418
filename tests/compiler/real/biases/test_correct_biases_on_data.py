# SPDX-License-Identifier: Apache-2.0
"""Empirical bias correction: on its data each layer's mean is the float network's again."""

import numpy as np
import pytest

from intaglio.compiler.real.biases.correct_biases_on_data import correct_biases_on_data
from intaglio.compiler.real.biases.find_shift import MeanMatching
from intaglio.compiler.real.editing import constant
from intaglio.compiler.real.layer_by_layer.walk_in_float import UNQUANTIZED
from intaglio.compiler.real.quantization.options import QuantizationOptions
from intaglio.compiler.real.quantization.plan import Operand, QuantizationPlan, plan_weights
from intaglio.errors import InvalidData
from tests.compiler.real.building import parse, random_feeds
from tests.compiler.real.quantizing import quantize
from tests.compiler.real.walking import CONSTANTS, TEXT, means

COARSE = QuantizationOptions(weight_bits=3, activation_bits=5, per_channel=False)


def test_weights_that_all_round_up() -> None:
    # Scale 1: 2.75 becomes 3, 0.75 becomes 1; -0.25 becomes 0.
    text = "(float[N, 2] x) => (float[N, 2] y) { y = Gemm <transB = 1> (x, w, b) }"
    weight = np.array([[2.75, 3.0], [0.75, -0.25]], np.float32)
    model = parse(text, w=weight, b=np.array([1.0, 2.0], np.float32))
    plan = QuantizationPlan({}, plan_weights(model, COARSE))
    x = np.array([[1.0, 3.0], [2.0, 1.0], [3.0, 8.0]], np.float32)  # means 2 and 4
    outcome = correct_biases_on_data(model, plan, [{"x": x[:2]}, {"x": x[2:]}])
    bias = constant(outcome.model.graph.node(0).inputs[2])
    assert bias == pytest.approx(np.array([1.0 - 0.25 * 2, 2.0 - 0.25 * 2 - 0.25 * 4]))
    assert outcome.channels == 2
    (note,) = outcome.notes
    assert note.figures == pytest.approx({"largest": 1.5})


@pytest.mark.parametrize("activations", [True, False])
def test_every_layer_of_a_net_has_the_float_means_again(activations: bool) -> None:
    result = quantize(TEXT, COARSE, **CONSTANTS)
    model = result.normalized
    plan = QuantizationPlan(result.plan.activations if activations else {}, result.plan.constants)
    feeds = [random_feeds(model, seed, 4) for seed in (0, 1)]
    done: list[tuple[int, int | None]] = []
    outcome = correct_biases_on_data(
        model,
        plan,
        feeds,
        matching=MeanMatching(behind_clamps=False, shrink=False),
        progress=lambda at, total: done.append((at, total)),
    )
    assert done == [(at, 8) for at in range(1, 9)]
    wanted, before = means(model, UNQUANTIZED, feeds), means(model, plan, feeds)
    after = means(outcome.model, plan, feeds)
    biased = {key.node for key in plan.constants if key.index == 2}
    of_f = 0.0
    if activations:
        of_f = plan.activations["x"].scales[0] * plan.constants[Operand("f", 1)].scales[0]
    for name, mean in wanted.items():
        assert np.abs(before[name] - mean).max() > 0.01
        step = plan.constants[Operand(name, 2)].scales[0] if name in biased else of_f
        # A tenth more: sums of few codes often lie halfway between two codes of the result.
        assert np.abs(after[name] - mean).max() <= 0.6 * step + 1e-5
    assert constant(model.graph.node(0).inputs[2]) == pytest.approx(CONSTANTS["b1"])


def test_a_layer_is_corrected_for_what_the_quantized_layers_before_it_yield() -> None:
    text = "(float[N, 1] x) => (float[N, 1] y) { h = Gemm (x, v) r = Relu (h) y = Gemm (r, w) }"
    model = parse(text, v=np.array([[0.75]], np.float32), w=np.array([[1.0]], np.float32))
    options = QuantizationOptions(weight_bits=2, per_channel=False, power_of_two_scales=True)
    plan = QuantizationPlan({}, plan_weights(model, options))
    feeds = [{"x": np.array([[-1.0], [3.0]], np.float32)}]
    outcome = correct_biases_on_data(model, plan, feeds)
    first, _, second = outcome.model.graph
    # v becomes 1, so -0.75 and 2.25 become -1 and 3. Behind Relu that is 0.75 too much, and all of
    # it is in the second sample.
    assert constant(first.inputs[2]) == pytest.approx(np.array([-0.75]))
    assert constant(second.inputs[2]) == pytest.approx(np.array([0.0]), abs=1e-6)

    outcome = correct_biases_on_data(model, plan, feeds, matching=MeanMatching(behind_clamps=False))
    first, _, second = outcome.model.graph
    # In the mean it is a quarter too much.
    assert constant(first.inputs[2]) == pytest.approx(np.array([-0.25]))
    # w stays, but reads 0 and 2.75 where the float network reads 0 and 2.25.
    assert constant(second.inputs[2]) == pytest.approx(np.array([-0.25]))


def test_only_the_layers_asked_for_and_against_another_reference() -> None:
    model = parse(TEXT, **CONSTANTS)
    changed = {**CONSTANTS, "b4": CONSTANTS["b4"] + 3.0}
    feeds = [random_feeds(model, 0, 4)]
    outcome = correct_biases_on_data(
        parse(TEXT, **changed), UNQUANTIZED, feeds, reference=model, layers=["y"]
    )
    bias = constant(outcome.model.graph.node(9).inputs[2])
    assert bias == pytest.approx(CONSTANTS["b4"], abs=1e-5)
    assert outcome.summary == "1 of 4 layers corrected on data"
    assert [bool(note.figures) for note in outcome.notes] == [True]


def test_refuses_no_data_and_numbers_without_a_mean() -> None:
    model = parse(TEXT, **CONSTANTS)
    with pytest.raises(InvalidData, match="the data: found no sample"):
        correct_biases_on_data(model, UNQUANTIZED, [])
    feeds = random_feeds(model, 0, 2)
    feeds["x"][0, 0, 0, 0] = np.nan
    with pytest.raises(InvalidData, match="value a: found NaN or infinite numbers"):
        correct_biases_on_data(model, UNQUANTIZED, [feeds])


def test_a_product_along_the_last_axis_is_left_and_named() -> None:
    text = "(float[N, 4, 3] x) => (float[N, 4, 2] y) { y = MatMul (x, w) }"
    model = parse(text, w=np.ones((3, 2), np.float32))
    outcome = correct_biases_on_data(model, UNQUANTIZED, [random_feeds(model, 0, 2)])
    assert outcome.summary == "0 of 0 layers corrected on data"
    assert ["no bias" in note.said for note in outcome.notes] == [True]
