# SPDX-License-Identifier: Apache-2.0
"""Float32 steps as thresholds: found by evaluating the steps themselves, over all operands."""

from fractions import Fraction

import numpy as np

from intaglio.compiler.ir import fixed, scaled
from intaglio.compiler.ir.graph import Node
from intaglio.compiler.ir.types import FLOAT32
from intaglio.compiler.passes.select_arithmetic.state import Lowering
from intaglio.compiler.passes.select_arithmetic.tables import (
    MAXIMUM_TABLE_BITS,
    emit_table,
    one_by_one,
)
from intaglio.errors import InvalidData, InvalidOption
from intaglio.numerics.float_steps import (
    INFINITY,
    Integers,
    channels_of,
    evaluate,
    real_values,
    unordered,
)
from intaglio.numerics.integers import IntType
from intaglio.numerics.intervals import Interval
from intaglio.numerics.staircase import Staircase
from intaglio.numerics.step_search import staircases

MOST_THRESHOLDS = 1 << 10
"""Of one channel; with more steps, a table serves a short operand better."""

_ORDER = IntType(32, signed=True)


def lower_float32_steps(state: Lowering, node: Node, op: scaled.Float32Steps) -> str:
    """Each step is monotone, so a channel's thresholds say all that the steps do to an operand."""
    _, element = state.result(node)
    name = state.operand(node.operands[0])
    source = state.source.type_of(node.operands[0])
    channels = max([len(op.factors), *(channels_of(step) for step in op.steps)], default=1)
    factors: tuple[Fraction, ...] = ()
    zero_point = 0
    if source.element == FLOAT32:
        name = state.emit(node, fixed.Float32Order(), [name], _ORDER, suffix="order")
        domain = Interval(-INFINITY, INFINITY)
    else:
        quantization, _ = state.activation(node, node.operands[0])
        domain = state.builder.type_of(name).integer.interval
        own, zero_point = quantization.scale.fraction, quantization.zero_point
        factors = tuple(own * factor.fraction for factor in op.factors) or (own,)

    def function(codes: Integers, at: Integers) -> Integers:
        return _codes(op, element, factors, codes - zero_point, at)

    try:
        found = staircases(function, domain, channels)
    except (InvalidData, InvalidOption) as error:
        raise state.refusal(node, str(error).rstrip("."), "steps between numbers") from None
    return _emit(state, node, name, element, found)


def _codes(
    op: scaled.Float32Steps,
    element: IntType,
    factors: tuple[Fraction, ...],
    centred: Integers,
    channels: Integers,
) -> Integers:
    """What the steps make of integers: of codes, or of places in the order of float32."""
    values = real_values(centred, factors, channels) if factors else unordered(centred)
    return np.clip(evaluate(op.steps, values, channels), element.minimum, element.maximum)


def _emit(
    state: Lowering, node: Node, name: str, element: IntType, found: tuple[Staircase, ...]
) -> str:
    if len(set(found)) == 1:
        found = found[:1]
    type = state.builder.type_of(name)
    longest = max(len(each.thresholds) for each in found)
    if longest > MOST_THRESHOLDS and type.integer.bits <= MAXIMUM_TABLE_BITS:
        return emit_table(state, node, name, [one_by_one(each.apply) for each in found], element)
    op = fixed.Requantize(tuple(each.requantizer() for each in found))
    return state.emit(node, op, [name], element)
