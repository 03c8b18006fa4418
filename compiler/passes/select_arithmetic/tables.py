# SPDX-License-Identifier: Apache-2.0
"""A function of one code as a lookup table: every code tried once, at compile time."""

from collections.abc import Callable, Sequence

import numpy as np

from intaglio.compiler.ir import fixed
from intaglio.compiler.ir.graph import Node
from intaglio.compiler.ir.types import TensorType
from intaglio.compiler.passes.select_arithmetic.state import Lowering
from intaglio.numerics.integers import IntType

MAXIMUM_TABLE_BITS = 16


def emit_table(
    state: Lowering,
    node: Node,
    name: str,
    functions: Sequence[Callable[[int], int]],
    element: IntType,
) -> str:
    """Emit y = function(code) for one function, or for one function a channel of the last axis."""
    type = state.builder.type_of(name)
    word = type.integer
    if word.bits > MAXIMUM_TABLE_BITS:
        raise state.refusal(
            node, f"a table over {word} codes", f"operands of at most {MAXIMUM_TABLE_BITS} bits"
        )
    codes = range(word.minimum, word.maximum + 1)
    rows = [[function(code) for code in codes] for function in functions]
    values = np.array(rows[0] if len(rows) == 1 else rows, dtype=np.int64)
    table = state.builder.constant(
        f"{node.name}.table", TensorType(element, values.shape), values, node.source
    )
    return state.emit(node, fixed.Lookup(), [name, table], element, type.shape)
