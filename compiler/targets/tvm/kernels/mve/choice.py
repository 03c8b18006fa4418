# SPDX-License-Identifier: Apache-2.0
"""The form of a step for Helium, the vectors of Cortex-M55 and its successors."""

from intaglio.compiler.ir import fixed
from intaglio.compiler.targets.tvm.function import Kernel
from intaglio.compiler.targets.tvm.kernels.mve.convolution import convolution, matmul
from intaglio.compiler.targets.tvm.kernels.mve.depthwise import depthwise
from intaglio.compiler.targets.tvm.kernels.mve.elementwise import elementwise
from intaglio.compiler.targets.tvm.kernels.scope import Scope


def mve(scope: Scope, op: fixed.Op) -> Kernel | None:
    """The kernel of a node and its followers, None where this family has none."""
    match op:
        case fixed.Conv2d():
            return convolution(scope, op) if op.groups == 1 else depthwise(scope, op)
        case fixed.MatMul():
            return matmul(scope, op)
        case fixed.Pairwise() | fixed.Requantize():
            return elementwise(scope, op)
        case _:
            return None
