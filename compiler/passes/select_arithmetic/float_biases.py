# SPDX-License-Identifier: Apache-2.0
"""Biases that the model kept in float32: rounded to codes first, or added in the real numbers."""

import numpy as np

from intaglio.compiler.ir.graph import Constant, Node
from intaglio.compiler.ir.types import FLOAT32, Quantization, TensorType
from intaglio.compiler.passes.select_arithmetic.state import Lowering
from intaglio.errors import InvalidData
from intaglio.numerics import float32
from intaglio.numerics.float32 import Float32
from intaglio.numerics.integers import IntType
from intaglio.numerics.profile import ContractionRule
from intaglio.numerics.quantize_method import in_units_of


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
