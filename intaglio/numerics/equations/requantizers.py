# SPDX-License-Identifier: Apache-2.0
"""A requantizer's equations: the scaling, the zero point, the clamp."""

from intaglio.numerics.equations.scalings import scaling_equations
from intaglio.numerics.equations.statements import Equations
from intaglio.numerics.requantizers import Requantizer


def requantizer_equations(requantizer: Requantizer, x: str, y: str, end: str = "") -> Equations:
    """The equations of ``y = requantizer.apply(x)``; arguments as for ``scaling_equations``."""
    scaled, z, low, high = (f"{name}{end}" for name in ("r", "z", "low", "high"))
    first = scaling_equations(requantizer.scaling, x, scaled, end)
    clamp = f"{y} = min(max({scaled} + {z}, {low}), {high})"
    numbers = {z: requantizer.zero_point, low: requantizer.low, high: requantizer.high}
    return first.then(Equations((clamp,), numbers))
