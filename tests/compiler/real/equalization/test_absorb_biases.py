# SPDX-License-Identifier: Apache-2.0
from statistics import NormalDist

import numpy as np
import onnx_ir as ir
import pytest

from intaglio.compiler.real.clips.per_channel_caps import per_channel_caps
from intaglio.compiler.real.equalization.absorb_biases import AbsorptionOptions, absorb_biases
from intaglio.compiler.real.outcome import Outcome
from intaglio.compiler.real.statistics import read_channel_statistics, write_channel_statistics
from intaglio.errors import InvalidOption
from tests.compiler.real.building import (
    Array,
    assert_same_function,
    initializer,
    parse,
    random,
    random_feeds,
    run,
)

MEAN, STD = np.array([10.0, 1.0, 7.0, -4.0]), np.array([1.0, 1.0, 2.0, 0.5])
MOVED = np.array([7.0, 0.0, 1.0, 0.0])
PADDED = np.array([0, 0, 1, 1, 0, 0, 1, 1])


def model_of(rest: str, **constants: Array) -> ir.Model:
    """A layer whose output ``a`` has these statistics, its inputs being normal, and the rest.

    Of the weights of a channel only one isn't zero, so that outputs are as noted.
    """
    weight = np.zeros((4, 3, 1, 1), np.float32)
    weight[[0, 1, 2, 3], [0, 1, 2, 0], 0, 0] = STD
    model = parse(
        f"(float[N,3,5,5] x) => (y) {{ a = Conv(x, w, b) {rest} }}",
        w=weight, b=MEAN.astype(np.float32), **constants,
    )  # fmt: skip
    write_channel_statistics(model.graph.node(0).outputs[0], MEAN, STD)
    return model


def never_below(model: ir.Model, seed: int = 0) -> dict[str, Array]:
    """Inputs at most two sigmas from their mean: nothing is cut off."""
    return {name: np.clip(x, -2, 2) for name, x in random_feeds(model, seed, 3).items()}


def assert_same_but_for_the_tail(first: ir.Model, second: ir.Model) -> None:
    feeds = never_below(first)
    expected, found = run(first, feeds)["y"], run(second, feeds)["y"]
    np.testing.assert_allclose(found, expected, atol=1e-5 * np.ptp(expected))


def absorbed(model: ir.Model, options: AbsorptionOptions | None = None) -> Outcome:
    biases = initializer(model, "b").copy()
    outcome = absorb_biases(model, options or AbsorptionOptions())
    np.testing.assert_array_equal(initializer(model, "b"), biases)
    return outcome


def assert_moved(outcome: Outcome, moved: Array = MOVED) -> None:
    statistics = read_channel_statistics(outcome.model.graph.node(0).outputs[0])
    assert statistics is not None
    np.testing.assert_allclose(statistics.mean, MEAN - moved)
    np.testing.assert_allclose(statistics.std, STD)
    np.testing.assert_allclose(initializer(outcome.model, "b"), MEAN - moved, rtol=1e-6)
    assert outcome.channels == np.count_nonzero(moved)


