# SPDX-License-Identifier: Apache-2.0
"""The last stage of a trace is the requantizer's result, whatever the scaling."""

import pytest

from intaglio.numerics.corners.tracing import trace
from intaglio.numerics.float32 import Float32
from intaglio.numerics.float64 import Float64
from intaglio.numerics.integers import INT32
from intaglio.numerics.requantizers import Requantizer
from intaglio.numerics.rounding import Rounding
from intaglio.numerics.scalings import (
    DoubleRounding,
    Float32Multiply,
    Float32MultiplyAdd,
    Float64Multiply,
    Int16Multiply,
    MultiplyAddShift,
    MultiplyShift,
    MultiplyStep,
    RationalMultiply,
    Scaling,
    Shift,
    ShiftStep,
    Stages,
    Thresholds,
    TosaScale,
)

SCALINGS: tuple[Scaling, ...] = (
    MultiplyShift(77, 12, Rounding.HALF_EVEN),
    DoubleRounding(1518500249, -5, Rounding.HALF_AWAY_FROM_ZERO),
    DoubleRounding(1518500249, 3, Rounding.FLOOR),
    Int16Multiply(1518500249, -2),
    Float32Multiply(Float32.from_value(0.01)),
    Float32MultiplyAdd(Float32.from_value(0.01), Float32.from_value(3.0)),
    Float64Multiply(Float64.from_value(0.01)),
    MultiplyAddShift(77, 1000, 9, Rounding.FLOOR, INT32),
    Shift(3, Rounding.HALF_EVEN),
    TosaScale(1518500249, 36, double_round=True),
    RationalMultiply(3, 700, Rounding.HALF_EVEN),
    Thresholds((-3, 5, 5, 1000)),
    Stages((MultiplyStep(5), ShiftStep(4, Rounding.FLOOR))),
)


@pytest.mark.parametrize("scaling", SCALINGS, ids=lambda scaling: type(scaling).__name__)
def test_the_code_is_the_requantizers(scaling: Scaling) -> None:
    requantizer = Requantizer(scaling, 4, -100, 90)
    for x in (-(1 << 31), -70001, -1, 0, 1, 5, 4321, (1 << 31) - 1):
        stages = {each.stage: each.value for each in trace(requantizer, x)}
        assert stages["code"] == requantizer.apply(x)
        assert stages["scaled"] == scaling.apply(x)
        assert stages["zero point"] == scaling.apply(x) + 4


def test_intermediate_values() -> None:
    wrapped = MultiplyAddShift(1 << 20, 5, 1, Rounding.FLOOR, INT32)
    stages = trace(Requantizer(wrapped, 0, -9, 9), 1 << 12)
    assert [each.value for each in stages] == [1 << 32, 5, 2, 2, 2]
    double = DoubleRounding(1 << 30, 2, Rounding.FLOOR)
    assert [each.value for each in trace(Requantizer(double, 0, -9, 9), 3)] == [12, 6, 6, 6, 6]
