# SPDX-License-Identifier: Apache-2.0
"""16-bit sigmoid and tanh over every code: near the real functions, and symmetric."""

import math

from intaglio.numerics.fixed_point_sigmoid import fixed_point_sigmoid, fixed_point_tanh


def test_sigmoid_is_near_everywhere() -> None:
    for a in range(-(2**15), 2**15, 7):
        real = 2**15 / (1 + math.exp(-a / 4096))
        assert abs(fixed_point_sigmoid(a) - real) < 12, a


def test_tanh_is_near_everywhere() -> None:
    for a in range(-(2**15), 2**15, 7):
        assert abs(fixed_point_tanh(a) - 2**15 * math.tanh(a / 4096)) < 20, a


def test_both_are_symmetric() -> None:
    for a in range(1, 2**15, 7):
        assert fixed_point_sigmoid(a) + fixed_point_sigmoid(-a) == 32767
        assert fixed_point_tanh(-a) == -fixed_point_tanh(a)
