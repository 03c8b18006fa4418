# SPDX-License-Identifier: Apache-2.0
"""Constants with a scale for each block, as wider codes that share one scale: exactly the same."""

from math import frexp
from typing import Any

import numpy as np
import numpy.typing as npt

from intaglio.compiler.ir.graph import Array
from intaglio.compiler.ir.types import Quantization
from intaglio.frontends.onnx.blocks import Grid
from intaglio.frontends.onnx.meanings import QuantizedConstant
from intaglio.frontends.refusal import Refusal
from intaglio.numerics.float32 import Float32
from intaglio.numerics.intervals import Interval

MOST_BITS = 36
"""Products with 16-bit codes, 2**11 of them, are within a sum of 64 bits."""

_SIGNIFICAND = 24


def in_one_scale(name: str, codes: Array, grid: Grid) -> QuantizedConstant:
    """The real numbers fl32((code - zero point) * scale), as integers times a power of two.

    Each is a float32, so a power of two divides them all; the wider codes are the quotients.

    Raises:
        Refusal: the blocks' scales are so far apart that the codes would be wider than 36 bits.
    """
    spread = [
        [place // span for place in range(extent)]
        for extent, span in zip(codes.shape, grid.spans, strict=True)
    ]
    places: Any = np.ix_(*spread)
    zero_points: npt.NDArray[np.int64] = grid.zero_points[places]
    scales: npt.NDArray[np.float32] = grid.scales[places]
    centred: npt.NDArray[np.int64] = codes.astype(np.int64) - zero_points
    reals: npt.NDArray[np.float32] = centred.astype(np.float32) * scales
    if not np.isfinite(reals).all():
        raise Refusal("has a scale with which its codes overflow float32")
    exponent = _common_exponent(reals)
    wide = [int(value * 2.0**-exponent) for value in reals.astype(np.float64).ravel().tolist()]
    element = Interval(min(*wide, -1), max(*wide, 0)).smallest_type()
    if element.bits > MOST_BITS:
        raise Refusal(
            f"has scales by block that are too far apart: in one scale its codes would have "
            f"{element.bits} bits; at most {MOST_BITS} are expected"
        )
    array = np.array(wide, np.int64).reshape(codes.shape)
    scale = Float32.from_value(2.0**exponent)
    return QuantizedConstant(name, array, element, Quantization((scale,)), real=True)


def _common_exponent(reals: Array) -> int:
    """Of the largest power of two that divides every one of some float32."""
    exponents = [0]
    for value in np.unique(reals[reals != 0]).tolist():
        fraction, exponent = frexp(value)
        digits = int(fraction * (1 << _SIGNIFICAND))
        trailing = (digits & -digits).bit_length() - 1
        exponents.append(exponent - _SIGNIFICAND + trailing)
    return min(exponents)