@pytest.mark.parametrize(
    "rest",
    [
        "r = Relu(a) y = Conv(r, v, c)",
        "r = Relu(a) y = Conv(r, v)",
        "r = Relu(a) y = Conv<group=4>(r, dw)",
        "r = Relu(a) y = Conv<group=2, strides=[2,2]>(r, grouped)",
        "r = LeakyRelu(a) y = Conv(r, v)",
        "r = PRelu(a, slopes) y = Conv(r, v)",
        "r = Relu(a) p = Conv(r, v, c) q = Conv(r, v, c) y = Add(p, q)",
        "r = Relu(a) p = MaxPool<kernel_shape=[2,2], pads=[1,1,0,0]>(r) y = Conv(p, v)",
        "r = Relu(a) p = AveragePool<kernel_shape=[2,2], pads=[1,1,0,0]>(r) y = Conv(p, v)",
        "r = Relu(a) g = GlobalAveragePool(r) f = Flatten(g) y = Gemm(f, dense)",
        "r = Relu(a) f = Flatten(r) y = Gemm<transB=1>(f, wide)",
        "r = Relu(a) s = Concat<axis=1>(x, r) y = Conv(s, v7)",
        "r = Relu(a) z = Sigmoid(x) s = Concat<axis=1>(r, z) y = Conv(s, v7)",
    ],
)
def test_moves_what_almost_always_is_there(rest: str) -> None:
    constants = {
        "v": random(1, 5, 4, 2, 2), "c": random(2, 5), "dw": random(3, 8, 1, 2, 2),
        "grouped": random(4, 6, 2, 3, 3), "slopes": np.array(-0.3, np.float32),
        "dense": random(5, 4, 7), "wide": random(6, 7, 100), "v7": random(7, 5, 7, 1, 1),
    }  # fmt: skip
    names = rest.replace("(", " ").replace(")", " ").replace(",", " ").split()
    model = model_of(rest, **{name: constants[name] for name in constants if name in names})
    outcome = absorbed(model)
    assert_moved(outcome)
    assert_same_but_for_the_tail(model, outcome.model)
    (note,) = outcome.notes
    assert note.said.startswith("absorbed by ")
    assert note.figures["largest"] == 7.0
    assert note.figures["share below"] == pytest.approx(0.00135, rel=1e-3)


def test_the_estimate_is_what_is_lost() -> None:
    outcome = absorbed(model_of("r = Relu(a) y = Conv(r, v)", v=random(1, 5, 4, 1, 1)),
                       AbsorptionOptions(sigmas=1.0))  # fmt: skip
    # E[max(c - z, 0)] one sigma below the mean: std (pdf(1) - cdf(-1)); std is 2 at most.
    normal = NormalDist()
    expected = 2 * (normal.pdf(1) - normal.cdf(-1))
    assert outcome.notes[0].figures["mean error"] == pytest.approx(expected, rel=1e-3)


def test_without_an_activation_the_whole_mean_moves_exactly() -> None:
    model = model_of(
        "p = AveragePool<kernel_shape=[2,2]>(a) y = Conv(p, v)", v=random(1, 5, 4, 1, 1)
    )
    outcome = absorbed(model)
    assert_moved(outcome, MEAN)
    assert_same_function(model, outcome.model)
    assert "share below" not in outcome.notes[0].figures


def test_caps_move_along() -> None:
    model = per_channel_caps(
        model_of(
            "r = Clip(a, zero, six) y = Conv(r, v)",
            v=random(1, 5, 4, 1, 1), zero=np.array(0, np.float32), six=np.array(6, np.float32),
        )
    ).model  # fmt: skip
    outcome = absorbed(model)
    # Channel 0 is always at its cap, which alone can move.
    assert_moved(outcome, np.array([6.0, 0.0, 1.0, 0.0]))
    bound = initializer(outcome.model, "r_Min_bound").reshape(-1)
    np.testing.assert_allclose(bound, [0, 6, 5, 6], atol=1e-6)
    assert_same_but_for_the_tail(model, outcome.model)


def test_a_clip_asks_for_caps() -> None:
    model = model_of(
        "r = Clip(a, zero, six) y = Conv(r, v)",
        v=random(1, 5, 4, 1, 1), zero=np.array(0, np.float32), six=np.array(6, np.float32),
    )  # fmt: skip
    outcome = absorbed(model)
    assert outcome.channels == 0
    assert "run per_channel_caps first" in outcome.notes[0].said


