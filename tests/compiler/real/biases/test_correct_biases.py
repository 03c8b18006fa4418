# SPDX-License-Identifier: Apache-2.0
"""Analytic bias correction: the mean of a layer with rounded weights is the float one again."""

from dataclasses import replace

import numpy as np
import onnx_ir as ir
import pytest
from numpy.typing import NDArray

from intaglio.compiler.real.biases.correct_biases import correct_biases
from intaglio.compiler.real.distributions.distributions import ChannelDistribution
from intaglio.compiler.real.editing import constant
from intaglio.compiler.real.parameters import Encoding, parameters_for
from intaglio.compiler.real.quantization.options import QuantizationOptions
from intaglio.compiler.real.quantization.plan import plan_quantization, plan_weights
from intaglio.compiler.real.ranges.ranges import Range
from intaglio.compiler.real.roles import quantized_values, weight_input
from intaglio.compiler.real.statistics import write_channel_statistics
from tests.compiler.real.building import Array, parse, random, run

COARSE = QuantizationOptions(weight_bits=3, per_channel=False)
Reals = NDArray[np.float64]

LAYERS = {
    "padded": ("Conv <pads = [1, 1, 1, 1]>", "N, 3, 6, 5", (4, 3, 3, 3), 4),
    "strided": ("Conv <pads = [0, 1, 2, 1], strides = [2, 2]>", "N, 3, 6, 5", (4, 3, 3, 2), 4),
    "grouped": ("Conv <group = 2, pads = [1, 1, 1, 1]>", "N, 4, 5, 5", (6, 2, 3, 3), 6),
    "depthwise": ("Conv <group = 3, pads = [1, 1, 1, 1]>", "N, 3, 5, 5", (6, 1, 3, 3), 6),
    "transposed": ("ConvTranspose <strides = [2, 2]>", "N, 3, 4, 5", (3, 4, 3, 3), 4),
    "grouped transposed": (
        "ConvTranspose <strides = [2, 2], group = 2, pads = [1, 1, 0, 0]>",
        "N, 4, 4, 5",
        (4, 3, 3, 3),
        6,
    ),
    "line": ("Conv <pads = [2, 2]>", "N, 3, 7", (4, 3, 5), 4),
    "product": ("Gemm", "N, 5", (5, 3), 3),
    "transposed product": ("Gemm <transB = 1>", "N, 5", (3, 5), 3),
}


def rounded(model: ir.Model, options: QuantizationOptions) -> ir.Model:
    """The model with its weights rounded to codes and everything else in float."""
    weights, model = plan_weights(model, options), model.clone()
    for node in model.graph:
        found = weight_input(node)
        if found is not None:
            index, value = found
            parameters = next(
                p for o, p in weights.items() if (o.node, o.index) == (node.outputs[0].name, index)
            )
            array = constant(value)
            assert array is not None
            codes = parameters.quantize(array.astype(np.float64))
            value.const_value = ir.tensor(parameters.dequantize(codes).astype(np.float32))
    return model


def channel_means(array: Array) -> Reals:
    means: Reals = array.astype(np.float64).mean(axis=(0, *range(2, array.ndim)))
    return means


@pytest.mark.parametrize("kind", LAYERS)
@pytest.mark.parametrize("biased", [True, False])
def test_the_mean_over_all_positions_is_restored_exactly(kind: str, biased: bool) -> None:
    op, shape, weight, outputs = LAYERS[kind]
    result = "N, M" if "Gemm" in op else "N, M, H, W" if shape.count(",") == 3 else "N, M, L"
    constants = {"w": random(1, *weight)} | ({"b": random(2, outputs)} if biased else {})
    operands = "x, w, b" if biased else "x, w"
    text = f"(float[{shape}] x) => (float[{result}] y) {{ y = {op} ({operands}) }}"
    model = parse(text, **constants)
    channels = int(shape.split(", ")[1])
    mean = np.linspace(0.5, 2.0, channels)
    known = {"x": ChannelDistribution.normal(mean, np.ones(channels))}
    outcome = correct_biases(model, plan_weights(model, COARSE), known)

    # A layer is affine: on its mean it yields its mean.
    dims = [int(d) if d != "N" else 1 for d in shape.split(", ")]
    x = np.broadcast_to(mean.reshape(1, -1, *[1] * (len(dims) - 2)), dims).astype(np.float32)
    wanted = channel_means(run(model, {"x": x})["y"])
    before = channel_means(run(rounded(model, COARSE), {"x": x})["y"])
    after = channel_means(run(rounded(outcome.model, COARSE), {"x": x})["y"])
    assert np.abs(before - wanted).max() > 0.05
    assert after == pytest.approx(wanted, abs=1e-5)
    assert outcome.channels == outputs


