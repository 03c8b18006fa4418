# SPDX-License-Identifier: Apache-2.0
import numpy as np
import onnx_ir as ir
import pytest

from intaglio.compiler.real.clips.per_channel_caps import per_channel_caps
from intaglio.compiler.real.equalization.equalization_options import EqualizationOptions
from intaglio.compiler.real.equalization.equalize import equalize_layers
from intaglio.compiler.real.equalization.weight_ranges import RangeMeasure
from intaglio.compiler.real.normalization.normalize import normalize
from intaglio.compiler.real.outcome import Outcome
from intaglio.compiler.real.statistics import read_channel_statistics, write_channel_statistics
from intaglio.errors import InvalidOption
from tests.compiler.real.building import Array, assert_same_function, initializer, parse, random


def uneven(seed: int, *shape: int) -> Array:
    """Weights whose output channels differ in range by orders of magnitude."""
    scales = np.exp(2 * random(seed + 100, shape[0])).reshape(-1, *[1] * (len(shape) - 1))
    return (random(seed, *shape) * scales).astype(np.float32)


def equalized(model: ir.Model, options: EqualizationOptions | None = None) -> Outcome:
    """The outcome, checked to be the same function and to leave the model as it was."""
    before = {name: initializer(model, name).copy() for name in model.graph.initializers}
    outcome = equalize_layers(model, options or EqualizationOptions())
    for name, array in before.items():
        np.testing.assert_array_equal(initializer(model, name), array)
    assert_same_function(model, outcome.model)
    return outcome


def ranges(weight: Array, measure: RangeMeasure = RangeMeasure.MAX_ABS) -> Array:
    """The range of each index of the first axis."""
    flat = weight.reshape(weight.shape[0], -1).astype(np.float64)
    match measure:
        case RangeMeasure.MAX_ABS:
            found: Array = np.abs(flat).max(axis=1)
        case RangeMeasure.MAX_MIN:
            found = flat.max(axis=1, initial=0.0) - flat.min(axis=1, initial=0.0)
        case RangeMeasure.L2:
            found = np.linalg.norm(flat, axis=1)
    return found


def of_outputs(model: ir.Model, name: str) -> Array:
    """The largest |w| of each output channel."""
    return ranges(initializer(model, name))


def of_inputs(model: ir.Model, name: str) -> Array:
    """The largest |w| of each input channel of a convolution of one group."""
    return ranges(np.moveaxis(initializer(model, name), 1, 0))


PAIR = """(float[N,3,6,6] x) => (y) {
    a = Conv<pads=[1,1,1,1]>(x, w1, b1)
    r = Relu(a)
    y = Conv<pads=[1,1,1,1]>(r, w2, b2) }"""


def pair(text: str = PAIR, **constants: Array) -> ir.Model:
    given = {
        "w1": uneven(1, 8, 3, 3, 3), "b1": random(2, 8), "w2": random(3, 5, 8, 3, 3),
        "b2": random(4, 5),
    }  # fmt: skip
    return parse(text, **{**given, **constants})


def test_the_ranges_of_a_pair_become_equal() -> None:
    outcome = equalized(pair())
    first, second = of_outputs(outcome.model, "w1"), of_inputs(outcome.model, "w2")
    np.testing.assert_allclose(first, second, rtol=1e-5)
    product = of_outputs(pair(), "w1") * of_inputs(pair(), "w2")
    np.testing.assert_allclose(first * second, product, rtol=1e-5)
    assert outcome.channels == 8
    (note,) = [note for note in outcome.notes if note.said == "equalized"]
    assert note.figures["channels"] == 8


def test_statistics_and_biases_are_divided() -> None:
    model = pair()
    mean, std = random(5, 8).astype(np.float64), np.abs(random(6, 8)).astype(np.float64)
    write_channel_statistics(model.graph.node(0).outputs[0], mean, std)
    result = equalized(model).model
    factors = of_outputs(model, "w1") / of_outputs(result, "w1")
    found = read_channel_statistics(result.graph.node(0).outputs[0])
    assert found is not None
    np.testing.assert_allclose(found.mean, mean / factors, rtol=1e-5)
    np.testing.assert_allclose(found.std, std / factors, rtol=1e-5)
    np.testing.assert_allclose(initializer(result, "b1"), initializer(model, "b1") / factors, 1e-5)


