# SPDX-License-Identifier: Apache-2.0
"""Operators of the real graph as functions of tensors, with gradients, a module for each family."""

from collections.abc import Mapping

from intaglio.compiler.synthesis.operators.activations import ACTIVATIONS
from intaglio.compiler.synthesis.operators.arithmetic import ARITHMETIC
from intaglio.compiler.synthesis.operators.convolutions import CONVOLUTIONS
from intaglio.compiler.synthesis.operators.moves import MOVES
from intaglio.compiler.synthesis.operators.operation import Builder, Operation, Refusal
from intaglio.compiler.synthesis.operators.pools import POOLS
from intaglio.compiler.synthesis.operators.reductions import REDUCTIONS
from intaglio.compiler.synthesis.operators.resizes import RESIZES

BUILDERS: Mapping[str, Builder] = {
    **ACTIVATIONS,
    **ARITHMETIC,
    **CONVOLUTIONS,
    **MOVES,
    **POOLS,
    **REDUCTIONS,
    **RESIZES,
}

__all__ = ["BUILDERS", "Builder", "Operation", "Refusal"]
