# SPDX-License-Identifier: Apache-2.0
"""What has no form of its own for Helium, but LLVM makes vectors of, compiles and is exact."""

import pytest

from intaglio.compiler.ir import fixed
from intaglio.compiler.ir.builder import Builder
from intaglio.compiler.ir.graph import Level
from intaglio.compiler.ir.types import TensorType
from intaglio.numerics.requantizers import Requantizer
from intaglio.numerics.scalings import MultiplyShift
from tests.compiler.targets.tvm.mve.many import I8, UP, assert_exact

pytestmark = pytest.mark.emulated


def test_a_global_average_of_64_bit_products_is_exact() -> None:
    builder = Builder("average", Level.FIXED)
    x = builder.input("x", TensorType(I8, (1, 8, 8, 64)))
    by_count = tuple(
        Requantizer(MultiplyShift(round((1 << 36) / count), 36, UP), -128, -128, 127)
        for count in range(1, 65)
    )
    mean = fixed.RequantizedSum(-128, by_count)
    op = fixed.AveragePool2d(mean, (8, 8), (1, 1), (0, 0, 0, 0), False)
    y = builder.node("y", TensorType(I8, (1, 1, 1, 64)), op, [x])
    assert_exact(builder.finish([y]))
