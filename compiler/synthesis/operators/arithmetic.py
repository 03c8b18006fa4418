# SPDX-License-Identifier: Apache-2.0
"""Functions of several tensors that are broadcast to each other, and matrix products."""

from collections.abc import Callable
from functools import partial, reduce

import onnx_ir as ir
import torch

from intaglio.compiler.real.editing import float_attribute, input_at, int_attribute
from intaglio.compiler.synthesis.operators.operation import Builder, Operation, operand

_Binary = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def binary(function: _Binary) -> Builder:
    """A node of two inputs.  Source: ONNX operators Add-14, Sub-14, Mul-14 and MatMul-13."""
    return lambda node: Operation(function, (operand(node, 0), operand(node, 1)))


def variadic(function: _Binary) -> Builder:
    """A node of one input or more.  Source: ONNX operators Max-13 and Min-13."""

    def build(node: ir.Node) -> Operation:
        operands = tuple(operand(node, index) for index in range(len(node.inputs)))
        return Operation(lambda *tensors: reduce(function, tensors), operands)

    return build


def gemm(node: ir.Node) -> Operation:
    """Alpha * A' @ B' + beta * C.  Source: ONNX operator Gemm-13."""
    function = partial(
        _gemm,
        alpha=float_attribute(node, "alpha", 1.0),
        beta=float_attribute(node, "beta", 1.0),
        transposed=(bool(int_attribute(node, "transA", 0)), bool(int_attribute(node, "transB", 0))),
    )
    return Operation(function, (operand(node, 0), operand(node, 1), input_at(node, 2)))


def _gemm(
    a: torch.Tensor,
    b: torch.Tensor,
    c: torch.Tensor | None,
    alpha: float,
    beta: float,
    transposed: tuple[bool, bool],
) -> torch.Tensor:
    left, right = (x.T if swap else x for x, swap in zip((a, b), transposed, strict=True))
    if c is None:
        return left @ right if alpha == 1 else alpha * (left @ right)
    return torch.addmm(c, left, right, alpha=alpha, beta=beta)


ARITHMETIC: dict[str, Builder] = {
    "Add": binary(torch.add),
    "Gemm": gemm,
    "MatMul": binary(torch.matmul),
    "Max": variadic(torch.maximum),
    "Min": variadic(torch.minimum),
    "Mul": binary(torch.mul),
    "Sub": binary(torch.sub),
}
