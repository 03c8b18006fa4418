# SPDX-License-Identifier: Apache-2.0
"""Biases that the model kept in float32: rounded to codes first, or added in the real numbers."""

from bisect import bisect_left
from dataclasses import dataclass
from fractions import Fraction
from math import floor

import numpy as np

from intaglio.compiler.ir.graph import Constant, Node
from intaglio.compiler.ir.types import FLOAT32, Quantization, TensorType
from intaglio.compiler.passes.select_arithmetic.state import Lowering
from intaglio.errors import InvalidData
from intaglio.numerics import float32
from intaglio.numerics.float32 import Float32
from intaglio.numerics.integers import IntType
from intaglio.numerics.intervals import Interval
from intaglio.numerics.profile import ContractionRule
from intaglio.numerics.quantize_method import in_units_of
from intaglio.numerics.rounding import Rounding, divide
from intaglio.numerics.scalings import Thresholds

MOST_STEPS = 255
_HALF = Fraction(1, 2)


def float_bias(state: Lowering, node: Node) -> Constant | None:
    """The bias of a contraction that the model kept in float32, None where it has codes or none."""
    if len(node.operands) < 3 or state.source.type_of(node.operands[2]).element != FLOAT32:
        return None
    return state.constant_operand(node, 2)


def emit_rounded(
    state: Lowering,
    node: Node,
    rule: ContractionRule,
    bias: Constant,
    x_scale: Float32,
    weights: Quantization,
) -> str:
    """The constant whose elements are the codes of ``bias`` in the scale fl32(s_x * s_w).

    code = saturate(round(b / scale)) as the profile quantizes float32, in the rule's bias type.
    ONNX Runtime 1.31 does so to the float32 bias of a convolution between QDQ nodes.

    Raises:
        UnsupportedModel: the product of the scales, or the quotient, is not a finite float32.
    """
    word = IntType(rule.bias_bits, signed=True)
    codes: list[int] = []
    for channel, value in enumerate(bias.array.tolist()):
        scale = float32.multiply(x_scale, weights.channel(channel)[0])
        try:
            quotient = in_units_of(scale, Float32.from_value(value), state.profile.quantize.method)
        except InvalidData:
            found = f"its bias {value} in channel {channel} overflows in the scale {scale}"
            raise state.refusal(node, found, "a bias that codes can hold") from None
        rounded = float32.round_to_integer(quotient, state.profile.quantize.rounding)
        codes.append(word.saturate(rounded))
    type = TensorType(word, bias.type.shape)
    return state.builder.constant(f"{bias.name}.codes", type, np.array(codes, word.dtype))


@dataclass(frozen=True, slots=True)
class RealSum:
    """y = min(max(round(x * real + addend) + zero_point, low), high), for positive ``real``."""

    real: Fraction
    addend: Fraction
    rounding: Rounding
    zero_point: int
    low: int
    high: int


def steps_of(total: RealSum, reachable: Interval) -> Thresholds:
    """Where y climbs from ``low`` to ``high``, for every x that is reachable.

    >>> total = RealSum(Fraction(1, 2), Fraction(1, 4), Rounding.HALF_EVEN, 0, 0, 2)
    >>> steps_of(total, Interval(-9, 9)).values
    (1, 3)
    """
    real, addend, mode = total.real, total.addend, total.rounding
    denominator = real.denominator * addend.denominator
    numerator = real.numerator * addend.denominator
    constant = addend.numerator * real.denominator

    def level(x: int) -> int:
        return divide(x * numerator + constant, denominator, mode)

    def first(wanted: int) -> int:
        # Whatever the mode, x * real + addend passes from wanted - 1 to wanted on the way.
        start = floor((wanted - 1 - addend) / real)
        end = floor((wanted - addend) / real) + 2
        if mode.to_nearest:
            start = floor((wanted - _HALF - addend) / real)
            end = start + 2
        return bisect_left(range(start, end), wanted, key=level) + start

    # A step that nothing reaches, or everything, is kept in the accumulator's own range.
    every, none = reachable.low, reachable.high + 1
    codes = range(total.low + 1, total.high + 1)
    return Thresholds(
        tuple(min(max(first(code - total.zero_point), every), none) for code in codes)
    )
