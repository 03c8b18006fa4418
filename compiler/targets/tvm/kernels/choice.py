# SPDX-License-Identifier: Apache-2.0
"""The fastest form of a step that the machine runs; the portable form where there is no other."""

from intaglio.compiler.ir import fixed
from intaglio.compiler.targets.tvm.function import Kernel
from intaglio.compiler.targets.tvm.kernels.portable import portable
from intaglio.compiler.targets.tvm.kernels.scope import Scope
from intaglio.compiler.targets.tvm.kernels.vnni.convolution import convolution
from intaglio.compiler.targets.tvm.kernels.vnni.depthwise import depthwise
from intaglio.compiler.targets.tvm.kernels.vnni.matmul import matmul
from intaglio.compiler.targets.tvm.machine import Instructions, Machine


def choose(scope: Scope, machine: Machine) -> Kernel:
    """The kernel of a node and its followers."""
    op = scope.node.op
    if not isinstance(op, fixed.Op):
        raise TypeError(f"{scope.node.name} is at the scaled level")
    if machine.instructions is Instructions.AVX512_VNNI:
        found = _vnni(scope, op)
        if found is not None:
            return found
    return portable(scope.anew(), op)


def _vnni(scope: Scope, op: fixed.Op) -> Kernel | None:
    match op:
        case fixed.Conv2d():
            return depthwise(scope, op) if op.groups > 1 else convolution(scope, op)
        case fixed.MatMul():
            return matmul(scope, op)
        case _:
            return None