@pytest.mark.parametrize("exponent", [0.0, 0.3, 1.0])
def test_the_exponent_shares_the_range_out(exponent: float) -> None:
    result = equalized(pair(), EqualizationOptions(exponent=exponent)).model
    first, second = of_outputs(result, "w1"), of_inputs(result, "w2")
    product = of_outputs(pair(), "w1") * of_inputs(pair(), "w2")
    np.testing.assert_allclose(first, product ** (1 - exponent), rtol=1e-5)
    np.testing.assert_allclose(second, product**exponent, rtol=1e-5)


TRIPLE = """(float[N,3,6,6] x) => (y) {
    a = Conv(x, w1, b1)
    r = Relu(a)
    d = Conv<group=8, pads=[1,1,1,1]>(r, w2, b2)
    q = Relu(d)
    y = Conv(q, w3) }"""


def triple(**constants: Array) -> ir.Model:
    given = {
        "w1": uneven(1, 8, 3, 1, 1), "b1": random(2, 8), "w2": uneven(3, 8, 1, 3, 3),
        "b2": random(4, 8), "w3": random(5, 4, 8, 1, 1),
    }  # fmt: skip
    return parse(TRIPLE, **{**given, **constants})


def test_three_ranges_around_a_depthwise_layer_become_equal_at_once() -> None:
    result = equalized(triple(), EqualizationOptions(sweeps=1)).model
    first, third = of_outputs(result, "w1"), of_inputs(result, "w3")
    np.testing.assert_allclose(of_outputs(result, "w2"), first, rtol=1e-5)
    np.testing.assert_allclose(third, first, rtol=1e-5)


def test_pairwise_sweeps_reach_the_closed_form() -> None:
    options = EqualizationOptions(exponent=0.5 + 1e-9, tolerance=1e-9, sweeps=200)
    assert not options.solves_triples
    pairwise, closed = equalized(triple(), options).model, equalized(triple()).model
    for name in ("w1", "w2", "w3"):
        np.testing.assert_allclose(
            initializer(pairwise, name), initializer(closed, name), rtol=1e-4
        )


def test_layers_of_one_and_three_spatial_axes() -> None:
    for axes in (1, 3):
        ones, threes = [1] * axes, [3] * axes
        dims = ",".join(["5"] * axes)
        model = parse(
            f"""(float[N,3,{dims}] x) => (y) {{
                a = Conv(x, w1, b1)
                r = Relu(a)
                d = Conv<group=8, pads={[1] * (2 * axes)}>(r, w2, b2)
                q = LeakyRelu(d)
                y = Conv(q, w3) }}""",
            w1=uneven(1, 8, 3, *ones), b1=random(2, 8), w2=uneven(3, 8, 1, *threes),
            b2=random(4, 8), w3=random(5, 4, 8, *threes),
        )  # fmt: skip
        result = equalized(model).model
        first, third = of_outputs(result, "w1"), of_inputs(result, "w3")
        np.testing.assert_allclose(of_outputs(result, "w2"), first, rtol=1e-5)
        np.testing.assert_allclose(third, first, rtol=1e-5)


def test_a_chain_converges() -> None:
    model = parse(
        """(float[N,3] x) => (y) {
            a = Gemm(x, w1, b1) ar = Relu(a)
            b = Gemm<transB=1>(ar, w2) br = Relu(b)
            c = Gemm(br, w3) cr = Relu(c)
            y = Gemm(cr, w4) }""",
        w1=uneven(1, 3, 6), b1=random(5, 6), w2=uneven(2, 7, 6), w3=random(3, 7, 8),
        w4=uneven(4, 8, 2),
    )  # fmt: skip
    outcome = equalized(model, EqualizationOptions(sweeps=2000, tolerance=1e-7))
    assert "2000 sweeps" not in outcome.summary
    w1, w2, w3, w4 = (np.abs(initializer(outcome.model, f"w{i}")) for i in (1, 2, 3, 4))
    for first, second in (
        (w1.max(axis=0), w2.max(axis=0)),
        (w2.max(axis=1), w3.max(axis=1)),
        (w3.max(axis=0), w4.max(axis=1)),
    ):
        # A factor common to all channels of a tensor may be left.
        np.testing.assert_allclose(first / first.max(), second / second.max(), rtol=1e-5)


def test_dead_channels_stay_and_are_counted() -> None:
    w1, w2 = uneven(1, 8, 3, 3, 3), random(3, 5, 8, 3, 3)
    w1[2] = 0
    w2[:, 5] = 1e-12
    outcome = equalized(pair(w1=w1, w2=w2))
    for channel in (2, 5):
        np.testing.assert_array_equal(initializer(outcome.model, "w1")[channel], w1[channel])
        np.testing.assert_array_equal(initializer(outcome.model, "w2")[:, channel], w2[:, channel])
    assert outcome.channels == 6
    (note,) = [note for note in outcome.notes if "next to nothing" in note.said]
    assert note.figures["channels"] == 2


