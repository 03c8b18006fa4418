# SPDX-License-Identifier: Apache-2.0
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import onnx_ir as ir
import pytest

from intaglio.compiler.real.normalization.normalize import normalize
from intaglio.compiler.real.quantization.layer_overrides import LayerOverride
from intaglio.compiler.real.ranges.ranges import Range
from intaglio.compiler.recipes import load_choices, quantize
from intaglio.compiler.recipes.known_inputs import know_inputs
from intaglio.compiler.recipes.synthetic_data import make_data, synthesis_step
from intaglio.compiler.synthesis.options import SynthesisOptions
from intaglio.compiler.synthesis.synthetic_set import SyntheticSet
from intaglio.errors import InvalidData, InvalidOption
from tests.compiler.real.building import parse, random

NOISE = SynthesisOptions("noise", synthetic_samples=6)
RANGES = {"x": Range(-1, 3)}


def network(batch: int | str = "N") -> ir.Model:
    text = f"""(float[{batch},3,8,8] x) => (y) {{
        a = Conv(x, w1) b = Relu(a) y = Conv(b, w2)
    }}"""
    return parse(text, w1=random(1, 4, 3, 3, 3), w2=random(2, 5, 4, 3, 3))


def ignore(doing: str, done: int, total: int | None) -> None: ...


def made(model: ir.Model, options: SynthesisOptions = NOISE) -> SyntheticSet:
    return make_data(model, options, know_inputs(normalize(model), RANGES, None), ignore)


def test_noise_keeps_to_what_is_known_of_the_input() -> None:
    found = made(network())
    samples = found.inputs["x"]
    assert samples.shape == (6, 3, 8, 8)
    assert samples.min() >= -1
    assert samples.max() <= 3
    assert found.samples == 6
    assert synthesis_step(found).summary == "6 samples: normal noise"


def test_losses_are_told_from_first_to_last() -> None:
    found = SyntheticSet({"x": np.zeros((2, 1), np.float32)}, {"total": (8.0, 3.0, 0.5)}, "made")
    assert synthesis_step(found).summary == "2 samples: made; loss 8 -> 0.5"
    worse = replace(found, losses={"total": (8.0, 0.5, 9.0)})
    assert synthesis_step(worse).summary.endswith("loss 8 -> 9, which rose: lower learning_rate")


def test_an_input_of_unknown_range_is_refused() -> None:
    with pytest.raises(InvalidData, match=r"input x: .*--input-range x=LOW,HIGH"):
        make_data(network(), NOISE, know_inputs(normalize(network()), {}, None), ignore)


def test_an_input_of_open_shape_is_refused() -> None:
    model = parse("(float[N,3,H,8] x) => (y) { y = Conv(x, w1) }", w1=random(1, 4, 3, 3, 3))
    with pytest.raises(InvalidData, match=r"input x: found the shape \[N,3,H,8\].*--calibration"):
        made(model)


def test_data_is_made_only_where_it_is_asked_for() -> None:
    with pytest.raises(InvalidOption, match="it makes no data"):
        made(network(), SynthesisOptions())


@pytest.mark.parametrize("batch", ["N", 4])
def test_a_recipe_that_makes_data_uses_it_and_keeps_the_range_of_the_input(
    batch: int | str,
) -> None:
    choices = load_choices("noise").changed({"synthetic_samples": 6, "ranges": "min-max"})
    kept: list[tuple[SyntheticSet, Mapping[str, Range]]] = []

    def keep(made: SyntheticSet, ranges: Mapping[str, Range]) -> None:
        kept.append((made, ranges))

    result = quantize(network(batch), choices, input_ranges=RANGES, keep=keep)
    assert [step.name for step in result.steps][:2] == ["normalize", "synthesize"]
    assert result.synthetic is not None
    assert result.statistics.samples == (6 if batch == "N" else 8)
    assert kept == [(result.synthetic, RANGES)]
    assert result.plan.activations["x"].scales == pytest.approx([4 / 255])
    assert result.statistics.values["x"].maximum == result.synthetic.inputs["x"].max()


def test_an_estimated_range_of_the_input_binds_too() -> None:
    text = """(float[N,3,12,12] x) => (y) {
        a = Conv(x, w) b = BatchNormalization(a, one, zero, zero, var) y = Relu(b)
    }"""
    w = random(1, 8, 3, 3, 3)
    var, one, zero = np.square(w).sum(axis=(1, 2, 3)), np.ones(8), np.zeros(8)
    model = parse(text, w=w, var=var, one=one.astype(np.float32), zero=zero.astype(np.float32))
    estimated = know_inputs(normalize(model), {}, None).ranges["x"]
    choices = load_choices("noise").changed({"ranges": "min-max", "synthetic_samples": 2})
    result = quantize(model, choices)
    (scale,) = result.plan.activations["x"].scales
    assert scale == pytest.approx((estimated.maximum - estimated.minimum) / 255)
    seen = result.statistics.values["x"]
    assert seen.maximum - seen.minimum < estimated.maximum - estimated.minimum


