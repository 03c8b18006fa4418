# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from intaglio.compiler.real.clips.replace_clips import replace_clips
from intaglio.compiler.real.statistics import write_channel_statistics
from tests.compiler.real.building import Array, ops, parse, random, run


def number(value: float) -> Array:
    return np.array(value, np.float32)


def test_relu6_becomes_relu_and_others_stay() -> None:
    model = parse(
        """(float[N,3] x) => (y) {
            a = Clip(x, zero, six)
            b = Clip(a, one, six)
            y = Clip(b, zero) }""",
        zero=number(0), one=number(1), six=number(6),
    )  # fmt: skip
    outcome = replace_clips(model)
    assert ops(outcome.model) == ["Relu", "Clip", "Clip"]
    assert ops(model) == ["Clip", "Clip", "Clip"]
    assert outcome.channels == 3
    assert "the function is another one" in outcome.summary
    assert [dict(note.figures) for note in outcome.notes] == [{"bound": 6.0}]
    x = np.array([[-1, 7, 3]], np.float32)
    only_relu = parse("(float[N,3] x) => (y) { y = Relu(x) }")
    first = replace_clips(
        parse("(float[N,3] x) => (y) { y = Clip(x, zero, six) }", zero=number(0), six=number(6))
    ).model
    np.testing.assert_array_equal(run(first, {"x": x})["y"], run(only_relu, {"x": x})["y"])


def test_estimates_what_is_lost() -> None:
    model = parse(
        "(float[N,2,4,4] x) => (y) { c = Conv(x, w) y = Clip(c, zero, one) }",
        w=random(1, 2, 2, 1, 1), zero=number(0), one=number(1),
    )  # fmt: skip
    mean, std = np.array([0.0, 1.0]), np.array([0.1, 2.0])
    write_channel_statistics(model.graph.node(0).outputs[0], mean, std)
    (note,) = replace_clips(model).notes
    # Of N(1, 2), half is above 1, by 2 * sqrt(2 / pi) on average there.
    assert note.figures["share above"] == pytest.approx(0.5, abs=0.002)
    assert note.figures["mean excess"] == pytest.approx(2 / np.sqrt(2 * np.pi), rel=1e-6)
