# SPDX-License-Identifier: Apache-2.0
"""Which elements of an axis ONNX's Resize takes its new ones from."""

from collections.abc import Callable
from math import ceil, floor

import numpy as np
from numpy.typing import NDArray

_HALF = np.float32(0.5)

COORDINATES = ("half_pixel", "pytorch_half_pixel", "asymmetric", "align_corners")
"""The coordinate transformations that are known."""


def _halfway(x: float) -> bool:
    """Whether a coordinate is a tie; float32 leaves some that should be a little off.

    Source: ONNX Runtime 1.31, measured: what is off by less than 1e-6 counts.
    """
    return abs(x - floor(x) - 0.5) < 1e-6


ROUNDINGS: dict[str, Callable[[float], int]] = {
    "round_prefer_floor": lambda x: floor(x) if _halfway(x) else floor(x + 0.5),
    "round_prefer_ceil": lambda x: ceil(x) if _halfway(x) else floor(x + 0.5),
    "floor": floor,
    "ceil": ceil,
}
"""How the nearest element is chosen, by ``nearest_mode``."""


def resize_coordinates(
    before: int, after: int, scale: np.float32, mode: str
) -> NDArray[np.float32]:
    """Where the new elements lie on the old axis, ``[after]``.

    Source: ONNX operator Resize-19, whose coordinates ONNX Runtime 1.31 computes in float32.

    Args:
        before: the old extent.
        after: the new one.
        scale: new over old, as the file states it.
        mode: one of ``COORDINATES``.
    """
    indices = np.arange(after, dtype=np.float32)
    match mode:
        case "asymmetric":
            return indices / scale
        case "align_corners":
            last = np.float32(max(after - 1, 1))
            return indices * np.float32(before - 1) / last
        case "pytorch_half_pixel" if after == 1:
            return indices
        case _:
            return (indices + _HALF) / scale - _HALF
