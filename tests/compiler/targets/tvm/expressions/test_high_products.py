# SPDX-License-Identifier: Apache-2.0
"""Every rounding of products whose high halves alone are kept, ties on purpose."""

import pytest

from intaglio.compiler.targets.tvm.expressions.high_products import Factor
from intaglio.compiler.targets.tvm.machine import Instructions, available
from intaglio.numerics.integers import IntType
from intaglio.numerics.rounding import Rounding
from intaglio.numerics.scalings import MultiplyShift
from tests.compiler.targets.tvm.expressions.scaling_columns import assert_exact

I24 = IntType(24, signed=True)
MOST = (1 << 31) - 1
FACTORS = (
    (1, 3),
    (1, 4),
    (3, 4),
    (7, 6),
    (1, 9),
    (1, 31),
    (5 << 20, 33),
    (1 << 30, 33),
    (3 << 29, 33),
    (1 << 22, 45),
    (MOST, 34),
    (MOST, 54),
    (MOST - 1, 64),
    (0, 5),
    (255, 12),
    (1 << 16, 40),
)
"""All of which are served; ties of the first ones are many."""
VALUES = [
    *range(-600, 600),
    *(sign * ((1 << k) + off) for k in range(11, 23) for sign in (1, -1) for off in (-1, 0, 1)),
    I24.minimum,
    I24.maximum,
]


@pytest.mark.parametrize("instructions", available(), ids=lambda found: found.value)
def test_every_rounding(instructions: Instructions, monkeypatch: pytest.MonkeyPatch) -> None:
    positive = [[MultiplyShift(m, s, rounding) for m, s in FACTORS] for rounding in Rounding]
    signs = [
        [MultiplyShift(m * (-1) ** n, s, rounding) for n, (m, s) in enumerate(FACTORS)]
        for rounding in Rounding
    ]
    assert_exact([*positive, *signs], VALUES, I24, instructions, monkeypatch)


def test_they_are_served() -> None:
    for multiplier, shift in FACTORS:
        assert Factor(multiplier, shift).normal().served
    assert not Factor(1, 2).normal().served
    assert not Factor(1, 65).normal().served


@pytest.mark.parametrize("instructions", available()[:1], ids=lambda found: found.value)
def test_the_lowest_integer(instructions: Instructions, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its magnitude is none."""
    columns = [[MultiplyShift(m, s, rounding) for m, s in FACTORS] for rounding in Rounding]
    type = IntType(32, signed=True)
    values = [type.minimum, type.minimum + 1, type.maximum, 0, -1 << 30]
    assert_exact(columns, values, type, instructions, monkeypatch)
