# SPDX-License-Identifier: Apache-2.0
from collections.abc import Iterator

import numpy as np
import onnx_ir as ir
import pytest

from intaglio.commands.evaluators import IntegerEvaluator
from intaglio.compiler.real.onnx_runtime import Feeds, Session
from intaglio.compiler.real.ranges.ranges import Range
from intaglio.compiler.recipes import QuantizedResult, load_choices, quantize
from intaglio.compiler.recipes.mixed_precision import SizeBudget
from intaglio.compiler.recipes.width_search import WidthSearch
from intaglio.errors import InvalidData
from tests.compiler.real.building import Array, parse, random, random_feeds, run

TEXT = """(float[N,3,16,16] x) => (y) {
    a = Conv <kernel_shape = [3, 3], pads = [1, 1, 1, 1]> (x, w1)
    b = BatchNormalization (a, gamma1, beta1, mean1, var1)
    c = Clip (b, zero, six)
    d = Conv <group = 8, kernel_shape = [3, 3], pads = [1, 1, 1, 1]> (c, w2)
    e = BatchNormalization (d, gamma2, beta2, mean2, var2)
    f = Relu (e)
    g = GlobalAveragePool (f)
    y = Conv (g, w3)
}"""


def network() -> ir.Model:
    """A separable convolution whose BatchNorms hold what normal noise does to it.

    Its channels lie 150 times apart: one scale for all of them leaves little of the smallest.
    """
    w1, w2 = random(1, 8, 3, 3, 3), random(2, 8, 1, 3, 3)
    spread = np.geomspace(0.02, 3, 8).astype(np.float32)
    ones, zeros = np.ones(8, np.float32), np.zeros(8, np.float32)
    return parse(
        TEXT,
        w1=w1,
        w2=w2 / spread[:, None, None, None],
        w3=random(3, 5, 8, 1, 1),
        gamma1=spread,
        beta1=spread,
        mean1=zeros,
        var1=np.square(w1).sum(axis=(1, 2, 3)),
        gamma2=ones,
        beta2=zeros,
        # Relu of a normal channel of mean 1 and deviation 1: mean 1.083, variance 0.751.
        mean2=1.083 * w2.sum(axis=(1, 2, 3)),
        var2=0.751 * np.square(w2).sum(axis=(1, 2, 3)),
        zero=np.array(0, np.float32),
        six=np.array(6, np.float32),
    )


def data(batches: int = 3) -> list[Feeds]:
    return [random_feeds(network(), seed, 4) for seed in range(batches)]


def signal_to_noise(result: QuantizedResult, feeds: dict[str, Array]) -> float:
    expected, found = run(network(), feeds)["y"], run(result.model, feeds)["y"]
    return 10 * float(np.log10(np.square(expected).sum() / np.square(expected - found).sum()))


@pytest.mark.parametrize("name", ["dfq", "guideline", "minmax"])
@pytest.mark.parametrize("per_channel", [False, True])
def test_every_recipe_makes_a_network_that_runs(name: str, per_channel: bool) -> None:
    choices = load_choices(name).changed({"per_channel": per_channel})
    given = data() if choices.needs_data else None
    result = quantize(network(), choices, data=given, input_ranges={"x": Range(-4, 4)})
    assert result.steps[0].name == "normalize"
    assert signal_to_noise(result, random_feeds(network(), 9, 4)) > 12


def test_the_data_free_recipe_beats_plain_ranges_with_one_scale_a_tensor() -> None:
    feeds = random_feeds(network(), 9, 8)
    found = {
        name: signal_to_noise(
            quantize(
                network(),
                load_choices(name).changed({"per_channel": False}),
                data=data() if name == "minmax" else None,
                input_ranges={"x": Range(-4, 4)},
            ),
            feeds,
        )
        for name in ("dfq", "minmax")
    }
    assert found["dfq"] > found["minmax"] + 3


def without_data(**settings: object) -> float:
    """Decibels of ``dfq`` with one scale a tensor and these settings."""
    choices = load_choices("dfq").changed({"per_channel": False, **settings})
    result = quantize(network(), choices, input_ranges={"x": Range(-4, 4)})
    return signal_to_noise(result, random_feeds(network(), 9, 8))


@pytest.mark.parametrize(
    "left_out",
    [{"equalization": "none"}, {"bias_correction": "none"}],
    ids=lambda setting: next(iter(setting)),
)
def test_a_step_left_out_is_missed(left_out: dict[str, object]) -> None:
    assert without_data(weight_bits=4) > without_data(weight_bits=4, **left_out) + 3


