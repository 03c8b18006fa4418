# SPDX-License-Identifier: Apache-2.0
"""The real function that an elementwise node applies to its one computed operand."""

from collections.abc import Callable
from math import erf

import numpy as np
import onnx_ir as ir

from intaglio.compiler.real.distributions.distributions import Reals
from intaglio.compiler.real.editing import float_attribute, float_constant, input_at

Function = Callable[[Reals], Reals]

_BINARY = frozenset({"Add", "Max", "Min", "Mul", "PRelu", "Sub"})
_erf = np.vectorize(erf, otypes=[np.float64])


def computed_operand(node: ir.Node) -> int | None:
    """Which input alone decides each element of the output; None if that isn't so."""
    if node.domain != "" or (node.op_type not in _BINARY and elementwise(node) is None):
        return None
    if node.op_type not in _BINARY:
        return 0
    computed = [i for i, value in enumerate(node.inputs) if float_constant(value) is None]
    if len(computed) != 1 or (node.op_type == "PRelu" and computed != [0]):
        return None
    return computed[0] if len(node.inputs) == 2 else None


def elementwise(node: ir.Node) -> Function | None:
    """The function of a node with one operand; None for every other op.

    Source: ONNX operators Relu-14, Clip-13, LeakyRelu-16, Sigmoid-13, HardSigmoid-6,
    HardSwish-14, Tanh-13, Gelu-20.
    """
    match node.op_type:
        case "Relu":
            return lambda x: np.maximum(x, 0.0)
        case "Clip":
            low, high = clip_ends(node)
            return lambda x: np.minimum(np.maximum(x, low), high)
        case "LeakyRelu":
            slope = float_attribute(node, "alpha", 0.01)
            return lambda x: np.where(x < 0, slope * x, x)
        case "Sigmoid":
            return _sigmoid
        case "Tanh":
            return np.tanh
        case "HardSigmoid":
            alpha, beta = (float_attribute(node, *d) for d in (("alpha", 0.2), ("beta", 0.5)))
            return lambda x: np.clip(alpha * x + beta, 0.0, 1.0)
        case "HardSwish":
            return lambda x: x * np.clip(x / 6.0 + 0.5, 0.0, 1.0)
        case "Gelu":
            tanh = node.attributes.get_string("approximate", "none") == "tanh"
            return _tanh_gelu if tanh else _gelu
        case _:
            return None


def with_constant(node: ir.Node, index: int, stored: Reals) -> Function:
    """The function of a binary node whose other operand, shaped to broadcast, is ``stored``.

    Args:
        node: Add, Max, Min, Mul, PRelu or Sub.
        index: which operand is computed.
        stored: the other one.
    """
    match node.op_type:
        case "Add":
            return lambda x: x + stored
        case "Sub":
            return (lambda x: x - stored) if index == 0 else (lambda x: stored - x)
        case "Mul":
            return lambda x: x * stored
        case "Max":
            return lambda x: np.maximum(x, stored)
        case "Min":
            return lambda x: np.minimum(x, stored)
        case _:
            return lambda x: np.where(x < 0, stored * x, x)


def clip_ends(node: ir.Node) -> tuple[float, float]:
    """Where a Clip ends below and above."""
    low, high = (float_constant(input_at(node, i)) for i in (1, 2))
    return (
        -np.inf if low is None else float(low.item()),
        np.inf if high is None else float(high.item()),
    )


def _sigmoid(x: Reals) -> Reals:
    return 0.5 * (1.0 + np.tanh(0.5 * x))


def _gelu(x: Reals) -> Reals:
    half: Reals = 0.5 * x * (1.0 + _erf(x / np.sqrt(2)))
    return half


def _tanh_gelu(x: Reals) -> Reals:
    bounded = np.clip(x, -1e3, 1e3)  # its cube may overflow, and tanh has long been +-1
    half: Reals = 0.5 * x * (1.0 + np.tanh(np.sqrt(2 / np.pi) * (bounded + 0.044715 * bounded**3)))
    return half
