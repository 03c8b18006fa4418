# SPDX-License-Identifier: Apache-2.0
import numpy as np
import onnx_ir as ir
import pytest

from intaglio.compiler.real.distributions.distributions import ChannelDistribution
from intaglio.compiler.real.distributions.propagate_distributions import propagate_distributions
from intaglio.compiler.real.equalization.apply_scales import apply_scales
from intaglio.compiler.real.equalization.equalization_regions import find_regions
from intaglio.compiler.real.equalization.noise_terms import QuantizationNoise, WeightNoise
from intaglio.compiler.real.equalization.quantization_noise import quantization_noise
from intaglio.compiler.real.quantization.layer_overrides import LayerOverride
from intaglio.compiler.real.quantization.options import QuantizationOptions
from intaglio.compiler.real.quantization.plan import Operand, plan_weights
from tests.compiler.real.building import Array, note_statistics, parse, random, random_feeds

STANDARD = {"x": ChannelDistribution.normal(np.zeros(6), np.ones(6))}
PAIR = """(float[N,6,5,5] x) => (y) {
    a = Conv(x, w1, b1)
    r = Relu(a)
    y = Conv<group=GROUPS>(r, w2) }"""


def pair(groups: int = 1, kernel: int = 3) -> ir.Model:
    model = parse(
        PAIR.replace("GROUPS", str(groups)),
        w1=random(1, 8, 6, 1, 1), b1=random(2, 8), w2=random(3, 8, 8 // groups, kernel, kernel),
    )  # fmt: skip
    return note_statistics(model, random_feeds(model, batch=64), "a", "y")


def noise_of(model: ir.Model, options: QuantizationOptions) -> QuantizationNoise:
    distributions = propagate_distributions(model, STANDARD).distributions
    return quantization_noise(model, find_regions(model.graph), distributions, options)


@pytest.mark.parametrize("per_channel", [False, True])
@pytest.mark.parametrize("groups", [1, 2, 8])
def test_scales_on_paper_are_scales_in_the_network(groups: int, per_channel: bool) -> None:
    options = QuantizationOptions(per_channel=per_channel)
    model = pair(groups)
    scales = find_regions(model.graph)
    factors = np.where(scales.free, np.exp(random(5, scales.free.size)), 1.0).astype(np.float64)
    scaled = model.clone()
    apply_scales(scaled.graph, find_regions(scaled.graph), factors)
    expected = noise_of(model, options).total(factors)
    assert expected != pytest.approx(noise_of(model, options).total(np.ones(factors.size)))
    found = noise_of(scaled, options).total(np.ones(factors.size))
    assert found == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("per_channel", [False, True])
def test_noise_of_weights_is_what_rounding_makes(per_channel: bool) -> None:
    """Of independent inputs, with all channels of the result worth the same."""
    weight = random(1, 300, 200)
    model = parse("(float[N,200] x) => (y) { y = Gemm<transB=1>(x, w) }", w=weight)
    options = QuantizationOptions(per_channel=per_channel, weight_bits=6)
    inputs = {"x": ChannelDistribution.normal(np.zeros(200), np.full(200, 3.0))}
    known = propagate_distributions(model, inputs).distributions
    (term,) = quantization_noise(model, find_regions(model.graph), known, options).layers
    assert isinstance(term, WeightNoise)
    codes = plan_weights(model, options)[Operand("y", 1)]
    stored = weight.astype(np.float64)
    rounded: Array = codes.dequantize(codes.quantize(stored))
    expected = np.square(rounded - stored).sum() / np.square(stored).sum()
    slots = int(max(term.inputs.max(), term.outputs.max())) + 1
    assert term.noise(np.ones((1, slots)))[0] == pytest.approx(expected, rel=0.05)


def test_noise_of_codes_is_what_rounding_makes() -> None:
    model = pair(kernel=1)
    noise = noise_of(model, QuantizationOptions())
    (term,) = noise.values
    assert term.low.max() == 0
    ones = np.ones((1, 1 + int(term.slots.max())))
    step = float(term.high.max()) / 255
    rng = np.random.default_rng(0)
    w2 = random(3, 8, 8, 1, 1)[:, :, 0, 0]
    errors = rng.uniform(-step / 2, step / 2, (8, 20000))
    found = propagate_distributions(model, STANDARD).distributions["y"]
    expected = np.square(w2 @ errors).mean(axis=1).sum() / np.square(found.std).sum()
    assert term.noise(ones)[0] == pytest.approx(expected, rel=0.05)


def test_widths_of_layers_count() -> None:
    model = pair()
    one = np.ones((1, find_regions(model.graph).free.size))
    overrides = {"y": LayerOverride(weight_bits=4), "a": LayerOverride(activation_bits=4)}
    plain, other = (
        noise_of(model, QuantizationOptions(overrides=given)) for given in ({}, overrides)
    )
    (first, second), (same, coarse) = plain.layers, other.layers
    assert isinstance(first, WeightNoise)
    assert isinstance(second, WeightNoise)
    assert isinstance(same, WeightNoise)
    assert isinstance(coarse, WeightNoise)
    assert same.noise(one) == first.noise(one)
    assert coarse.noise(one)[0] == pytest.approx(second.noise(one)[0] * (127 / 7) ** 2)
    assert other.values[0].noise(one)[0] == pytest.approx(plain.values[0].noise(one)[0] * 17**2)


def test_a_channel_that_is_mostly_zero_lets_little_noise_pass() -> None:
    model = parse(
        PAIR.replace("GROUPS", "1"),
        w1=random(1, 8, 6, 1, 1), b1=np.array([-9, *[0] * 7], np.float32),
        w2=np.ones((4, 8, 1, 1), np.float32),
    )  # fmt: skip
    model = note_statistics(model, random_feeds(model, batch=64), "a", "y")
    first = noise_of(model, QuantizationOptions()).layers[0]
    assert isinstance(first, WeightNoise)
    assert first.importance[0] < 0.05 * first.importance[1:].min()


def test_moved_codes_are_rounded_once() -> None:
    model = parse(
        """(float[N,6,6,6] x) => (y) {
            a = Conv(x, w1) b = Conv(x, w2)
            c = Concat<axis=1>(a, b)
            p = MaxPool<kernel_shape=[2,2]>(c)
            y = Conv(p, w3) }""",
        w1=random(1, 4, 6, 1, 1), w2=random(2, 4, 6, 1, 1), w3=random(3, 2, 8, 1, 1),
    )  # fmt: skip
    model = note_statistics(model, random_feeds(model, batch=16), "a", "b", "y")
    (term,) = noise_of(model, QuantizationOptions()).values
    assert term.slots.size == 8


def test_symmetric_codes_of_positive_values_waste_half() -> None:
    model = pair()
    one = np.ones((1, find_regions(model.graph).free.size))
    plain, wasteful = (
        noise_of(model, QuantizationOptions(symmetric_activations=choice)).values[0]
        for choice in (False, True)
    )
    assert wasteful.noise(one)[0] == pytest.approx(4 * plain.noise(one)[0])


@pytest.mark.filterwarnings("error")
def test_weights_of_zero_have_no_noise_whatever_the_layer_reads() -> None:
    model = pair()
    model.graph.initializers["w1"].const_value = ir.tensor(np.zeros((8, 6, 1, 1), np.float32))
    # The statistics are those of the weights before; of the input nothing is known.
    known = propagate_distributions(model, {}).distributions
    scales = find_regions(model.graph)
    noise = quantization_noise(model, scales, known, QuantizationOptions())
    first = noise.layers[0]
    assert isinstance(first, WeightNoise)
    ones = np.ones(scales.free.size)
    assert first.noise(ones[None]).tolist() == [0.0]
    assert 0 < noise.total(ones) < np.inf
