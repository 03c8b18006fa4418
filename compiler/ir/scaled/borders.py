# SPDX-License-Identifier: Apache-2.0
"""Where float32 meets quantized codes; scale and zero point are those of the integer side."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Quantize:
    """code = saturate(round(real / scale) + zero_point); the profile says how it rounds."""


@dataclass(frozen=True, slots=True)
class Dequantize:
    """real = scale * (code - zero_point)."""
