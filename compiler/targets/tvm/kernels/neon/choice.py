# SPDX-License-Identifier: Apache-2.0
"""The form of a step for Advanced SIMD of AArch64."""

from intaglio.compiler.ir import fixed
from intaglio.compiler.targets.tvm.function import Kernel
from intaglio.compiler.targets.tvm.kernels.neon.convolution import convolution, matmul
from intaglio.compiler.targets.tvm.kernels.neon.depthwise import depthwise
from intaglio.compiler.targets.tvm.kernels.neon.elementwise import elementwise
from intaglio.compiler.targets.tvm.kernels.neon.pooling import average_pool, max_pool
from intaglio.compiler.targets.tvm.kernels.neon.tiles import Form
from intaglio.compiler.targets.tvm.kernels.scope import Scope
from intaglio.compiler.targets.tvm.machine import Instructions


def neon(scope: Scope, op: fixed.Op, instructions: Instructions) -> Kernel | None:
    """The kernel of a node and its followers, None where this family has none."""
    form = _form(instructions)
    match op:
        case fixed.Conv2d() if op.groups == 1:
            return convolution(scope, op, form)
        case fixed.Conv2d():
            return depthwise(scope, op, form)
        case fixed.MatMul():
            return matmul(scope, op, form)
        case (
            fixed.Requantize()
            | fixed.Clamp()
            | fixed.Cast()
            | fixed.Quantize()
            | fixed.Pairwise()
            | fixed.Add()
            | fixed.Subtract()
            | fixed.Multiply()
            | fixed.Minimum()
            | fixed.Maximum()
        ):
            return elementwise(scope, op)
        case fixed.MaxPool2d():
            return max_pool(scope, op)
        case fixed.AveragePool2d():
            return average_pool(scope, op)
        case _:
            return None


def _form(instructions: Instructions) -> Form:
    """How products are summed."""
    match instructions:
        case Instructions.NEON_I8MM:
            return Form.PAIRS
        case Instructions.NEON_DOTPROD:
            return Form.DOTS
        case _:
            return Form.LONG
