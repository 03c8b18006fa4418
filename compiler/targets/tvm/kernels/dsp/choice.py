# SPDX-License-Identifier: Apache-2.0
"""The form of a step for the DSP extension of Cortex-M4, M7 and M33."""

from intaglio.compiler.ir import fixed
from intaglio.compiler.targets.tvm.function import Kernel
from intaglio.compiler.targets.tvm.kernels.dsp.convolution import convolution
from intaglio.compiler.targets.tvm.kernels.dsp.depthwise import depthwise
from intaglio.compiler.targets.tvm.kernels.dsp.matmul import matmul
from intaglio.compiler.targets.tvm.kernels.dsp.pairs import pair
from intaglio.compiler.targets.tvm.kernels.scope import Scope


def dsp(scope: Scope, op: fixed.Op) -> Kernel | None:
    """The kernel of a node and its followers, None where this family has none."""
    match op:
        case fixed.Conv2d():
            return depthwise(scope, op) if op.groups > 1 else convolution(scope, op)
        case fixed.MatMul():
            return matmul(scope, op)
        case fixed.Pairwise():
            return pair(scope, op)
        case _:
            return None
