# SPDX-License-Identifier: Apache-2.0
"""Both operands and the result of an elementwise function of two."""

from dataclasses import dataclass

from intaglio.compiler.ir.graph import Node
from intaglio.compiler.ir.types import Quantization
from intaglio.numerics.integers import IntType
from intaglio.numerics.intervals import Interval
from intaglio.numerics.pairs import PairFunction


@dataclass(frozen=True, slots=True)
class PairOperands:
    """Both operands and the result of one node."""

    node: Node
    function: PairFunction
    left: Quantization
    left_element: IntType
    right: Quantization
    right_element: IntType
    output: Quantization
    element: IntType
    low: int
    high: int


def centred_codes(element: IntType, quantization: Quantization) -> Interval:
    """What an operand can be less its zero point."""
    zero = Interval(quantization.zero_point, quantization.zero_point)
    return element.interval - zero