def test_weights_that_all_round_up() -> None:
    # Scale 1: 2.75 becomes 3, 0.75 becomes 1, 3 stays. E[relu of a standard normal] = 0.39894.
    weight = np.array([[2.75, 3.0], [0.75, -0.25]], np.float32)
    text = "(float[N, 2] x) => (float[N, 2] y) { h = Relu(x) y = Gemm <transB = 1> (h, w, b) }"
    model = parse(text, w=weight, b=np.array([1.0, 2.0], np.float32))
    normal = ChannelDistribution.normal(np.zeros(2), np.ones(2))
    known = {"h": normal.clipped(0.0, np.inf)}
    outcome = correct_biases(model, plan_weights(model, COARSE), known)
    bias = constant(outcome.model.graph.node(1).inputs[2])
    mean = 1 / np.sqrt(2 * np.pi)
    assert bias == pytest.approx(np.array([1.0 - 0.25 * mean, 2.0 - 0.25 * mean - 0.25 * mean]))
    (note,) = outcome.notes
    assert note.figures == pytest.approx({"largest": 0.5 * mean})


def test_the_figures_are_in_units_of_the_layers_spread() -> None:
    weight = np.array([[2.75, 3.0], [0.75, 3.0]], np.float32)
    text = "(float[N, 2] x) => (float[N, 2] y) { y = Gemm <transB = 1> (x, w) }"
    model = parse(text, w=weight)
    write_channel_statistics(model.graph.outputs[0], np.zeros(2), np.array([0.0, 2.0]))
    known = {"x": ChannelDistribution.normal(np.array([4.0, 1.0]), np.ones(2))}
    (note,) = correct_biases(model, plan_weights(model, COARSE), known).notes
    unit = np.sqrt(2.0)
    expected = {"largest": 1.0, "largest_in_std": 1.0 / unit, "rms_in_std": 1.0 / unit}
    assert note.figures == pytest.approx(expected)


CHAIN = """(float[N, 3, 8, 8] x) => (float[N, 4, 8, 8] z) {
    h = Conv <pads = [1, 1, 1, 1]> (x, w1, b1)
    a = Relu(h)
    z = Conv <pads = [1, 1, 1, 1]> (a, w2, b2)
}"""


def test_a_chain_keeps_the_means_that_later_layers_rely_on() -> None:
    model = parse(
        CHAIN,
        w1=random(0, 6, 3, 3, 3),
        b1=random(1, 6),
        w2=random(2, 4, 6, 3, 3),
        b2=random(3, 4),
    )
    x = (random(4, 64, 3, 8, 8) + np.array([1.0, -0.5, 2.0])[:, None, None]).astype(np.float32)
    truth = model.clone()
    truth.graph.outputs.extend(truth.graph.node(i).outputs[0] for i in (0, 1))
    values = run(truth, {"x": x})
    known = {
        name: ChannelDistribution.normal(channel_means(values[name]), np.ones(channels))
        for name, channels in (("a", 6),)
    } | {"x": ChannelDistribution.normal(np.array([1.0, -0.5, 2.0]), np.ones(3))}
    weights = plan_weights(model, COARSE)

    def error(corrected: ir.Model) -> float:
        found = run(rounded(corrected, COARSE), {"x": x})["z"]
        return float(np.abs(channel_means(found) - channel_means(values["z"])).max())

    both = error(correct_biases(model, weights, known).model)
    last = error(correct_biases(model, weights, {"a": known["a"]}).model)
    assert both < last / 2 < error(model) / 2


def test_layers_without_distribution_are_left_and_named() -> None:
    model = parse(CHAIN, w1=random(0, 6, 3, 3, 3), b1=random(1, 6),
                  w2=random(2, 4, 6, 3, 3), b2=random(3, 4))  # fmt: skip
    known = {"a": ChannelDistribution.normal(np.ones(6), np.ones(6))}
    outcome = correct_biases(model, plan_weights(model, COARSE), known, {"x": "an input"})
    first, second = outcome.notes
    assert "left as it is: no distribution of its input x (an input)" in first.said
    assert not first.figures
    assert second.figures["largest"] > 0
    assert outcome.summary == "1 of 2 layers corrected by calculation"
    assert constant(outcome.model.graph.node(0).inputs[2]) == pytest.approx(random(1, 6))


