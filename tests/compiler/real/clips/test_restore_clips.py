# SPDX-License-Identifier: Apache-2.0
import numpy as np
import onnx_ir as ir
import pytest

from intaglio.compiler.real.clips.clips import clip_bounds
from intaglio.compiler.real.clips.per_channel_caps import per_channel_caps
from intaglio.compiler.real.clips.restore_clips import restore_clips
from tests.compiler.real.building import Array, assert_same_function, ops, parse


def number(value: float) -> Array:
    return np.array(value, np.float32)


def restored(model: ir.Model) -> ir.Model:
    """The result, checked to be the same function to the last bit."""
    result = restore_clips(model).model
    assert_same_function(model, result, tolerance=0.0)
    return result


@pytest.mark.parametrize("bounds", ["zero, high", "low, high", "low", ", high", "zero"])
def test_restores_what_caps_came_from(bounds: str) -> None:
    model = parse(
        f"(float[N,3,4] x) => (y) {{ y = Clip(x, {bounds}) }}",
        low=number(-0.3), high=number(0.8), zero=number(0),
    )  # fmt: skip
    result = restored(per_channel_caps(model).model)
    if bounds == "zero":
        assert ops(result) == ["Relu"]
        return
    assert ops(result) == ["Clip"]
    assert clip_bounds(result.graph.node(0)) == clip_bounds(model.graph.node(0))
    assert len(result.graph.initializers) == len(model.graph.node(0).inputs) - 1 - (
        bounds == ", high"
    )


def test_reports_bounds_and_channels() -> None:
    model = parse(
        "(float[N,3,4] x) => (y) { a = Max(x, k) y = Min(a, six) }",
        k=np.full((3, 1), -1, np.float32), six=number(6),
    )  # fmt: skip
    outcome = restore_clips(model)
    assert outcome.channels == 3
    (note,) = outcome.notes
    assert note.figures == {"Max": -1.0, "Min": 6.0}


def test_bounds_that_differ_stay() -> None:
    model = parse(
        "(float[N,3,4] x) => (y) { a = Relu(x) y = Min(a, k) }",
        k=np.array([1, 1, 2], np.float32).reshape(3, 1),
    )
    assert ops(restored(model)) == ["Relu", "Min"]


def test_a_relu_that_others_read_stays() -> None:
    model = parse(
        "(float[N,3,4] x) => (y, z) { a = Relu(x) y = Min(a, k) z = Add(a, y) }", k=number(0.5)
    )
    assert ops(restored(model)) == ["Relu", "Clip", "Add"]


def test_a_constant_that_widens_the_value_stays() -> None:
    model = parse(
        "(float[N,1,4] x, float[3] v) => (y, z) { y = Min(x, k) z = Min(v, m) }",
        k=np.ones((1, 3, 1), np.float32),
        m=np.ones((2, 3), np.float32),
    )
    assert ops(restored(model)) == ["Min", "Min"]


def test_min_before_max_keeps_its_order() -> None:
    model = parse(
        "(float[N,3] x) => (y) { a = Min(x, h) y = Max(a, l) }", h=number(-0.5), l=number(0.5)
    )
    assert ops(restored(model)) == ["Clip", "Clip"]