@pytest.mark.parametrize(
    ("rest", "why"),
    [
        ("r = Relu(a) y = Conv<pads=[1,1,1,1]>(r, v)", "pads with zeros"),
        ("r = Relu(a) p = Conv(r, v) q = Conv<pads=[0,0,1,1]>(r, k) y = Add(p, q)", "pads with"),
        ("r = Relu(a) y = ConvTranspose(r, up)", "lie under different taps"),
        ("r = Relu(a) p = Conv(r, v) q = Sigmoid(r) s = Conv(q, v) y = Add(p, s)", "(Sigmoid)"),
        ("r = Relu(a) p = Pad(r, pads) y = Conv(p, v)", "(Pad) reads it"),
        ("r = Relu(a) p = Add(r, a) y = Conv(p, v)", "(Add) reads it"),
        ("r = Relu(a) f = Sigmoid(a) g = Conv(f, v) p = Conv(r, v) y = Add(p, g)", "(Sigmoid)"),
        (
            """r = Relu(a)
            p = AveragePool<kernel_shape=[2,2], pads=[1,1,0,0], count_include_pad=1>(r)
            y = Conv(p, v)""",
            "averages padding too",
        ),
        ("y = Relu(a)", "the graph returns y"),
        ("r = Relu(a) t = Transpose<perm=[0,2,1,3]>(r) y = Conv(t, k5)", "different channels"),
    ],
)
def test_what_cannot_take_part_is_left_alone(rest: str, why: str) -> None:
    constants = {
        "v": random(1, 5, 4, 1, 1), "k": random(2, 5, 4, 2, 2), "up": random(3, 4, 5, 2, 2),
        "pads": PADDED, "k5": random(4, 2, 5, 1, 1),
    }  # fmt: skip
    names = rest.replace("(", " ").replace(")", " ").replace(",", " ").split()
    model = model_of(rest, **{name: constants[name] for name in constants if name in names})
    outcome = absorbed(model)
    assert outcome.channels == 0
    (note,) = outcome.notes
    assert note.said.startswith("left alone: ")
    assert why in note.said
    assert note.figures == {"channels": 2, "largest": 7.0}
    assert_same_function(model, outcome.model, tolerance=0.0)


def test_a_padded_layer_may_be_forced_and_its_border_is_reported() -> None:
    weight = random(1, 5, 4, 3, 3)
    model = model_of("r = Relu(a) y = Conv<pads=[1,1,1,1]>(r, v)", v=weight)
    outcome = absorbed(model, AbsorptionOptions(padded=True))
    assert_moved(outcome)
    feeds = never_below(model)
    difference = run(outcome.model, feeds)["y"] - run(model, feeds)["y"]
    np.testing.assert_allclose(difference[:, :, 1:-1, 1:-1], 0, atol=1e-3)
    assert np.abs(difference).max() > 1
    by_channel = np.abs(difference.mean(axis=(0, 2, 3)))
    figures = outcome.notes[0].figures
    assert figures["border error"] == pytest.approx(by_channel.max(), rel=1e-3)
    # Of 25 positions and 9 taps, 4 taps miss 5, 4 corner taps 9.
    assert figures["share of padding"] == pytest.approx((4 * 5 + 4 * 9) / (9 * 25))


def test_layers_in_a_row() -> None:
    model = model_of("r = Relu(a) h = Conv(r, v, c) q = Relu(h) y = Conv(q, u)",
                     v=random(1, 4, 4, 1, 1), c=random(2, 4), u=random(3, 3, 4, 1, 1))  # fmt: skip
    write_channel_statistics(model.graph.node(2).outputs[0], MEAN, STD)
    outcome = absorbed(model)
    assert outcome.channels == 4
    second = initializer(outcome.model, "c")
    weight = initializer(model, "v")[:, :, 0, 0]
    np.testing.assert_allclose(
        second, initializer(model, "c") + weight @ MOVED - MOVED, rtol=1e-5, atol=1e-5
    )


def test_what_has_no_statistics_is_passed_over() -> None:
    model = parse("(float[N,3] x) => (y) { a = Gemm(x, w) r = Relu(a) y = Gemm(r, v) }",
                  w=random(1, 3, 4), v=random(2, 4, 2))  # fmt: skip
    outcome = absorb_biases(model)
    assert (outcome.channels, outcome.notes) == (0, ())


def test_negative_sigmas_are_refused() -> None:
    with pytest.raises(InvalidOption, match="absorption sigmas -1"):
        AbsorptionOptions(sigmas=-1)
