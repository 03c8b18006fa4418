# SPDX-License-Identifier: Apache-2.0
"""What the channels of one value should look like."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class LayerTarget:
    """Mean and standard deviation of each channel of a value, over samples and positions.

    Attributes:
        value: the name of the value in the model.
        mean: float64 ``[C]``, along axis 1.
        std: float64 ``[C]``.
        slack_mean: how far means may be off for nothing; what a slack distance forgives.
        slack_std: how far standard deviations may.
    """

    value: str
    mean: NDArray[np.float64]
    std: NDArray[np.float64]
    slack_mean: float = 0.0
    slack_std: float = 0.0
