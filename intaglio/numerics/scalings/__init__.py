# SPDX-License-Identifier: Apache-2.0
"""The closed set of ways in which machines scale an accumulator, a module a family.

Each has ``apply`` (the definition, on exact Python ints), ``product_bits``, ``monotone_domain`` and
``direction``.  Zero point and clamp are the ``Requantizer``'s.
"""

from intaglio.numerics.scalings.double_rounding import DoubleRounding
from intaglio.numerics.scalings.float_multiply import (
    Float32Multiply,
    Float32MultiplyAdd,
    Float64Multiply,
)
from intaglio.numerics.scalings.int16_multiply import Int16Multiply
from intaglio.numerics.scalings.multiply_add_shift import MultiplyAddShift
from intaglio.numerics.scalings.multiply_shift import MultiplyShift
from intaglio.numerics.scalings.primitives import (
    rounding_shift_away,
    rounding_shift_up,
    saturating_rounding_doubling_high_multiply,
    saturating_shift_left,
)
from intaglio.numerics.scalings.rational_multiply import RationalMultiply
from intaglio.numerics.scalings.shift import Shift
from intaglio.numerics.scalings.stages import (
    AddStep,
    MultiplyStep,
    SaturateStep,
    ShiftStep,
    Stages,
    Step,
    WrapStep,
    ZeroStep,
)
from intaglio.numerics.scalings.thresholds import Thresholds
from intaglio.numerics.scalings.tosa_scale import TosaScale

Scaling = (
    MultiplyShift
    | DoubleRounding
    | Int16Multiply
    | Float32Multiply
    | Float32MultiplyAdd
    | Float64Multiply
    | MultiplyAddShift
    | Shift
    | TosaScale
    | RationalMultiply
    | Thresholds
    | Stages
)

__all__ = [
    "AddStep",
    "DoubleRounding",
    "Float32Multiply",
    "Float32MultiplyAdd",
    "Float64Multiply",
    "Int16Multiply",
    "MultiplyAddShift",
    "MultiplyShift",
    "MultiplyStep",
    "RationalMultiply",
    "SaturateStep",
    "Scaling",
    "Shift",
    "ShiftStep",
    "Stages",
    "Step",
    "Thresholds",
    "TosaScale",
    "WrapStep",
    "ZeroStep",
    "rounding_shift_away",
    "rounding_shift_up",
    "saturating_rounding_doubling_high_multiply",
    "saturating_shift_left",
]
