# SPDX-License-Identifier: Apache-2.0
"""Softmax as one op with a closed choice of algorithm.

In all of them ``d = x - max(x)`` along the axis (d <= 0).
"""

from dataclasses import dataclass
from enum import Enum

from intaglio.numerics.float32 import Float32
from intaglio.numerics.rounding import Rounding


@dataclass(frozen=True, slots=True)
class FixedPointSoftmax:
    """The gemmlowp fixed-point softmax (TFLite reference and TFLM, of 8-bit codes).

    e = exp_neg(SRDHM(d << left_shift, multiplier)) in Q0.31 where d >= difference_minimum, else the
    output is ``low``; S = Σ RDP_away(e, 12) in 32 bits, at least 1; h = clz32(S);
    r = recip1p((S << h) - 2**31);
    y = clamp(RDP_away(SRDHM(r, e), max(12 - h + 31 - result_bits, 1)) + low, low, high).

    ``result_bits`` is 8, or 16 where TFLM gives codes of 1/65536.
    """

    multiplier: int
    left_shift: int
    difference_minimum: int
    low: int
    high: int
    result_bits: int = 8


@dataclass(frozen=True, slots=True)
class IntegerTableSoftmax:
    """y = clamp(divide(table[-d] numerator, denominator Σ e, rounding) + zero_point, low, high).

    e = ``table[-d]``; ``table[k]`` is the integer nearest to ``exp(-k * scale) * 2**fraction``; a
    difference beyond the table's end counts as 0.  Pure integers: our own default.
    """

    table: tuple[int, ...]
    numerator: int
    denominator: int
    rounding: Rounding
    zero_point: int
    low: int
    high: int


class SoftmaxNormalization(Enum):
    """How a table entry e becomes a probability code v, given the float32 sum S of the row.

    SCALED_NUMERATOR: v = fl32(fl32(e * factor) / S); ONNX Runtime, factor = floor(1 / s_out).
    RECIPROCAL_SUM: v = fl32(e * fl32(1 / fl32(S * factor))); TFLite optimized, factor = s_out.
    """

    SCALED_NUMERATOR = "scaled-numerator"
    RECIPROCAL_SUM = "reciprocal-sum"


@dataclass(frozen=True, slots=True)
class Float32TableSoftmax:
    """y = clamp(round(v) + zero_point, low, high) in float32.

    e = table[-d], 0 beyond the table's end; S = the float32 sum of e along the axis, ascending from
    0; v = normalization of e and S.
    Source: ONNX Runtime 1.31 QLinearSoftmax; TFLite optimized int8 softmax.
    """

    table: tuple[Float32, ...]
    factor: Float32
    normalization: SoftmaxNormalization
    rounding: Rounding
    zero_point: int
    low: int
    high: int


SoftmaxAlgorithm = FixedPointSoftmax | IntegerTableSoftmax | Float32TableSoftmax


@dataclass(frozen=True, slots=True)
class Softmax:
    """y = softmax(x) along ``axis`` by ``algorithm``."""

    algorithm: SoftmaxAlgorithm
    axis: int
