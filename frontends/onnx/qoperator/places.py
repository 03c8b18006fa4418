# SPDX-License-Identifier: Apache-2.0
"""Where an operator on codes states the codes, their scale and their zero point."""

from collections.abc import Mapping
from dataclasses import dataclass

import onnx_ir as ir


@dataclass(frozen=True, slots=True)
class Place:
    """Positions among a node's operands.

    Attributes:
        codes: the tensor of codes; for a result, None.
        scale: its scale, None where the operator has none: the codes stand for themselves.
        zero_point: its zero point.
        weights: whether scales and zero points may go by output channel.
    """

    codes: int | None
    scale: int | None
    zero_point: int
    weights: bool = False


_ONE = (Place(0, 1, 2),)
_TWO = (Place(0, 1, 2), Place(3, 4, 5))
_WEIGHTED = (Place(0, 1, 2), Place(3, 4, 5, weights=True))
_PLAIN = (Place(0, None, 2), Place(1, None, 3, weights=True))

OPERANDS: Mapping[str, tuple[Place, ...]] = {
    "ConvInteger": _PLAIN,
    "DequantizeLinear": _ONE,
    "MatMulInteger": _PLAIN,
    "QGemm": _WEIGHTED,
    "QLinearAdd": _TWO,
    "QLinearAveragePool": _ONE,
    "QLinearConv": _WEIGHTED,
    "QLinearGlobalAveragePool": _ONE,
    "QLinearLeakyRelu": _ONE,
    "QLinearMatMul": _WEIGHTED,
    "QLinearMul": _TWO,
    "QLinearSigmoid": _ONE,
    "QLinearSoftmax": _ONE,
}
"""The operands of codes, by operator; ``QLinearConcat`` has as many as it is given."""


def operands_of(node: ir.Node) -> tuple[Place, ...]:
    """Where the operands of codes of this node are, and what states their scales."""
    if node.op_type == "QLinearConcat":
        return tuple(Place(at, at + 1, at + 2) for at in range(2, len(node.inputs), 3))
    return OPERANDS.get(node.op_type, ())
