# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from intaglio.compiler.real.dead_channels.dead_channels import clamp_of, find_dead_channels
from tests.compiler.real.building import parse


def test_each_kind_by_hand() -> None:
    mean = np.array([-4.1, -3.9, 10.1, 9.9, 3.0, 3.0, -1e-9])
    std = np.array([1.0, 1.0, 1.0, 1.0, 1e-4, 1.0, 0.0])
    found = find_dead_channels(mean, std, np.zeros(7), np.full(7, 6.0), 4.0)
    assert np.flatnonzero(found.at_low).tolist() == [0, 6]
    assert np.flatnonzero(found.at_high).tolist() == [2]
    assert np.flatnonzero(found.constant).tolist() == [4]
    assert found.value[found.dead].tolist() == [0.0, 6.0, 3.0, 0.0]
    # Without a spread, exactly; at 4.1 standard deviations 2.07e-5 (a table of the normal).
    np.testing.assert_allclose(found.probability[[0, 2]], 2.066e-5, rtol=1e-3)
    assert found.probability[[4, 6]].tolist() == [0.0, 0.0]
    np.testing.assert_allclose(found.error[4], 1e-4 * np.sqrt(2 / np.pi))


def test_the_error_is_what_samples_show() -> None:
    mean, std = np.array([-1.0, 7.0]), np.array([1.0, 1.0])
    found = find_dead_channels(mean, std, np.zeros(2), np.full(2, 6.0), 1.0)
    z = np.random.default_rng(0).standard_normal((2, 100_000))
    clipped = np.clip(mean[:, None] + std[:, None] * z, 0.0, 6.0)
    seen = np.abs(clipped - found.value[:, None])
    np.testing.assert_allclose(found.error, seen.mean(axis=1), rtol=0.02)
    np.testing.assert_allclose(found.probability, (seen > 0).mean(axis=1), rtol=0.02)


@pytest.mark.parametrize(("deviations", "count"), [(1.0, 1), (2.0, 1), (2.1, 0)])
def test_how_far_from_the_end_is_an_option(deviations: float, count: int) -> None:
    ends = np.zeros(1), np.full(1, np.inf)
    found = find_dead_channels(np.array([-2.0]), np.ones(1), *ends, deviations)
    assert int(found.dead.sum()) == count


def test_without_a_clamp_only_constants_are_found() -> None:
    ends = np.full(2, -np.inf), np.full(2, np.inf)
    found = find_dead_channels(np.array([-100.0, 5.0]), np.array([1.0, 0.0]), *ends, 4.0)
    assert found.dead.tolist() == [False, True]
    assert found.value.tolist() == [-100.0, 5.0]


@pytest.mark.parametrize(
    ("nodes", "low", "high", "end"),
    [
        ("r = Relu(x) y = Sigmoid(r)", 0.0, np.inf, "r"),
        ("a = Clip(x, one, six) y = Sigmoid(a)", 1.0, 6.0, "a"),
        ("r = Relu(x) a = Min(caps, r) y = Sigmoid(a)", 0.0, [2.0, 3.0], "a"),
        ("r = Max(x, one) a = Min(r, six) b = Relu(a) y = Sigmoid(b)", 1.0, 6.0, "b"),
        ("r = Relu(x) y = Add(r, x)", -np.inf, np.inf, "x"),
        ("y = Sigmoid(x)", -np.inf, np.inf, "x"),
    ],
)
def test_clamps_are_followed(nodes: str, low: float, high: object, end: str) -> None:
    stored = {
        "one": np.array(1.0, np.float32),
        "six": np.array(6.0, np.float32),
        "caps": np.array([2.0, 3.0], np.float32).reshape(1, 2, 1, 1),
    }
    used = {name: array for name, array in stored.items() if name in nodes}
    model = parse(f"(float[N,2,4,4] x) => (y) {{ {nodes} }}", **used)
    lowest, highest, last = clamp_of(model.graph.inputs[0], 2)
    assert lowest.tolist() == [low, low]
    assert highest.tolist() == np.broadcast_to(np.array(high), 2).tolist()
    assert last.name == end
