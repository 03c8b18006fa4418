# SPDX-License-Identifier: Apache-2.0
"""Equations of a table of samples."""

from intaglio.numerics.equations.functions import shift_function
from intaglio.numerics.equations.statements import Equations, Number
from intaglio.numerics.sampled_table import SampledTable


def table_equations(table: SampledTable, low: int, high: int) -> Equations:
    """The equations of ``y = min(max(table.apply(x), low), high)``."""
    rounded = shift_function(table.rounding)
    numbers: dict[str, Number] = {
        "entries": table.entries,
        "first": table.first,
        "z": table.zero_point,
        "low": low,
        "high": high,
    }
    step, clamp = table.step_bits, "y = min(max(r + z, low), high)"
    last = len(table.entries) - (2 if table.linear else 1)
    index = f"i = min(max((x - first) >> {step}, 0), {last})"
    if not table.linear:
        value = f"r = {rounded}(entries[i], {table.fraction_bits})"
        return Equations((index, value, clamp), numbers)
    distance = f"x - first - (i << {step})"
    if table.held:
        distance = f"min(max({distance}, 0), {1 << step})"
    lines = (
        index,
        f"d = {distance}",
        f"v = (entries[i] << {step}) + (entries[i + 1] - entries[i]) * d",
        f"r = {rounded}(v, {step + table.fraction_bits})",
        clamp,
    )
    return Equations(lines, numbers)
