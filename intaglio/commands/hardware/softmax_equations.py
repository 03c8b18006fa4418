# SPDX-License-Identifier: Apache-2.0
"""Equations of softmax: ``x`` is the row of codes, ``y`` the row of results."""

from typing import assert_never

from intaglio.compiler.ir.fixed import (
    FixedPointSoftmax,
    Float32TableSoftmax,
    IntegerTableSoftmax,
    SoftmaxAlgorithm,
    SoftmaxNormalization,
)
from intaglio.numerics.equations.functions import (
    division_function,
    rounding_function,
    shift_function,
)
from intaglio.numerics.equations.statements import Equations
from intaglio.numerics.rounding import Rounding

_LOOKED_UP = "e = [table[max(x) - v] if max(x) - v < len(table) else 0 for v in x]"


def softmax_equations(algorithm: SoftmaxAlgorithm) -> Equations:
    """The equations of one row."""
    match algorithm:
        case FixedPointSoftmax():
            return _fixed_point(algorithm)
        case IntegerTableSoftmax():
            divided = f"{division_function(algorithm.rounding)}(v * n, d * sum(e))"
            return Equations(
                (_LOOKED_UP, f"y = [min(max({divided} + z, low), high) for v in e]"),
                {
                    "n": algorithm.numerator,
                    "d": algorithm.denominator,
                    "z": algorithm.zero_point,
                    "low": algorithm.low,
                    "high": algorithm.high,
                    "table": algorithm.table,
                },
            )
        case Float32TableSoftmax():
            return _float32(algorithm)
        case _:
            assert_never(algorithm)


def _fixed_point(algorithm: FixedPointSoftmax) -> Equations:
    away = shift_function(Rounding.HALF_AWAY_FROM_ZERO)
    lines = (
        "e = [exp_on_negative(doubling_high((v - max(x)) << left, m)) for v in x]",
        "e = [e[k] if x[k] - max(x) >= least else 0 for k in range(len(x))]",
        f"t = max(sum({away}(v, 12) for v in e), 1)",
        "h = clz32(t)",
        "r = one_over_one_plus((t << h) - 2**31)",
        f"q = [{away}(doubling_high(r, v), max(12 - h + 31 - bits, 1)) for v in e]",
        "y = [min(max(v + low, low), high) for v in q]",
    )
    return Equations(
        lines,
        {
            "m": algorithm.multiplier,
            "left": algorithm.left_shift,
            "least": algorithm.difference_minimum,
            "bits": algorithm.result_bits,
            "low": algorithm.low,
            "high": algorithm.high,
        },
    )


def _float32(algorithm: Float32TableSoftmax) -> Equations:
    match algorithm.normalization:
        case SoftmaxNormalization.SCALED_NUMERATOR:
            normalized = "v = [fl32(fl32(term * f) / t) for term in e]"
        case SoftmaxNormalization.RECIPROCAL_SUM:
            normalized = "v = [fl32(term * fl32(1 / fl32(t * f))) for term in e]"
        case _:
            assert_never(algorithm.normalization)
    rounded = rounding_function(algorithm.rounding)
    lines = (
        _LOOKED_UP,
        "t = reduce(lambda sum, term: fl32(sum + term), e, 0)",
        normalized,
        f"y = [min(max({rounded}(u) + z, low), high) for u in v]",
    )
    return Equations(
        lines,
        {
            "f": algorithm.factor.value,
            "z": algorithm.zero_point,
            "low": algorithm.low,
            "high": algorithm.high,
            "table": tuple(each.value for each in algorithm.table),
        },
    )
