# SPDX-License-Identifier: Apache-2.0
"""The tables of a recurrent cell hold the definition's words, each at its place."""

from collections.abc import Callable

import numpy as np
import pytest

from intaglio.compiler.ir import scaled
from intaglio.compiler.ir.builder import Builder
from intaglio.compiler.ir.graph import Level
from intaglio.compiler.ir.types import Quantization, TensorType
from intaglio.compiler.passes.select_arithmetic import select_arithmetic
from intaglio.numerics.fixed_point_sigmoid import fixed_point_sigmoid, fixed_point_tanh
from intaglio.numerics.float32 import Float32
from intaglio.numerics.integers import IntType
from intaglio.numerics.profile import load_profile

I16 = IntType(16, signed=True)


@pytest.mark.parametrize(
    ("function", "word"),
    [
        (scaled.UnaryFunction.SIGMOID, fixed_point_sigmoid),
        (scaled.UnaryFunction.TANH, fixed_point_tanh),
    ],
)
def test_each_word_is_the_definitions(
    function: scaled.UnaryFunction, word: Callable[[int, int], int]
) -> None:
    def type_of(scale: float) -> TensorType:
        return TensorType(I16, (1, 4), Quantization((Float32.from_value(scale),), (0,), None))

    builder = Builder("cell", Level.SCALED)
    x = builder.input("x", type_of(2.0**-12))
    op = scaled.Unary(function, recurrent=True)
    graph = builder.finish([builder.node("y", type_of(2.0**-15), op, [x])])
    (table,) = select_arithmetic(graph, load_profile("litert-ref-1.3")).constants
    places = np.arange(0, 1 << 16, 97)
    expected = [word(int(place) - (1 << 15), 3) for place in places]
    assert table.array[places].tolist() == expected
