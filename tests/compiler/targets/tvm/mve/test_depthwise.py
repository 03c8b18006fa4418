# SPDX-License-Identifier: Apache-2.0
"""Depthwise convolutions for Helium have the simulator's bits, whatever their shape."""

from dataclasses import replace

import pytest

from intaglio.numerics.rounding import Rounding
from intaglio.numerics.scalings import RationalMultiply
from tests.compiler.targets.tvm.mve.many import (
    U8,
    Plane,
    all_with,
    assert_exact,
    doubly,
    forms,
    many_planes,
    once,
)

pytestmark = pytest.mark.emulated

PLAIN = Plane(outputs=0)

SERVED = [
    once(PLAIN),
    doubly(PLAIN),
    once(replace(PLAIN, batch=2, channels=37, side=(7, 5))),
    once(replace(PLAIN, channels=8, side=(6, 7))),
    once(replace(PLAIN, channels=9, side=(3, 4), strides=(2, 2), pads=(0, 0, 1, 1))),
    once(replace(PLAIN, channels=4, side=(5, 4), strides=(2, 1))),
    once(replace(PLAIN, channels=6, side=(1, 3))),
    once(replace(PLAIN, channels=48, side=(3, 34))),
    once(replace(PLAIN, channels=32, side=(3, 50), strides=(2, 2))),
    once(replace(PLAIN, pads=(0, 0, 0, 0))),
    once(replace(PLAIN, pads=(0, 2, 0, 0), strides=(1, 3))),
    once(replace(PLAIN, pads=(2, 0, 0, 0), side=(3, 3))),
    once(replace(PLAIN, kernel=(2, 2), pads=(0, 0, 1, 1))),
    once(replace(PLAIN, kernel=(1, 1), pads=(0, 0, 0, 0))),
    once(replace(PLAIN, kernel=(1, 3), pads=(0, 1, 0, 1), side=(1, 9))),
    once(replace(PLAIN, kernel=(4, 4), pads=(2, 1, 1, 2))),
    once(replace(PLAIN, kernel=(5, 5), pads=(2, 2, 2, 2))),
    once(replace(PLAIN, kernel=(7, 6), pads=(3, 2, 3, 3), strides=(2, 2))),
    once(replace(PLAIN, kernel=(8, 3), pads=(3, 0, 4, 2), side=(2, 3))),
    once(replace(PLAIN, dilations=(2, 3), pads=(2, 3, 2, 3))),
    once(replace(PLAIN, dilations=(1, 4), pads=(1, 4, 1, 4), channels=12)),
    once(replace(PLAIN, x=U8, zero=131, pad_value=131)),
    doubly(replace(PLAIN, x=U8, zero=7, pad_value=200, y=U8, channels=10), zero_point=99),
    once(replace(PLAIN, w=U8, weight_zero=128)),
    all_with(replace(PLAIN, channels=7), RationalMultiply(1, 800, Rounding.HALF_EVEN)),
    replace(PLAIN, channels=5),
]

NOT_SERVED = [
    once(replace(PLAIN, channels=3)),
    once(replace(PLAIN, channels=4, side=(3, 3))),
    once(replace(PLAIN, kernel=(9, 9), pads=(4, 4, 4, 4))),
]


def test_every_shape_is_exact() -> None:
    graph = many_planes(SERVED)
    assert set(forms(graph)) == {"mve depthwise"}
    assert_exact(graph)


def test_what_has_another_form_is_exact() -> None:
    graph = many_planes(NOT_SERVED)
    assert set(forms(graph)) == {"portable"}
    assert_exact(graph)