def test_learned_rounding_beats_the_nearest_at_few_bits() -> None:
    feeds, found = random_feeds(network(), 9, 8), dict[str, float]()
    for rounding in ("nearest", "learned"):
        choices = load_choices("guideline").changed({"rounding": rounding, "weight_bits": 3})
        found[rounding] = signal_to_noise(quantize(network(), choices, data=data()), feeds)
    assert found["learned"] > found["nearest"] + 3


def test_rewrites_keep_the_float_function_and_say_so() -> None:
    choices = load_choices("dfq").changed({"per_channel": False})
    result = quantize(network(), choices, input_ranges={"x": Range(-4, 4)})
    feeds = random_feeds(network(), 3, 4)
    expected = Session(network()).run(feeds)["y"]
    found = Session(result.normalized).run(feeds)["y"]
    assert float(np.abs(expected - found).max() / np.ptp(expected)) < 1e-4
    for step in result.steps:
        assert step.moved is None or step.moved < 1e-4
    measured = [step.signal_to_noise for step in result.steps[1:]]
    assert None not in measured


def test_progress_names_each_step() -> None:
    told: list[str] = []
    choices = load_choices("guideline").changed({"per_channel": False, "bias_correction": "data"})
    quantize(network(), choices, data=data(), progress=lambda step, done, total: told.append(step))
    assert list(dict.fromkeys(told))[-2:] == ["ranges", "biases"]
    assert told.index("equalize") < told.index("balance noise")
    quiet: list[str] = []
    choices = choices.changed({"balance_noise": False})
    quantize(network(), choices, data=data(), progress=lambda step, done, total: quiet.append(step))
    assert set(told) - set(quiet) == {"balance noise"}


def test_data_for_ranges_alone_is_run_once() -> None:
    def once() -> Iterator[Feeds]:
        yield from data()

    assert quantize(network(), load_choices("minmax"), data=once()).statistics.samples == 12


def test_a_recipe_without_its_data_says_what_needs_it() -> None:
    with pytest.raises(InvalidData, match="some, for ranges=mse, rounding=learned"):
        quantize(network(), load_choices("guideline").changed({"rounding": "learned"}))


def test_a_network_without_statistics_names_what_has_no_range() -> None:
    model = parse("(float[N,3,8,8] x) => (y) { y = Conv(x, w) }", w=random(1, 4, 3, 3, 3))
    with pytest.raises(InvalidData, match=r"without data: x \(.*--input-range x=LOW.*\), y"):
        quantize(model, load_choices("dfq"))
    assert quantize(model, load_choices("dfq"), input_ranges={"x": Range(-1, 1)}).plan


def test_a_stated_range_counts_whatever_data_shows() -> None:
    for name in ("minmax", "guideline"):
        result = quantize(
            network(), load_choices(name), data=data(), input_ranges={"x": Range(-100, 100)}
        )
        assert result.plan.activations["x"].scales == pytest.approx([200 / 255])


def test_integers_may_be_the_quantized_side() -> None:
    sides: list[str] = []

    def side(model: ir.Model, plan: object, batches: object, visit: object) -> None:
        sides.append(model.graph.name or "")

    choices = load_choices("guideline").changed({"bias_correction": "data"})
    quantize(network(), choices, data=data(), integer_side=side)
    assert sides == []
    quantize(network(), choices.changed({"bias_side": "integers"}), data=data(), integer_side=side)
    assert len(sides) == 1


@pytest.mark.parametrize("name", ["dfq", "guideline"])
def test_a_bias_that_a_correction_adds_has_codes(name: str) -> None:
    choices = load_choices(name)
    result = quantize(network(), choices, data=data() if choices.needs_data else None)
    (last,) = [node for node in result.model.graph if node.op_type == "Conv"][2:]
    assert len(network().graph.node(7).inputs) == 2
    assert len(last.inputs) == 3
    bias = last.inputs[2]
    assert bias is not None
    producer = bias.producer()
    assert producer is not None
    assert producer.op_type == "DequantizeLinear"


def test_a_budget_gives_each_layer_a_width() -> None:
    sizes: list[int] = []
    for budget in (400, 300):
        search = WidthSearch(SizeBudget(budget), IntegerEvaluator(), widths=(8, 4))
        result = quantize(
            network(), load_choices("dfq"), input_ranges={"x": Range(-4, 4)}, widths=search
        )
        weights = [
            node.inputs[0].const_value
            for node in result.model.graph
            if node.op_type == "DequantizeLinear" and node.inputs[0] is not None
        ]
        stored = [one for one in weights if one is not None and len(one.shape) > 1]
        sizes.append(sum(one.size * one.dtype.bitwidth // 8 for one in stored))
        assert sizes[-1] <= budget
        assert [step.name for step in result.steps][-3:] == ["ranges", "widths", "correct biases"]
    assert sizes[0] > sizes[1]
