# SPDX-License-Identifier: Apache-2.0
import numpy as np
import onnx_ir as ir
import pytest
from hypothesis import HealthCheck, given, settings

from intaglio.compiler.real.clips.per_channel_caps import per_channel_caps
from intaglio.compiler.real.distributions.distributions import ChannelDistribution
from intaglio.compiler.real.equalization.balance_noise import balance_noise
from intaglio.compiler.real.equalization.equalize import equalize_layers
from intaglio.compiler.real.outcome import Outcome
from intaglio.compiler.real.quantization.options import QuantizationOptions
from intaglio.compiler.real.statistics import read_channel_statistics
from tests.compiler.real.building import (
    Array,
    assert_same_function,
    initializer,
    note_statistics,
    parse,
    random,
    random_feeds,
)
from tests.compiler.real.equalization.test_equalize import uneven
from tests.compiler.real.equalization.test_equalize_random import networks

PER_TENSOR = QuantizationOptions(per_channel=False)
STANDARD = {"x": ChannelDistribution.normal(np.zeros(3), np.ones(3))}

CHAIN = """(float[N,3,8,8] x) => (y) {
    a = Conv(x, w1, b1) r = Clip(a, zero, six)
    b = Conv<group=16, pads=[1,1,1,1]>(r, w2, b2) q = Relu(b)
    y = Conv(q, w3, b3) }"""


def chain() -> ir.Model:
    model = parse(
        CHAIN, w1=uneven(1, 16, 3, 1, 1), b1=random(2, 16), w2=uneven(3, 16, 1, 3, 3),
        b2=random(4, 16), w3=random(5, 4, 16, 1, 1), b3=random(6, 4),
        zero=np.array(0, np.float32), six=np.array(0.6, np.float32),
    )  # fmt: skip
    model = note_statistics(model, random_feeds(model, batch=64), "a", "b", "y")
    return per_channel_caps(model).model


def balanced(model: ir.Model, options: QuantizationOptions = PER_TENSOR) -> Outcome:
    """The outcome, checked to be the same function, less noisy, and to leave the model alone."""
    before = {name: initializer(model, name).copy() for name in model.graph.initializers}
    outcome = balance_noise(model, options, STANDARD)
    for name, array in before.items():
        np.testing.assert_array_equal(initializer(model, name), array)
    assert_same_function(model, outcome.model)
    return outcome


def decibels(outcome: Outcome) -> tuple[float, float]:
    """How far the noise is below the signal, before and after."""
    words = outcome.summary.split()
    first, last = (float(words[i - 1]) for i, word in enumerate(words) if word == "dB")
    return first, last


@pytest.mark.parametrize("per_channel", [False, True])
def test_noise_falls_and_the_function_stays(per_channel: bool) -> None:
    outcome = balanced(chain(), QuantizationOptions(per_channel=per_channel))
    before, after = decibels(outcome)
    assert after > before + 1
    assert outcome.channels > 16
    assert len(outcome.notes) == 2


def test_equal_ranges_leave_something_to_gain() -> None:
    outcome = balanced(equalize_layers(chain()).model)
    before, after = decibels(outcome)
    assert after > before
    for note in outcome.notes:
        assert note.said == "scaled for least noise"
        assert note.figures["after"] < note.figures["before"]
        assert note.figures["smallest scale"] <= note.figures["largest scale"]


def test_a_second_run_gains_next_to_nothing() -> None:
    before, after = decibels(balanced(balanced(balanced(chain()).model).model))
    assert after - before < 0.2


def pair(first: Array, second: Array) -> ir.Model:
    """Two channels, each a multiple of its own input; the sum of multiples of both."""
    model = parse(
        """(float[N,2,4,4] x) => (y) {
            a = Conv<group=2>(x, w1)
            y = Conv(a, w2) }""",
        w1=first.reshape(2, 1, 1, 1), w2=second.reshape(1, 2, 1, 1),
    )  # fmt: skip
    return note_statistics(model, random_feeds(model, batch=256), "a", "y")


