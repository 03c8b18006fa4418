# SPDX-License-Identifier: Apache-2.0
"""Depthwise convolutions with the DSP extension have the simulator's bits."""

import numpy as np
import pytest

from intaglio.compiler.ir import fixed
from intaglio.numerics.accumulator import Accumulator, Overflow
from intaglio.numerics.integers import IntType
from tests.compiler.targets.tvm.dsp.many import (
    I8,
    U8,
    Many,
    by_channel,
    codes,
    convolve,
    doubled,
    forms,
    requantize,
    single,
)
from tests.simulator.emulated.devices import assert_device_agrees, random_samples

pytestmark = pytest.mark.emulated


def depthwise() -> Many:
    many = Many()
    rng = np.random.default_rng(6)

    def step(
        shape: tuple[int, int, int, int], kernel: tuple[int, int], *others: object, **given: object
    ) -> None:
        channels = shape[3]
        followers = others[0] if others else codes(channels, 40)
        given = {"groups": channels, **given}
        convolve(many, shape, (channels, *kernel), followers, **given)  # type: ignore[arg-type]

    # Words of channels, and what is left of them; padding on all sides, and none.
    step((1, 5, 4, 8), (3, 3), pads=(1, 1, 1, 1), pad_value=-128)
    step((1, 6, 5, 5), (3, 3), pads=(0, 0, 1, 1), strides=(2, 2), pad_value=17)
    step((2, 4, 3, 7), (3, 3), input_zero_point=-5)
    step((1, 1, 1, 4), (3, 3), pads=(1, 1, 1, 1), pad_value=3)
    step((1, 4, 6, 6), (3, 2), dilations=(2, 3), pads=(2, 1, 2, 4))
    step((2, 3, 3, 9), (3, 3), pads=(3, 4, 3, 4), strides=(1, 2), pad_value=-1)
    # From one tap to many, even and odd.
    step((1, 2, 3, 4), (1, 1))
    step((1, 3, 3, 4), (1, 2), pads=(0, 1, 0, 0))
    step((1, 6, 5, 6), (3, 4), pads=(1, 1, 1, 2))
    step((1, 6, 5, 5), (5, 5), pads=(2, 2, 2, 2), pad_value=9)
    # Unsigned codes; two roundings; other results.
    step((1, 5, 4, 5), (3, 3), type=U8, pads=(1, 1, 1, 1), pad_value=131, input_zero_point=131)
    step((1, 6, 4, 4), (4, 3), type=U8, pads=(1, 0, 1, 1), pad_value=255)
    twice = requantize(doubled(by_channel(rng, 6, 37, 40)), -3, -100, 90)
    step((1, 5, 4, 6), (3, 3), [(twice, I8)], pads=(1, 1, 1, 1))
    step((1, 3, 3, 6), (3, 3), [(requantize([single(1 << 30, 38)], 128, 0, 255), U8)])
    clamp = fixed.Clamp((-5, -6, -7, -8, -9), (90, 91, 92, 93, 94))
    step((1, 4, 4, 5), (3, 3), [*codes(5, 40), (clamp, I8)], pads=(1, 1, 1, 1))
    step((1, 4, 4, 5), (3, 3), [(requantize([single(1, 4)]), I8)], pads=(1, 1, 1, 1))
    step((1, 4, 4, 5), (3, 3), [])
    narrow = Accumulator(IntType(12, True), Overflow.SATURATE)
    step((1, 4, 4, 7), (3, 3), codes(7, 36), accumulator=narrow, pads=(1, 1, 1, 1))
    dead = [1 << 30, 4, -(1 << 30), 6, 7]
    few = [
        single(s.multiplier, 62 if abs(b) > 9 else s.shift)
        for s, b in zip(by_channel(rng, 5, 38, 40), dead, strict=True)
    ]
    step((1, 4, 4, 5), (3, 3), [(requantize(few, 2), I8)], bias=dead)
    step((1, 3, 3, 5), (2, 2), weights=np.full((5, 2, 2, 1), -128))
    return many


@pytest.mark.parametrize("target", ["cortex-m4", "cortex-m33"])
def test_depthwise_convolutions_give_the_simulators_bits(target: str) -> None:
    graph = depthwise().graph()
    assert set(forms(graph, target)) == {"arm-dsp depthwise"}
    assert_device_agrees(graph, target, random_samples(graph, 6))


def test_two_outputs_of_a_channel_are_left_to_the_portable_form() -> None:
    many = Many()
    convolve(many, (1, 4, 4, 4), (8, 3, 3), codes(8), groups=4)
    convolve(many, (1, 4, 4, 3), (3, 3, 3), codes(3), groups=3)
    graph = many.graph()
    assert set(forms(graph, "cortex-m4")) == {"portable"}
    assert_device_agrees(graph, "cortex-m4", random_samples(graph, 2))
