# SPDX-License-Identifier: Apache-2.0
"""Exact integer arithmetic: the floor everything else stands on.

Integers and how they are made to fit (``IntType``), where they lie (``Interval``), how real numbers
become integers (``Rounding``), IEEE-754 constants (``Float32``), the requantizers of real machines
(``Requantizer`` over a ``Scaling``), and the same on whole arrays (``apply_requantizers``).
``docs/numerics.md`` is the normative page.
"""

from intaglio.numerics.float32 import Float32
from intaglio.numerics.float64 import Float64
from intaglio.numerics.float_arrays import fused_multiply_add_array
from intaglio.numerics.integers import INT32, IntegerArray, IntType
from intaglio.numerics.intervals import Interval
from intaglio.numerics.multiplier_search import matching_multiplier, smallest_multiplier
from intaglio.numerics.multipliers import (
    PowerOfTwo,
    dory,
    double_multiplier,
    double_ratio,
    exact_multiplier,
    float_multiplier,
    float_product_multiplier,
    nearest_multiply_shift,
    nemo,
    power_of_two_shift,
    quantize_multiplier,
    rational,
    rndnu,
    single_rounding,
    tosa_scale,
)
from intaglio.numerics.requantizers import Requantizer
from intaglio.numerics.rounding import (
    Rounding,
    divide,
    divide_array,
    round_fraction,
    shift_right,
    shift_right_array,
)
from intaglio.numerics.scalings import (
    DoubleRounding,
    Float32Multiply,
    Float32MultiplyAdd,
    Float64Multiply,
    Int16Multiply,
    MultiplyAddShift,
    MultiplyShift,
    RationalMultiply,
    Scaling,
    Shift,
    Thresholds,
    TosaScale,
    rounding_shift_away,
    rounding_shift_up,
    saturating_rounding_doubling_high_multiply,
)
from intaglio.numerics.staircase import (
    Differences,
    Staircase,
    differences,
    equal,
    thresholds,
)
from intaglio.numerics.vectorized import (
    PreparedRequantizers,
    apply_requantizers,
    apply_scalings,
    prepare,
)

__all__ = [
    "INT32",
    "Differences",
    "DoubleRounding",
    "Float32",
    "Float32Multiply",
    "Float32MultiplyAdd",
    "Float64",
    "Float64Multiply",
    "Int16Multiply",
    "IntType",
    "IntegerArray",
    "Interval",
    "MultiplyAddShift",
    "MultiplyShift",
    "PowerOfTwo",
    "PreparedRequantizers",
    "RationalMultiply",
    "Requantizer",
    "Rounding",
    "Scaling",
    "Shift",
    "Staircase",
    "Thresholds",
    "TosaScale",
    "apply_requantizers",
    "apply_scalings",
    "differences",
    "divide",
    "divide_array",
    "dory",
    "double_multiplier",
    "double_ratio",
    "equal",
    "exact_multiplier",
    "float_multiplier",
    "float_product_multiplier",
    "fused_multiply_add_array",
    "matching_multiplier",
    "nearest_multiply_shift",
    "nemo",
    "power_of_two_shift",
    "prepare",
    "quantize_multiplier",
    "rational",
    "rndnu",
    "round_fraction",
    "rounding_shift_away",
    "rounding_shift_up",
    "saturating_rounding_doubling_high_multiply",
    "shift_right",
    "shift_right_array",
    "single_rounding",
    "smallest_multiplier",
    "thresholds",
    "tosa_scale",
]
