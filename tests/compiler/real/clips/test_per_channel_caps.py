# SPDX-License-Identifier: Apache-2.0
import numpy as np
import onnx_ir as ir
import pytest

from intaglio.compiler.real.clips.per_channel_caps import per_channel_caps
from intaglio.compiler.real.outcome import Outcome
from intaglio.compiler.real.statistics import read_channel_statistics, write_channel_statistics
from tests.compiler.real.building import (
    Array,
    assert_same_function,
    initializer,
    ops,
    parse,
    random,
)


def number(value: float) -> Array:
    return np.array(value, np.float32)


def capped(model: ir.Model) -> Outcome:
    """The outcome, checked to be the same function to the last bit and to leave the model."""
    before = ops(model)
    outcome = per_channel_caps(model)
    assert ops(model) == before
    assert_same_function(model, outcome.model, tolerance=0.0)
    return outcome


@pytest.mark.parametrize(
    ("dims", "shape"),
    [("N,3", (1, 3)), ("N,3,7", (1, 3, 1)), ("N,3,5,5", (1, 3, 1, 1))],
)
def test_relu6(dims: str, shape: tuple[int, ...]) -> None:
    outcome = capped(
        parse(
            f"(float[{dims}] x) => (y) {{ y = Clip(x, zero, six) }}",
            zero=number(0),
            six=number(0.6),
        )
    )
    assert ops(outcome.model) == ["Relu", "Min"]
    bound = initializer(outcome.model, "y_Min_bound")
    assert bound.shape == shape
    assert (bound == np.float32(0.6)).all()
    assert outcome.channels == 3


@pytest.mark.parametrize(
    ("clip", "expected"),
    [
        ("Clip(x, low, high)", ["Max", "Min"]),
        ("Clip(x, low)", ["Max"]),
        ("Clip(x, , high)", ["Min"]),
        ("Clip(x, zero)", ["Relu"]),
        ("Clip(x, high, low)", ["Max", "Min"]),
    ],
)
def test_other_bounds(clip: str, expected: list[str]) -> None:
    model = parse(
        f"(float[N,3,4] x) => (y) {{ y = {clip} }}",
        low=number(-0.3), high=number(0.8), zero=number(0),
    )  # fmt: skip
    assert ops(capped(model).model) == expected


def test_a_clip_that_others_read_keeps_its_name_and_notes() -> None:
    model = parse(
        """(float[N,2,4,4] x) => (y, z) {
            c = Conv(x, w)
            y = Clip(c, zero, one)
            z = Add(y, c) }""",
        w=random(1, 2, 2, 1, 1), zero=number(0), one=number(1),
    )  # fmt: skip
    write_channel_statistics(model.graph.node(0).outputs[0], np.zeros(2), np.ones(2))
    outcome = capped(model)
    assert ops(outcome.model) == ["Conv", "Relu", "Min", "Add"]
    assert outcome.model.graph.outputs[0].name == "y"
    assert read_channel_statistics(outcome.model.graph.node(0).outputs[0]) is not None


def test_what_cannot_be_said_by_channel_stays_and_is_noted() -> None:
    model = parse(
        "(float[N,3] x, float[2,M] o) => (y, z) { y = Clip(x) z = Clip(o, zero) }", zero=number(0)
    )
    outcome = per_channel_caps(model)
    assert ops(outcome.model) == ["Clip", "Clip"]
    assert outcome.channels == 0
    assert [note.said for note in outcome.notes] == [
        "left as it is: it has no bounds",
        "left as it is: its number of channels is open",
    ]
