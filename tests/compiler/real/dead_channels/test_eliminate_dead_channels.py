# SPDX-License-Identifier: Apache-2.0
"""Channels that are dead for certain, so that the function must stay the same."""

import numpy as np
import onnx_ir as ir
import pytest

from intaglio.compiler.real.dead_channels.eliminate_dead_channels import eliminate_dead_channels
from intaglio.compiler.real.outcome import Outcome
from intaglio.compiler.real.statistics import read_channel_statistics, write_channel_statistics
from tests.compiler.real.building import (
    Array,
    assert_same_function,
    initializer,
    note_statistics,
    parse,
    random,
    random_feeds,
)

SIX = np.array(6.0, np.float32)
# Far below a Relu, far above a bound of six, and (with tiny weights) constant.
FATES = np.array([-1000.0, 1000.0, 2.5, 0.1], np.float32)


def first_layer(inputs: int = 2, kernel: int = 3) -> dict[str, Array]:
    """Weights ``w`` and bias ``k`` of four channels with these fates, the last one alive."""
    weight = random(1, 4, inputs, kernel, kernel)
    weight[2] *= 1e-7
    return {"w": weight, "k": FATES}


def eliminated(text: str, *noted: str, **constants: Array) -> Outcome:
    """The outcome, checked to be the same function and to leave the given model as it was."""
    model = parse(text, **constants)
    note_statistics(model, random_feeds(model, seed=9, batch=20), *noted)
    before = {name: initializer(model, name).copy() for name in constants}
    outcome = eliminate_dead_channels(model)
    for name, array in before.items():
        np.testing.assert_array_equal(initializer(model, name), array)
    assert_same_function(model, outcome.model)
    return outcome


def value(model: ir.Model, name: str) -> ir.Value:
    return next(v for node in model.graph for v in node.outputs if v.name == name)


HEAD = "(float[N,2,8,8] x) => (y) { c = Conv<pads=[1,1,1,1]>(x, w, k) r = Clip(c, zero, six)"
BOUNDS = {"zero": np.array(0.0, np.float32), "six": SIX}


def test_weights_become_zero_and_constants_move_on() -> None:
    outcome = eliminated(
        f"{HEAD} y = Conv(r, u) }}", "c", u=random(2, 5, 4, 1, 1), **first_layer(), **BOUNDS
    )
    weight, bias = initializer(outcome.model, "w"), initializer(outcome.model, "k")
    assert (weight[:3] == 0).all()
    np.testing.assert_array_equal(weight[3], first_layer()["w"][3])
    # All three have been moved on, so their biases needn't say anything.
    assert bias.tolist() == [0.0, 0.0, 0.0, FATES[3]]
    assert (initializer(outcome.model, "u")[:, :3] == 0).all()
    noted = read_channel_statistics(value(outcome.model, "c"))
    assert noted is not None
    assert noted.std[:3] == (0.0, 0.0, 0.0)
    assert noted.mean[:3] == (0.0, 0.0, 0.0)
    assert noted.std[3] > 0
    assert outcome.channels == 3 + 2
    first = outcome.notes[0]
    assert "lower end: 0; always at the upper end: 1; constant: 2" in first.said
    assert first.figures["channels"] == 3
    assert first.figures["deviations"] == 4


def test_padded_readers_keep_what_is_not_zero() -> None:
    outcome = eliminated(
        f"{HEAD} d = Conv<group=4, pads=[1,1,1,1]>(r, u, b) y = Relu(d) }}", "c",
        u=random(2, 4, 1, 3, 3), b=random(3, 4), **first_layer(), **BOUNDS,
    )  # fmt: skip
    assert (initializer(outcome.model, "w")[:3] == 0).all()
    np.testing.assert_allclose(initializer(outcome.model, "k")[:3], [0.0, 6.0, 2.5], atol=1e-4)
    kept = initializer(outcome.model, "u")
    assert (kept[0] == 0).all()
    np.testing.assert_array_equal(kept[1:], random(2, 4, 1, 3, 3)[1:])


