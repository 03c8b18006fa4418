# SPDX-License-Identifier: Apache-2.0
"""Random values of an input, for runs without data."""

import numpy as np
import numpy.typing as npt

from intaglio.compiler.ir.graph import Array
from intaglio.compiler.ir.types import FloatType, TensorType

_BEYOND = 0.05
"""The share of a range that random numbers reach beyond either end, where codes saturate."""


def random_input(
    type: TensorType, reals: tuple[float, float], generator: np.random.Generator
) -> Array:
    """Codes of every value that the type has, alike, or float32 about the range ``reals``."""
    element, shape = type.element, type.shape
    if not isinstance(element, FloatType):
        drawn = generator.integers(element.minimum, element.maximum, shape, np.int64, endpoint=True)
        return drawn.astype(element.dtype)
    low, high = reals
    reach = _BEYOND * (high - low)
    drawn_reals: npt.NDArray[np.float64] = generator.uniform(low - reach, high + reach, shape)
    return drawn_reals.astype(np.float32)
