# SPDX-License-Identifier: Apache-2.0
from math import inf

import numpy as np
import pytest

from intaglio.compiler.real.clips.clips import channels_of, clip_bounds, read_cap
from tests.compiler.real.building import Array, parse, random


def bounds_by_channel(shape: tuple[int, ...]) -> Array | None:
    model = parse("(float[N,3,4,4] x) => (y) { y = Min(b, x) }", b=random(1, *shape))
    cap = read_cap(model.graph.node(0))
    assert cap is not None
    assert cap.source is model.graph.inputs[0]
    assert cap.index == 0
    return cap.by_channel(cap.source)


@pytest.mark.parametrize("shape", [(1, 3, 1, 1), (3, 1, 1)])
def test_a_bound_for_each_channel(shape: tuple[int, ...]) -> None:
    found = bounds_by_channel(shape)
    assert found is not None
    np.testing.assert_array_equal(found, random(1, *shape).reshape(-1))


@pytest.mark.parametrize("shape", [(), (1,), (1, 1, 1, 1)])
def test_one_bound_for_every_channel(shape: tuple[int, ...]) -> None:
    found = bounds_by_channel(shape)
    assert found is not None
    assert found.tolist() == [random(1, *shape).item()] * 3


@pytest.mark.parametrize("shape", [(4,), (4, 1), (3, 4, 1), (2, 3, 1, 1), (1, 1, 3, 1, 1)])
def test_bounds_that_vary_along_another_axis(shape: tuple[int, ...]) -> None:
    assert bounds_by_channel(shape) is None


def test_only_one_constant_beside_one_value_is_a_cap() -> None:
    model = parse(
        "(float[N,3] x, float[N,3] z) => (y) { a = Min(x, z) b = Min(a, k, k) y = Add(b, k) }",
        k=random(1, 3),
    )
    assert [read_cap(node) for node in model.graph] == [None] * 3


def test_bounds_of_a_clip() -> None:
    model = parse(
        "(float[N,3] x) => (y) { a = Clip(x) b = Clip(a, l) c = Clip(b, , h) y = Clip(c, l, h) }",
        l=np.array(-2, np.float32),
        h=np.array(5, np.float32),
    )
    found = [clip_bounds(node) for node in model.graph]
    assert found == [(-inf, inf), (-2, inf), (-inf, 5), (-2, 5)]


def test_channels() -> None:
    model = parse("(float[N,3,4] x, float[N] v, float[2,M] o) => (y) { y = Relu(x) }")
    assert [channels_of(value) for value in model.graph.inputs] == [3, None, None]
