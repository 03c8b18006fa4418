# SPDX-License-Identifier: Apache-2.0
"""The form of a step for Advanced SIMD of AArch64."""

from intaglio.compiler.ir import fixed
from intaglio.compiler.targets.tvm.function import Kernel
from intaglio.compiler.targets.tvm.kernels.scope import Scope
from intaglio.compiler.targets.tvm.machine import Instructions


def neon(scope: Scope, op: fixed.Op, instructions: Instructions) -> Kernel | None:
    """The kernel of a node and its followers, None where this family has none."""
    return None