@pytest.mark.parametrize("settings", [{"rounding": "learned"}, {"bias_correction": "data"}])
def test_made_data_serves_every_choice_that_needs_some(settings: dict[str, object]) -> None:
    choices = load_choices("noise").changed({"weight_bits": 4, "ranges": "kl", **settings})
    steps = quantize(network(), choices, input_ranges=RANGES).steps
    assert steps[-1].name in ("learn rounding", "correct biases")


def test_any_recipe_may_make_data() -> None:
    for name in ("guideline", "minmax", "dfq"):
        choices = load_choices(name).changed({"synthesis": "noise"})
        found = quantize(network(), choices, input_ranges=RANGES).synthetic
        assert found is not None


def test_leaves_tell_the_statistics_of_layers_that_have_none() -> None:
    result = quantize(network(), load_choices("leaves"), input_ranges=RANGES)
    names = [step.name for step in result.steps]
    assert names == ["normalize", "synthesize", "statistics", "ranges", "correct biases"]
    assert result.steps[2].summary == "9 channels of 2 layers, on 32 samples"
    assert result.steps[3].summary == "3 values: mse, on 32 samples"
    # Without them corrections count on independence.
    kept = load_choices("leaves").changed({"layer_statistics": "kept"})
    other = quantize(network(), kept, input_ranges=RANGES)
    assert "statistics" not in [step.name for step in other.steps]
    first, second = (found.steps[-1].notes[-1].figures["largest"] for found in (result, other))
    assert first != second


def test_an_average_over_random_images_varies_as_one_position_does() -> None:
    model = parse(
        """(float[N,3,16,16] x) => (float[N,4] y) {
            a = Conv(x, w) g = GlobalAveragePool(a) f = Flatten(g) y = Gemm(f, v)
        }""",
        w=random(1, 4, 3, 3, 3),
        v=random(2, 4, 4),
    )
    scales: dict[str, float] = {}
    for positions, bits in (("one", 8), ("all", 8), ("by-width", 8), ("one", 7), ("by-width", 7)):
        changes = {"averaged_positions": positions, "activation_bits": bits}
        choices = load_choices("leaves").changed(changes)
        result = quantize(model, choices, input_ranges=RANGES)
        (scales[f"{positions}, {bits}"],) = result.plan.activations["y"].scales
        (noted,) = (step for step in result.steps if step.name == "statistics")
        scales[f"std, {positions}, {bits}"] = noted.notes[-1].figures["std"]
    assert scales["one, 8"] > 1.5 * scales["all, 8"]
    assert scales["std, one, 8"] > 1.5 * scales["std, all, 8"]
    assert scales["by-width, 8"] == scales["one, 8"]
    assert scales["by-width, 7"] < scales["one, 7"]
    assert scales["std, by-width, 7"] == scales["std, all, 8"]


def test_statistics_are_taken_from_data_that_is_given() -> None:
    choices = load_choices("dfq").changed({"layer_statistics": "samples"})
    with pytest.raises(InvalidData, match="layer_statistics=samples"):
        quantize(network(), choices, input_ranges=RANGES)
    given = [{"x": random(1, 2, 3, 8, 8)}, {"x": random(2, 2, 3, 8, 8)}]
    steps = quantize(network(), choices, data=iter(given), input_ranges=RANGES).steps
    (found,) = (step for step in steps if step.name == "statistics")
    assert found.summary == "9 channels of 2 layers, on 4 samples"


def test_what_can_be_refused_is_refused_before_data_is_made() -> None:
    choices = load_choices("noise")
    codes = replace(choices.codes, overrides={"absent": LayerOverride(weight_bits=4)})
    kept: list[str] = []

    def keep(made: SyntheticSet, ranges: Mapping[str, Range]) -> None:
        kept.extend(made.inputs)

    with pytest.raises(InvalidOption, match="absent"):
        quantize(network(), replace(choices, codes=codes), input_ranges=RANGES, keep=keep)
    assert kept == []


def test_data_that_is_given_leaves_none_to_make() -> None:
    given = [{"x": random(1, 2, 3, 8, 8)}]
    with pytest.raises(InvalidOption, match="calibration data is given too"):
        quantize(network(), load_choices("noise"), data=given, input_ranges=RANGES)
    choices = load_choices("noise").changed({"synthesis": "none"})
    assert quantize(network(), choices, data=given, input_ranges=RANGES).synthetic is None
