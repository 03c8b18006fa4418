# SPDX-License-Identifier: Apache-2.0
"""Whatever follows a sum gives the simulator's bits, where a staircase serves or none does."""

from dataclasses import replace

import numpy as np
import pytest

from intaglio.compiler.targets.tvm.kernels.neon.staircase import Staircase, staircase
from intaglio.numerics.intervals import Interval
from intaglio.numerics.requantizers import Requantizer
from tests.compiler.targets.tvm.neon.graphs import (
    KINDS,
    NEON_TARGETS,
    U8,
    Layers,
    extreme_samples,
    requantizers,
)
from tests.compiler.targets.tvm.neon.test_shapes import DEPTHWISE, POINTWISE
from tests.simulator.emulated.devices import assert_device_agrees

SERVED = tuple(kind for kind in KINDS if kind not in ("unshifted", "even", "negative"))
DENSE = replace(POINTWISE, side=(4, 3), channels=72, outputs=21)


@pytest.mark.emulated
@pytest.mark.parametrize("target", NEON_TARGETS[-1:])
def test_every_follower_gives_the_simulators_bits(target: str) -> None:
    layers = Layers()
    for shape in (DENSE, replace(DEPTHWISE, side=(3, 4), channels=13)):
        for kind in KINDS:
            layers.requantized(layers.convolution(shape), kind)
        for kind in ("single", "rectified", "tight"):
            layers.requantized(layers.convolution(shape), kind, U8)
        layers.followed(layers.convolution(shape))
        layers.keep(layers.convolution(shape))
    graph = layers.graph()
    assert_device_agrees(graph, target, extreme_samples(graph, 4))


def stepped(found: Staircase, channel: int, x: int) -> int:
    """What the instructions of a staircase compute, in Python's integers."""
    multiplier = found.multipliers[channel]
    shift = found.shifts[channel if len(found.shifts) > 1 else 0]
    high = (x * multiplier + ((1 << 30) if found.rounded else 0)) >> 31
    if found.away:
        high += high >> 31
    rounded = (high + (1 << (shift - 1))) >> shift
    return min(max(rounded + found.zero_point, found.low), found.high)


def near_steps(requantizer: Requantizer, x: Interval) -> list[int]:
    """Both sides of each step of a staircase that doesn't fall, and the ends."""
    found = {x.low, x.high}
    spans = [(x.low, x.high)]
    while spans:
        low, high = spans.pop()
        if requantizer.apply(low) == requantizer.apply(high):
            continue
        if high - low == 1:
            found |= {low, high}
            continue
        middle = (low + high) // 2
        spans += [(low, middle), (middle, high)]
    return sorted(found)


@pytest.mark.parametrize("kind", SERVED)
@pytest.mark.parametrize("reach", [70_000, (1 << 31) - 1])
def test_a_staircase_has_the_requantizers_steps(kind: str, reach: int) -> None:
    wanted = requantizers(kind, 6)
    x = Interval(-reach, reach - 9)
    found = staircase(wanted, [x])
    if found is None:
        assert kind in ("far", "zero")
        assert reach > 70_000
        return
    for channel, requantizer in enumerate(wanted):
        for place in near_steps(requantizer, x):
            assert stepped(found, channel, place) == requantizer.apply(place), place


@pytest.mark.parametrize("kind", ["single", "rectified", "tight", "double_one"])
def test_these_share_a_shift(kind: str) -> None:
    found = staircase(requantizers(kind, 8), [Interval(-70_000, 70_000)])
    assert found is not None
    assert found.shared_shift is not None


def test_a_rectifier_needs_no_ties_away_from_zero() -> None:
    interval = [Interval(-70_000, 70_000)]
    rectified, other = (
        staircase(requantizers(kind, 8), interval) for kind in ("double_rectified", "double")
    )
    assert rectified is not None
    assert not rectified.away
    assert other is not None
    assert other.away


@pytest.mark.parametrize("kind", ["unshifted", "even", "negative"])
def test_no_staircase_serves_these(kind: str) -> None:
    assert staircase(requantizers(kind, 8), [Interval(-70_000, 70_000)]) is None


def test_each_channel_has_an_interval_of_its_own() -> None:
    # A dead channel holds one large value, which no shift of the others scales alike elsewhere.
    (alive, *_), (_, dead, *_) = requantizers("far", 3), requantizers("far", 3)
    large = 1 << 30
    intervals = [Interval(-70_000, 70_000), Interval(large, large)]
    found = staircase([alive, dead], intervals)
    assert found is not None
    assert stepped(found, 1, large) == dead.apply(large)
    assert np.unique(found.shifts).size == 1
