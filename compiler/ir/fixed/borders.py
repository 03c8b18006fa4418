# SPDX-License-Identifier: Apache-2.0
"""Where float32 enters and leaves a fixed graph."""

from dataclasses import dataclass

from intaglio.numerics.float32 import Float32
from intaglio.numerics.quantize_method import QuantizeMethod
from intaglio.numerics.rounding import Rounding


@dataclass(frozen=True, slots=True)
class Quantize:
    """code = saturate(round(v) + zero_point), v = fl32(x / scale) or fl32(x * fl32(1 / scale)).

    NaN is refused; infinities saturate.
    """

    scale: Float32
    zero_point: int
    rounding: Rounding
    method: QuantizeMethod = QuantizeMethod.DIVIDE


@dataclass(frozen=True, slots=True)
class Float32Order:
    """y = the place of a float32 in the order of all: its bits, -(bits without sign) if negative.

    An i32; both zeros are 0, each next integer is the next float32, infinities are the ends
    ±0x7F800000.  NaN is refused.  Thresholds on y are thresholds on x.
    """


@dataclass(frozen=True, slots=True)
class Dequantize:
    """y = fl32(fl32(code - zero_point) * scale)."""

    scale: Float32
    zero_point: int
