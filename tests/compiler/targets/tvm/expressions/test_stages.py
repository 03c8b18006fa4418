# SPDX-License-Identifier: Apache-2.0
"""Stages that are taken together, and those that must not be."""

from collections.abc import Sequence

import pytest

from intaglio.compiler.targets.tvm.machine import Instructions, available
from intaglio.numerics.integers import IntType
from intaglio.numerics.rounding import Rounding
from intaglio.numerics.scalings import (
    AddStep,
    MultiplyStep,
    SaturateStep,
    ShiftStep,
    Stages,
    Step,
    WrapStep,
)
from tests.compiler.targets.tvm.expressions.scaling_columns import assert_exact

I20, I16, I40 = (IntType(bits, signed=True) for bits in (20, 16, 40))
VALUES = [*range(-140, 140), *range(I20.minimum, I20.maximum, 9999), I20.minimum, I20.maximum]
CHANNELS = 16


def columns(rounding: Rounding) -> list[list[Stages]]:
    shift = ShiftStep(7, rounding)

    def by_channel(between: Sequence[Step], last: Sequence[Step] = ()) -> list[Stages]:
        """A multiplier for each channel, with an odd one for each even one."""
        return [
            Stages((MultiplyStep(channel * 24 + 1 + channel % 2), *between, shift, *last))
            for channel in range(CHANNELS)
        ]

    return [
        by_channel([]),
        by_channel([WrapStep(I40), SaturateStep(I40)]),
        by_channel([AddStep(3 << 7)]),
        by_channel([WrapStep(I40), AddStep(-(1 << 7))]),
        by_channel([AddStep(65)]),
        by_channel([WrapStep(I20)]),
        by_channel([SaturateStep(I20), AddStep(1 << 7)]),
        by_channel([], [AddStep(3), ShiftStep(2, rounding), SaturateStep(I16), WrapStep(I16)]),
        [Stages((ShiftStep(1, rounding), AddStep(c), MultiplyStep(c), shift)) for c in range(16)],
        [Stages((MultiplyStep(c), MultiplyStep(3), ShiftStep(c, rounding))) for c in range(16)],
        [Stages((ShiftStep(3, rounding), MultiplyStep(c - 8))) for c in range(16)],
    ]


@pytest.mark.parametrize("instructions", available()[:2], ids=lambda found: found.value)
def test_every_rounding(instructions: Instructions, monkeypatch: pytest.MonkeyPatch) -> None:
    nodes = [each for rounding in Rounding for each in columns(rounding)]
    assert_exact(nodes, VALUES, I20, instructions, monkeypatch)