def test_caps_are_divided() -> None:
    model = pair(
        PAIR.replace("Relu(a)", "Clip(a, zero, six)"),
        zero=np.array(0, np.float32), six=np.array(0.6, np.float32),
    )  # fmt: skip
    stays = equalized(model)
    assert stays.channels == 0
    assert "per_channel_caps" in stays.notes[0].said
    capped = per_channel_caps(model).model
    result = equalized(capped).model
    factors = of_outputs(model, "w1") / of_outputs(result, "w1")
    bound = initializer(result, "r_Min_bound")
    np.testing.assert_allclose(bound.reshape(-1), 0.6 / factors, rtol=1e-5)
    np.testing.assert_allclose(of_outputs(result, "w1"), of_inputs(result, "w2"), rtol=1e-5)


@pytest.mark.parametrize("measure", RangeMeasure)
def test_measures(measure: RangeMeasure) -> None:
    result = equalized(pair(), EqualizationOptions(measure=measure)).model
    first = ranges(initializer(result, "w1"), measure)
    second = ranges(np.moveaxis(initializer(result, "w2"), 1, 0), measure)
    np.testing.assert_allclose(first, second, rtol=1e-5)


def test_the_bias_may_count() -> None:
    bias = np.full(8, 100, np.float32)
    result = equalized(pair(b1=bias), EqualizationOptions(include_bias=True)).model
    first = np.maximum(of_outputs(result, "w1"), np.abs(initializer(result, "b1")))
    np.testing.assert_allclose(first, of_inputs(result, "w2"), rtol=1e-5)


def test_weights_that_two_layers_share_become_two() -> None:
    model = parse(
        """(float[N,4,5,5] x) => (y) {
            a = Conv(x, w, b)
            r = Relu(a)
            c = Conv(r, w, b)
            q = Relu(c)
            y = Conv(q, w, b) }""",
        w=uneven(1, 4, 4, 1, 1), b=random(2, 4),
    )  # fmt: skip
    outcome = equalized(model)
    assert outcome.channels == 8
    assert sum("a copy of its own" in note.said for note in outcome.notes) == 4
    assert {note.where for note in outcome.notes[:4]} == {"w", "b"}


def test_a_second_run_changes_next_to_nothing() -> None:
    first = equalized(triple()).model
    second = equalized(first).model
    for name in ("w1", "w2", "w3"):
        np.testing.assert_allclose(initializer(second, name), initializer(first, name), rtol=1e-5)


def test_channels_with_tiny_weights_stay_finite() -> None:
    w1 = uneven(1, 8, 3, 3, 3)
    w1[0] *= 1e-7 / np.abs(w1[0]).max() * np.abs(w1).max()
    outcome = equalized(pair(w1=w1), EqualizationOptions(largest_scale=100.0))
    (note,) = [note for note in outcome.notes if note.said == "equalized"]
    assert note.figures["smallest scale"] == pytest.approx(0.01)
    assert np.isfinite(initializer(outcome.model, "b1")).all()


def test_a_batch_normalization_is_equalized_with_its_layer() -> None:
    model = parse(
        """(float[N,3,6,6] x) => (y) {
            a = Conv(x, w1)
            n = BatchNormalization(a, g, b, m, v)
            r = Relu(n)
            y = Conv(r, w2) }""",
        w1=random(1, 4, 3, 1, 1), w2=random(2, 2, 4, 1, 1), g=random(3, 4), b=random(4, 4),
        m=random(5, 4), v=np.array([1e-6, 1, 10, 0.1], np.float32),
    )  # fmt: skip
    model = normalize(model)
    before = read_channel_statistics(model.graph.node(0).outputs[0])
    outcome = equalized(model)
    after = read_channel_statistics(outcome.model.graph.node(0).outputs[0])
    assert before is not None
    assert after is not None
    np.testing.assert_allclose(
        np.array(before.mean) * after.std, np.array(after.mean) * before.std, rtol=1e-9
    )
    assert not np.allclose(before.mean, after.mean)


@pytest.mark.parametrize(
    "wrong",
    [{"exponent": 1.5}, {"sweeps": 0}, {"tolerance": -1.0}, {"largest_scale": 0.5}],
)
def test_options_out_of_range_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(InvalidOption, match="it is out of range"):
        EqualizationOptions(**wrong)  # type: ignore[arg-type]