def test_two_alike_paths_get_alike_scales_whatever_was_before() -> None:
    """Least noise is where both channels have the same weights: by symmetry, one step each."""
    model = pair(np.array([8, 0.125], np.float32), np.array([0.125, 8], np.float32))
    inputs = {"x": ChannelDistribution.normal(np.zeros(2), np.ones(2))}
    result = balance_noise(model, PER_TENSOR, inputs).model
    first, second = (initializer(result, name).ravel() for name in ("w1", "w2"))
    np.testing.assert_allclose(first[0], first[1], rtol=0.05)
    np.testing.assert_allclose(second[0], second[1], rtol=0.05)


def test_statistics_and_caps_go_along() -> None:
    model = chain()
    result = balanced(model).model
    old, new = (read_channel_statistics(m.graph.node(0).outputs[0]) for m in (model, result))
    assert old is not None
    assert new is not None
    factors = np.array(old.std) / new.std
    assert np.ptp(factors) > 0.1
    np.testing.assert_allclose(np.array(old.mean) / new.mean, factors, rtol=1e-9)
    bound = initializer(result, "r_Min_bound").ravel()
    np.testing.assert_allclose(bound, 0.6 / factors, rtol=1e-5)
    weights = initializer(model, "w1") / initializer(result, "w1")
    np.testing.assert_allclose(weights.max(axis=(1, 2, 3)), factors, rtol=1e-5)


def test_what_has_no_statistics_is_left_alone_and_said() -> None:
    model = parse(
        """(float[N,3,6,6] x) => (y) {
            a = Conv(x, w1) r = Relu(a)
            y = Conv(r, w2) }""",
        w1=uneven(1, 8, 3, 1, 1), w2=random(2, 4, 8, 1, 1),
    )  # fmt: skip
    outcome = balance_noise(model, PER_TENSOR)
    assert outcome.channels == 0
    (note,) = outcome.notes
    assert note.said.startswith("left as it is: the distribution of ")
    assert outcome.summary == "no noise is known"


def test_an_input_that_nothing_is_known_of_is_taken_as_the_result_says() -> None:
    known = balance_noise(chain(), PER_TENSOR, STANDARD)
    guessed = balance_noise(chain(), PER_TENSOR)
    assert guessed.channels == known.channels
    np.testing.assert_allclose(decibels(guessed), decibels(known), atol=1)


def test_dead_channels_stay() -> None:
    model = chain()
    (first,) = (value for name, value in model.graph.initializers.items() if name == "w1")
    dead = initializer(model, "w1").copy()
    dead[3] = 0
    first.const_value = ir.tensor(dead, name="w1")
    result = balanced(model).model
    assert initializer(result, "r_Min_bound").ravel()[3] == np.float32(0.6)
    assert np.isfinite(initializer(result, "w2")).all()


def test_branches_that_are_added_share_scales() -> None:
    model = parse(
        """(float[N,3,6,6] x) => (y) {
            a = Conv(x, w1, b1) p = Relu(a)
            b = Conv<pads=[1,1,1,1]>(p, w2, b2) q = Relu(b)
            c = Conv(q, w3, b3)
            s = Add(p, c) r = Relu(s)
            y = Conv(r, w4) }""",
        w1=uneven(1, 8, 3, 1, 1), b1=random(2, 8), w2=uneven(3, 8, 8, 3, 3), b2=random(4, 8),
        w3=uneven(5, 8, 8, 1, 1), b3=random(6, 8), w4=random(7, 4, 8, 1, 1),
    )  # fmt: skip
    model = note_statistics(model, random_feeds(model, batch=64), "a", "b", "c", "y")
    outcome = balanced(model)
    before, after = decibels(outcome)
    assert after > before + 0.5
    assert outcome.channels > 8


@settings(
    deadline=None,
    max_examples=25,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(model=networks())
def test_random_networks_stay_the_same(model: ir.Model) -> None:
    names = [n.outputs[0].name or "" for n in model.graph if n.op_type.startswith("Conv")]
    noted = note_statistics(model.clone(), random_feeds(model, batch=8), *names)
    outcome = balance_noise(per_channel_caps(noted).model, PER_TENSOR)
    assert_same_function(model, outcome.model, tolerance=1e-4)
    if outcome.channels:
        before, after = decibels(outcome)
        assert after >= before
