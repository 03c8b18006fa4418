# SPDX-License-Identifier: Apache-2.0
"""The fastest form of a step that the machine runs; the portable form where there is no other."""

from intaglio.compiler.ir import fixed
from intaglio.compiler.targets.tvm.function import Kernel
from intaglio.compiler.targets.tvm.kernels.dsp.choice import dsp
from intaglio.compiler.targets.tvm.kernels.mve.choice import mve
from intaglio.compiler.targets.tvm.kernels.neon.choice import neon
from intaglio.compiler.targets.tvm.kernels.portable import portable
from intaglio.compiler.targets.tvm.kernels.scope import Scope
from intaglio.compiler.targets.tvm.kernels.vector.convolution import convolution
from intaglio.compiler.targets.tvm.kernels.vector.depthwise import depthwise
from intaglio.compiler.targets.tvm.kernels.vector.elementwise import elementwise
from intaglio.compiler.targets.tvm.kernels.vector.matmul import matmul
from intaglio.compiler.targets.tvm.kernels.vector.ordered import (
    ordered_convolution,
    ordered_matmul,
)
from intaglio.compiler.targets.tvm.kernels.vector.unit import Unit, unit_of
from intaglio.compiler.targets.tvm.machine import Instructions, Machine


def choose(scope: Scope, machine: Machine) -> Kernel:
    """The kernel of a node and its followers."""
    op = scope.node.op
    if not isinstance(op, fixed.Op):
        raise TypeError(f"{scope.node.name} is at the scaled level")
    found = _fast(scope, op, machine)
    if found is None and scope.in_place is not None:
        # Vectors are worth more than the memory.
        found = _fast(scope.apart(), op, machine)
    return portable(scope.anew(), op) if found is None else found


def _fast(scope: Scope, op: fixed.Op, machine: Machine) -> Kernel | None:
    """The kernel for the instructions of a machine, None where there is none."""
    match machine.instructions:
        case Instructions.NEON_I8MM | Instructions.NEON_DOTPROD | Instructions.NEON:
            return neon(scope, op, machine.instructions)
        case Instructions.MVE:
            return mve(scope, op)
        case Instructions.ARM_DSP:
            return dsp(scope, op)
        case _:
            unit = unit_of(machine.instructions)
            return None if unit is None else _vector(scope, op, unit)


def _vector(scope: Scope, op: fixed.Op, unit: Unit) -> Kernel | None:
    """The kernel for a vector unit, None where there is none."""
    match op:
        case fixed.Conv2d():
            form = depthwise if op.groups > 1 else convolution
            found = form(scope, op, unit)
            return ordered_convolution(scope.anew(), op, unit) if found is None else found
        case fixed.MatMul():
            found = matmul(scope, op, unit)
            return ordered_matmul(scope.anew(), op, unit) if found is None else found
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
            return elementwise(scope, op, unit)
        case _:
            return None
