# SPDX-License-Identifier: Apache-2.0
"""A function of one code as a lookup table: every code tried once, at compile time."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from intaglio.compiler.ir import fixed
from intaglio.compiler.ir.graph import Node
from intaglio.compiler.ir.types import TensorType
from intaglio.compiler.passes.select_arithmetic.state import Lowering
from intaglio.numerics.integers import IntType

MAXIMUM_TABLE_BITS = 16

Int64Array = NDArray[np.int64]

TableFunction = Callable[[Int64Array], Int64Array]
"""The codes for a row of codes."""

_LONGEST = np.iinfo(np.int64)


def one_by_one(function: Callable[[int], int]) -> TableFunction:
    """A function of one code, called for each; results saturate to 64 bits."""

    def codes(row: Int64Array) -> Int64Array:
        found = (function(code) for code in row.tolist())
        saturated = [max(_LONGEST.min, min(_LONGEST.max, code)) for code in found]
        return np.array(saturated, dtype=np.int64)

    return codes


def bounded(function: TableFunction, low: int, high: int) -> TableFunction:
    """The function's codes, clamped."""
    return lambda row: np.clip(function(row), low, high)


def emit_table(
    state: Lowering,
    node: Node,
    name: str,
    functions: Sequence[TableFunction],
    element: IntType,
) -> str:
    """Emit y = function(code) for one function, or for one function a channel of the last axis.

    Every result is a code of ``element``.
    """
    type = state.builder.type_of(name)
    word = type.integer
    if word.bits > MAXIMUM_TABLE_BITS:
        raise state.refusal(
            node, f"a table over {word} codes", f"operands of at most {MAXIMUM_TABLE_BITS} bits"
        )
    codes = np.arange(word.minimum, word.maximum + 1, dtype=np.int64)
    rows = [function(codes) for function in functions]
    values = rows[0] if len(rows) == 1 else np.array(rows)
    table = state.builder.constant(
        f"{node.name}.table", TensorType(element, values.shape), values, node.source
    )
    return state.emit(node, fixed.Lookup(), [name, table], element, type.shape)