def test_a_distribution_of_other_channels_is_refused() -> None:
    model = parse("(float[N, 3] x) => (float[N, 2] y) { y = Gemm (x, w) }", w=random(0, 3, 2))
    known = {"x": ChannelDistribution.normal(np.ones(2), np.ones(2))}
    outcome = correct_biases(model, plan_weights(model, COARSE), known)
    assert outcome.channels == 0
    assert "has 2 channels, the layer reads 3" in outcome.notes[0].said


def test_a_product_along_the_last_axis_is_left() -> None:
    text = "(float[N, 4, 3] x) => (float[N, 4, 2] y) { y = MatMul (x, w) }"
    model = parse(text, w=random(0, 3, 2))
    known = {"x": ChannelDistribution.normal(np.ones(4), np.ones(4))}
    outcome = correct_biases(model, plan_weights(model, COARSE), known)
    assert "MatMul of this form has no bias" in outcome.notes[0].said


def test_shared_weights_stay_shared_and_the_given_model_stays() -> None:
    text = """(float[N, 3] x) => (float[N, 3] y) { h = Gemm (x, w, b) y = Gemm (h, w, b) }"""
    model = parse(text, w=random(0, 3, 3), b=random(1, 3))
    ones = ChannelDistribution.normal(np.ones(3), np.ones(3))
    outcome = correct_biases(model, plan_weights(model, COARSE), {"x": ones, "h": ones})
    first, second = outcome.model.graph
    assert first.inputs[1] is second.inputs[1]
    assert first.inputs[2] is not second.inputs[2]
    assert constant(model.graph.node(0).inputs[2]) == pytest.approx(random(1, 3))


def test_weights_are_planned_before_activations() -> None:
    model = parse("(float[N, 3] x) => (float[N, 2] y) { y = Gemm (x, w, b) }",
                  w=random(0, 3, 2), b=random(1, 2))  # fmt: skip
    options = replace(COARSE, per_channel=True)
    ranges = {v.name or "": Range(-4.0, 4.0) for v in quantized_values(model.graph)}
    plan = plan_quantization(model, ranges, options)
    for key, parameters in plan_weights(model, options).items():
        assert plan.constants[key] == parameters
    assert len(plan_weights(model, options)) == 1


def test_the_input_mean_of_the_first_layer_follows_from_its_batch_normalization() -> None:
    op, shape, weight, _ = LAYERS["padded"]
    text = f"(float[{shape}] x) => (float[N, M, H, W] y) {{ y = {op} (x, w, b) }}"
    model = parse(text, w=random(1, 8, *weight[1:]), b=random(2, 8))
    mean = np.array([0.5, -1.0, 2.0])
    x = np.broadcast_to(mean[:, None, None], (1, 3, 6, 5)).astype(np.float32)
    wanted = channel_means(run(model, {"x": x})["y"])
    write_channel_statistics(model.graph.outputs[0], wanted, np.linspace(0.5, 3.0, 8))
    outcome = correct_biases(model, plan_weights(model, COARSE), {})
    after = channel_means(run(rounded(outcome.model, COARSE), {"x": x})["y"])
    assert after == pytest.approx(wanted, abs=1e-4)
    assert "follows from the means of its result" in outcome.notes[0].said
    assert outcome.notes[0].figures["residual_in_std"] < 1e-5


def test_codes_of_the_input_that_move_its_mean() -> None:
    # Scale 1 for all: 2.75 becomes 3; a channel that is always 0.6 becomes 1, and of one that is
    # 9 or more half of the time, cut off at 7, what is above is lost.
    model = parse("(float[N, 2] x) => (float[N, 1] y) { y = Gemm <transB = 1> (x, w) }",
                  w=np.array([[2.75, -3.0]], np.float32))  # fmt: skip
    known = {
        "x": ChannelDistribution(
            np.array([0.6, 9.0]), np.array([0.0, 3.0]), np.array([0.0, 9.0]), np.array([9.0, 99.0])
        )
    }
    mean = 9.0 + 3.0 / np.sqrt(2 * np.pi)
    codes = parameters_for(0.0, 7.0, Encoding(3, signed=False))
    outcome = correct_biases(model, plan_weights(model, COARSE), known, activations={"x": codes})
    bias = constant(outcome.model.graph.node(0).inputs[2])
    wanted, found = 2.75 * 0.6 - 3.0 * mean, 3.0 * 1.0 - 3.0 * 7.0
    assert bias == pytest.approx(np.array([wanted - found]), abs=0.02)
