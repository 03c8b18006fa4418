# SPDX-License-Identifier: Apache-2.0
"""How far a table of codes is from the real function that it stands for."""

from dataclasses import dataclass

import numpy as np

from intaglio.compiler.ir import scaled
from intaglio.compiler.ir.graph import Array
from intaglio.compiler.ir.types import Quantization
from intaglio.compiler.passes.select_arithmetic.real_tables import real_function
from intaglio.numerics.enclosures import Float64Array
from intaglio.numerics.integers import IntType


@dataclass(frozen=True, slots=True)
class TableErrors:
    """Over all codes of the operand at which the function has a value.

    In units of the result's last place, against the real value, which saturates to the result's
    codes where it lies beyond them; to about nine digits.

    Attributes:
        largest: the largest error.
        mean: the mean of the errors' magnitudes.
        monotone: whether the table rises wherever the function does, and falls where it falls, or
            stays.
    """

    largest: float
    mean: float
    monotone: bool


def table_errors(
    op: scaled.Unary,
    source: Quantization,
    element: IntType,
    target: Quantization,
    result: IntType,
    table: Array,
) -> TableErrors:
    """The errors of ``table``, which has an entry for each code of ``element``."""
    codes = np.arange(element.minimum, element.maximum + 1, dtype=np.int64)
    x: Float64Array = (codes - source.zero_point) * np.float64(source.scale.value)
    with np.errstate(all="ignore"):
        low, high = real_function(op).enclosed(x)
    exact = (low + high) / 2 / target.scale.value + target.zero_point
    codes_of = [
        [bound.value / target.scale.value + target.zero_point for bound in bounds]
        for bounds in (op.activation.low, op.activation.high)
    ]
    lowest = max([result.minimum, *codes_of[0][:1]])
    exact = np.clip(exact, lowest, min([result.maximum, *codes_of[1][:1]]))
    known = np.isfinite(exact)
    entries = table.astype(np.float64)[known]
    distance = np.abs(entries - exact[known])
    steps, slopes = np.diff(entries), np.sign(np.diff(exact[known]))
    return TableErrors(
        float(distance.max(initial=0)), float(distance.mean()), bool((steps * slopes >= 0).all())
    )