def test_what_a_dead_channel_alone_feeds_is_dead_too() -> None:
    reading = random(2, 4, 4, 3, 3)
    reading[0, 1:] = 0.0
    model = parse(
        f"{HEAD} d = Conv<pads=[1,1,1,1]>(r, u, b) s = Relu(d) y = Conv(s, v) }}",
        u=reading, b=np.array([1.5, 0.0, 0.0, 0.0], np.float32),
        v=random(3, 3, 4, 1, 1), **first_layer(), **BOUNDS,
    )  # fmt: skip
    note_statistics(model, random_feeds(model), "c")
    # What was noted of d says nothing of it: a spread in every channel.
    write_channel_statistics(value(model, "d"), np.ones(4), np.ones(4))
    outcome = eliminate_dead_channels(model)
    assert_same_function(model, outcome.model)
    assert (initializer(outcome.model, "v")[:, 0] == 0).all()
    assert (initializer(outcome.model, "v")[:, 1:] != 0).all()
    noted = read_channel_statistics(value(outcome.model, "d"))
    assert noted is not None
    assert noted.std == (0.0, 1.0, 1.0, 1.0)


def test_readers_behind_a_concatenation_and_a_pool() -> None:
    outcome = eliminated(
        f"""{HEAD} p = MaxPool<kernel_shape=[2,2], strides=[2,2]>(r)
            q = AveragePool<kernel_shape=[2,2], strides=[2,2]>(x)
            a = Concat<axis=1>(q, p) y = Conv(a, u) }}""", "c",
        u=random(2, 5, 6, 1, 1), **first_layer(), **BOUNDS,
    )  # fmt: skip
    weight = initializer(outcome.model, "u")
    assert (weight[:, 2:5] == 0).all()
    assert (weight[:, [0, 1, 5]] != 0).all()


def test_readers_behind_a_flattening() -> None:
    outcome = eliminated(
        f"{HEAD} p = GlobalAveragePool(r) f = Flatten(p) y = Gemm<transB=1>(f, u) }}", "c",
        u=random(2, 5, 4), **first_layer(), **BOUNDS,
    )  # fmt: skip
    assert (initializer(outcome.model, "u")[:, :3] == 0).all()


def test_a_sum_with_something_alive_is_alive() -> None:
    outcome = eliminated(
        f"{HEAD} e = Conv(x, t) a = Add(r, e) y = Conv(a, u) }}", "c",
        u=random(2, 5, 4, 1, 1), t=random(3, 4, 2, 1, 1), **first_layer(), **BOUNDS,
    )  # fmt: skip
    assert (initializer(outcome.model, "w")[:3] == 0).all()
    np.testing.assert_array_equal(initializer(outcome.model, "u"), random(2, 5, 4, 1, 1))


def test_groups_of_a_reader() -> None:
    outcome = eliminated(
        f"{HEAD} y = Conv<group=2>(r, u) }}", "c",
        u=random(2, 6, 2, 3, 3), **first_layer(), **BOUNDS,
    )  # fmt: skip
    weight = initializer(outcome.model, "u")
    assert (weight[:3] == 0).all()
    assert (weight[3:, 0] == 0).all()
    assert (weight[3:, 1] != 0).all()


@pytest.mark.parametrize(
    "nodes",
    [
        "y = ConvTranspose<strides=[2,2]>(r, u)",
        """p = AveragePool<kernel_shape=[3,3], pads=[1,1,1,1], count_include_pad=1>(r)
           y = Conv(p, t)""",
        "p = Pad(r, pads) y = Conv(p, t)",
        "d = Conv<pads=[1,1,1,1]>(r, t) e = Relu(d) y = Conv(e, one)",
    ],
)  # fmt: skip
def test_borders_of_a_constant_are_left_alone(nodes: str) -> None:
    stored = {
        "u": random(2, 4, 3, 3, 3), "t": random(2, 5, 4, 1, 1), "one": random(3, 2, 5, 1, 1),
        "pads": np.array([0, 0, 1, 1, 0, 0, 1, 1]),
    }  # fmt: skip
    words = nodes.replace(",", " ").replace(")", " ").split()
    used = {name: array for name, array in stored.items() if name in words}
    eliminated(f"{HEAD} {nodes} }}", "c", **used, **first_layer(), **BOUNDS)


