# SPDX-License-Identifier: Apache-2.0
"""Functions of each element alone."""

from functools import partial

import onnx_ir as ir
import torch
from torch.nn import functional

from intaglio.compiler.real.editing import float_attribute
from intaglio.compiler.synthesis.operators.operation import (
    Builder,
    Operation,
    operand,
    stored_number,
    text,
)


def relu(node: ir.Node) -> Operation:
    """max(x, 0).  Source: ONNX operator Relu-14."""
    return Operation(torch.relu, (operand(node, 0),))


def leaky_relu(node: ir.Node) -> Operation:
    """Where x >= 0 x, else alpha * x.  Source: ONNX operator LeakyRelu-16."""
    slope = float_attribute(node, "alpha", 0.01)
    return Operation(partial(functional.leaky_relu, negative_slope=slope), (operand(node, 0),))


def p_relu(node: ir.Node) -> Operation:
    """Where x >= 0 x, else slope * x, broadcast to x.  Source: ONNX operator PRelu-16."""
    return Operation(_p_relu, (operand(node, 0), operand(node, 1)))


def _p_relu(x: torch.Tensor, slope: torch.Tensor) -> torch.Tensor:
    return torch.where(x < 0, slope * x, x)


def clip(node: ir.Node) -> Operation:
    """min(max(x, low), high); either may be absent.  Source: ONNX operator Clip-13."""
    low, high = stored_number(node, 1), stored_number(node, 2)
    if low is None and high is None:
        return identity(node)
    if low is not None and high is not None and low < high:
        # The same, with a gradient that takes a quarter of the time.
        function = partial(functional.hardtanh, min_val=low, max_val=high)
        return Operation(function, (operand(node, 0),))
    return Operation(partial(torch.clamp, min=low, max=high), (operand(node, 0),))


def sigmoid(node: ir.Node) -> Operation:
    """1 / (1 + exp(-x)).  Source: ONNX operator Sigmoid-13."""
    return Operation(torch.sigmoid, (operand(node, 0),))


def tanh(node: ir.Node) -> Operation:
    """The hyperbolic tangent.  Source: ONNX operator Tanh-13."""
    return Operation(torch.tanh, (operand(node, 0),))


def hard_sigmoid(node: ir.Node) -> Operation:
    """min(max(alpha * x + beta, 0), 1).  Source: ONNX operator HardSigmoid-6."""
    slope, offset = float_attribute(node, "alpha", 0.2), float_attribute(node, "beta", 0.5)
    return Operation(partial(_hard_sigmoid, slope=slope, offset=offset), (operand(node, 0),))


def _hard_sigmoid(x: torch.Tensor, slope: float, offset: float) -> torch.Tensor:
    return torch.clamp(slope * x + offset, 0, 1)


def hard_swish(node: ir.Node) -> Operation:
    """The input times min(max(x / 6 + 1/2, 0), 1).  Source: ONNX operator HardSwish-14."""
    return Operation(functional.hardswish, (operand(node, 0),))


def gelu(node: ir.Node) -> Operation:
    """The input times Phi(x), or its approximation by tanh.  Source: ONNX operator Gelu-20."""
    approximate = text(node, "approximate", "none", ("none", "tanh"))
    return Operation(partial(functional.gelu, approximate=approximate), (operand(node, 0),))


def identity(node: ir.Node) -> Operation:
    """The input itself.  Source: ONNX operator Identity-21."""
    return Operation(_itself, (operand(node, 0),))


def _itself(x: torch.Tensor) -> torch.Tensor:
    return x


ACTIVATIONS: dict[str, Builder] = {
    "Clip": clip,
    "Gelu": gelu,
    "HardSigmoid": hard_sigmoid,
    "HardSwish": hard_swish,
    "Identity": identity,
    "LeakyRelu": leaky_relu,
    "PRelu": p_relu,
    "Relu": relu,
    "Sigmoid": sigmoid,
    "Tanh": tanh,
}
