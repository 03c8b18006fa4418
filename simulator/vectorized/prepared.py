# SPDX-License-Identifier: Apache-2.0
"""What the engine knows of a value before it runs, and what it makes of a node."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from intaglio.compiler.ir.types import TensorType
from intaglio.numerics.intervals import Interval
from intaglio.simulator.vectorized.words import Array, Word

Operands = Sequence[Array]
Compute = Callable[[Operands], Array]

Epilogue = Callable[[Array], Array]
"""An elementwise function of a block whose last axis is the last axis of the whole tensor."""


class Fused(Protocol):
    """Compute block by block, pass each through the epilogue, collect the results in one array."""

    def __call__(self, arrays: Operands, epilogue: Epilogue, dtype: Word) -> Array:
        """The results, of ``dtype``."""
        ...


@dataclass(frozen=True, slots=True)
class Operand:
    """A value that a node reads.

    Attributes:
        type: its type.
        interval: where every element lies; that of the type, or one that is known to be tighter.
        constant: the elements, where they are part of the graph.
    """

    type: TensorType
    interval: Interval
    constant: Array | None = None


@dataclass(frozen=True, slots=True)
class Prepared:
    """A node with everything that doesn't depend on the inputs done.

    Attributes:
        compute: the result from the operands.
        interval: where every element of the result lies (``[0, 0]``, unused, for floats).
        fused: for ops that work in blocks: the result passed through a following op.
    """

    compute: Compute
    interval: Interval
    fused: Fused | None = None