def test_a_channel_that_others_read_before_the_clamp_is_only_dead_if_constant() -> None:
    outcome = eliminated(
        "(float[N,2,8,8] x) => (y, c) { c = Conv(x, w, k) y = Clip(c, zero, six) }", "c",
        **first_layer(), **BOUNDS,
    )  # fmt: skip
    weight = initializer(outcome.model, "w")
    assert (weight[2] == 0).all()
    assert (weight[[0, 1, 3]] != 0).all()
    assert outcome.channels == 1


def test_bounds_by_channel() -> None:
    caps = np.array([6.0, 3.0, 6.0, 6.0], np.float32).reshape(1, 4, 1, 1)
    outcome = eliminated(
        """(float[N,2,8,8] x) => (y) {
            c = Conv(x, w, k) r = Relu(c) m = Min(r, caps) y = Sigmoid(m) }""", "c",
        caps=caps, **first_layer(),
    )  # fmt: skip
    np.testing.assert_allclose(initializer(outcome.model, "k")[:3], [0.0, 3.0, 2.5], atol=1e-4)


def test_channels_that_nothing_reads_become_zero() -> None:
    unread = random(2, 5, 4, 3, 3)
    unread[:, 3] = 0.0
    outcome = eliminated(
        """(float[N,2,8,8] x) => (y) {
            c = Conv(x, w, k) r = Relu(c) y = Conv<pads=[1,1,1,1]>(r, u) }""",
        u=unread, **first_layer(),
    )  # fmt: skip
    assert (initializer(outcome.model, "w")[3] == 0).all()
    assert outcome.channels == 1
    assert outcome.notes[0].said == "channels that nothing reads: 3"


def test_what_the_graph_returns_is_read() -> None:
    outcome = eliminated(
        "(float[N,2,8,8] x) => (r, y) { c = Conv(x, w, k) r = Relu(c) y = Conv(r, u) }",
        u=np.zeros((2, 4, 1, 1), np.float32), **first_layer(),
    )  # fmt: skip
    assert outcome.channels == 0


def test_weights_that_two_layers_share_stay_for_the_other() -> None:
    outcome = eliminated(
        "(float[N,2,8,8] x) => (y, z) { c = Conv(x, w, k) y = Relu(c) z = Conv(x, w) }", "c",
        **first_layer(),
    )  # fmt: skip
    np.testing.assert_array_equal(initializer(outcome.model, "w"), first_layer()["w"])


def test_without_statistics_nothing_is_judged() -> None:
    outcome = eliminated(f"{HEAD} y = Sigmoid(r) }}", **first_layer(), **BOUNDS)
    assert outcome.channels == 0
    assert outcome.notes == ()


def test_channels_stay_whose_readers_were_noted_with_a_spread() -> None:
    model = parse(
        f"{HEAD} d = Conv<group=4, pads=[1,1,1,1]>(r, u) y = Relu(d) }}",
        u=random(2, 4, 1, 3, 3), **first_layer(), **BOUNDS,
    )  # fmt: skip
    note_statistics(model, random_feeds(model), "c")
    write_channel_statistics(value(model, "d"), np.ones(4), np.ones(4))
    outcome = eliminate_dead_channels(model)
    weight = initializer(outcome.model, "w")
    # Channel 0 would be 0 up to the borders; 6 and 2.5 have a spread there.
    np.testing.assert_array_equal(weight[0], first_layer()["w"][0])
    assert (weight[1:3] == 0).all()
    assert outcome.channels == 2
    assert "readers' noted statistics have a spread: 0" in outcome.notes[0].said
    assert outcome.notes[0].figures["kept"] == 1


def test_nothing_is_estimated_where_all_evidence_is_contrary() -> None:
    model = parse(
        f"{HEAD} d = Conv<group=4>(r, u) y = Relu(d) }}",
        u=random(2, 8, 1, 3, 3), **first_layer(), **BOUNDS,
    )  # fmt: skip
    note_statistics(model, random_feeds(model), "c")
    # Two outputs for each channel; only the second one has a spread.
    write_channel_statistics(value(model, "d"), np.zeros(8), np.tile([0.0, 1.0], 4))
    outcome = eliminate_dead_channels(model)
    np.testing.assert_array_equal(initializer(outcome.model, "w"), first_layer()["w"])
    assert outcome.notes[0].figures["channels"] == 0
    assert outcome.notes[0].figures["kept"] == 3
    assert outcome.notes[0].figures["largest probability"] == 0
