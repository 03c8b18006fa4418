# SPDX-License-Identifier: Apache-2.0
"""Functions of one operand, each a table over all codes."""

from collections.abc import Callable
from fractions import Fraction
from functools import lru_cache
from typing import assert_never, cast

import numpy as np

from intaglio.compiler.ir import fixed, scaled
from intaglio.compiler.ir.graph import Node
from intaglio.compiler.ir.types import Quantization
from intaglio.compiler.passes.select_arithmetic.bounds import code_bounds
from intaglio.compiler.passes.select_arithmetic.branches import RequantizedBranches
from intaglio.compiler.passes.select_arithmetic.fixed_point_functions import (
    fixed_point_hard_swish,
    fixed_point_inverse_square_root,
    fixed_point_leaky_relu,
    fixed_point_slope,
)
from intaglio.compiler.passes.select_arithmetic.interpolated_functions import (
    sampled_function,
    shared_sigmoid,
)
from intaglio.compiler.passes.select_arithmetic.real_tables import (
    RealTable,
    leaky_relu,
    real_function,
)
from intaglio.compiler.passes.select_arithmetic.sampled_tables import sampled_table
from intaglio.compiler.passes.select_arithmetic.state import Lowering, RequantizerRequest
from intaglio.compiler.passes.select_arithmetic.tables import (
    Int64Array,
    TableFunction,
    bounded,
    emit_table,
    one_by_one,
)
from intaglio.numerics import float32, functions
from intaglio.numerics.fixed_point_sigmoid import fixed_point_sigmoid, fixed_point_tanh
from intaglio.numerics.float32 import Float32
from intaglio.numerics.integers import IntType
from intaglio.numerics.interpolation import INT16
from intaglio.numerics.intervals import Interval
from intaglio.numerics.profile.derive import real_multiplier
from intaglio.numerics.profile.methods import (
    ExactTable,
    FixedPointTable,
    Float32Table,
    InterpolatedTable,
    SigmoidTableMethod,
    SlopeTable,
    UnaryMethod,
)
from intaglio.numerics.profile.table_method import TableMethod

CodeFunction = Callable[[int], int]


def lower_unary(state: Lowering, node: Node, op: scaled.Unary) -> str:
    """table[q] = code of function(real of q), within the activation's bounds."""
    source, source_element = state.activation(node, node.operands[0])
    target, element = state.result(node)
    kind = f"recurrent-{op.function.value}" if op.recurrent else op.function.value
    rule = state.profile.first(state.profile.unary, kind, source_element, element)
    known = (op, source, source_element, target, element)
    if known in state.tables:
        # A recurrent cell has the same functions at every step.
        op_and_table = state.tables[known]
        operands = [state.operand(node.operands[0]), op_and_table[1]]
        return state.emit(node, op_and_table[0], operands, element)
    function: TableFunction
    match rule.method:
        case ExactTable() | Float32Table():
            function = RealTable(rule.method, real_function(op), source, target)
        case FixedPointTable():
            function = _fixed_point(state, node, op, rule.method, source, target)
        case SlopeTable():
            if op.function is not scaled.UnaryFunction.LEAKY_RELU:
                raise state.refusal(
                    node, f"no slopes in {op.function.value}", "a rule of another kind for it"
                )
            elements = source_element, element
            function = _slopes(state, node, rule.method, source, target, op.alpha, elements)
        case InterpolatedTable():
            real = _defined_everywhere(op, target)
            function = one_by_one(sampled_function(state, node, real, source, target))
        case SigmoidTableMethod():
            function = one_by_one(shared_sigmoid(state, node, op, rule.method, source, target))
        case TableMethod():
            real = _defined_everywhere(op, target)
            function = sampled_table(rule.method, real, source, source_element, target).codes
        case _:
            assert_never(rule.method)
    interpolated = isinstance(rule.method, InterpolatedTable | TableMethod)
    if op.function is scaled.UnaryFunction.RSQRT and not interpolated:
        function = _highest_where_not_positive(function, source.zero_point, element)
    bounds = code_bounds(state.profile.bound, op.activation, target, element)
    tables = [bounded(function, low, high) for low, high in bounds]
    name = emit_table(state, node, state.operand(node.operands[0]), tables, element)
    looked_up = state.builder.definitions[name]
    if op.recurrent and isinstance(looked_up, Node) and isinstance(looked_up.op, fixed.Lookup):
        state.tables[known] = (looked_up.op, looked_up.operands[1])
    return name


def lower_prelu(state: Lowering, node: Node) -> str:
    """A table for each slope: x where x >= 0, else slope * x."""
    source, source_element = state.activation(node, node.operands[0])
    target, element = state.result(node)
    slope = state.constant_operand(node, 1)
    rule = state.profile.first(state.profile.unary, "prelu", source_element, element)
    tables: list[TableFunction] = []
    for channel, stored in enumerate(slope.array.reshape(-1)):
        scale, zero_point = slope.type.scaled.channel(channel)
        code = int(stored) - zero_point
        elements = source_element, element
        function = _prelu(state, node, rule.method, source, target, code, scale, elements)
        tables.append(bounded(function, element.minimum, element.maximum))
    return emit_table(state, node, state.operand(node.operands[0]), tables, element)


def _defined_everywhere(
    op: scaled.Unary, target: Quantization
) -> Callable[[Fraction], functions.Real]:
    """Where 1 / sqrt has no value, that of the highest 16-bit code."""
    function = real_function(op).exact
    if op.function is not scaled.UnaryFunction.RSQRT:
        return function
    highest = functions.rational(
        float32.multiply(target.scale, Float32.from_integer(INT16.maximum)).fraction
    )
    return lambda x: function(x) if x > 0 else highest


def _highest_where_not_positive(
    function: TableFunction, zero_point: int, element: IntType
) -> TableFunction:
    def codes(row: Int64Array) -> Int64Array:
        positive = row > zero_point
        found = np.full_like(row, element.maximum)
        found[positive] = function(row[positive])
        return found

    return codes


def _prelu(
    state: Lowering,
    node: Node,
    method: UnaryMethod,
    source: Quantization,
    target: Quantization,
    slope_code: int,
    slope_scale: Float32,
    elements: tuple[IntType, IntType],
) -> TableFunction:
    """The slope is ``slope_code * slope_scale``, dequantized in float32 where the method is."""
    match method:
        case ExactTable():
            slope = slope_code * slope_scale.fraction
            return RealTable(method, leaky_relu(slope), source, target)
        case Float32Table():
            slope = float32.multiply(float32.from_integer(slope_code), slope_scale).fraction
            return RealTable(method, leaky_relu(slope), source, target)
        case SlopeTable():
            slope32 = float32.multiply(float32.from_integer(slope_code), slope_scale)
            return _slopes(state, node, method, source, target, slope32, elements)
        case FixedPointTable():
            return fixed_point_slope(method.product, source, target, slope_code, slope_scale)
        case TableMethod():
            slope = slope_code * slope_scale.fraction
            real = leaky_relu(slope).exact
            return sampled_table(method, real, source, elements[0], target).codes
        case InterpolatedTable() | SigmoidTableMethod():
            raise state.refusal(node, "an interpolated table for slopes", "a rule of another kind")
        case _:
            assert_never(method)


def _slopes(
    state: Lowering,
    node: Node,
    method: SlopeTable,
    source: Quantization,
    target: Quantization,
    slope: Float32,
    elements: tuple[IntType, IntType],
) -> TableFunction:
    """One requantizer for each branch; the slope joins the product as a second factor."""
    element, result = elements
    rescale = method.rescale
    interval = element.interval - Interval(source.zero_point, source.zero_point)
    above = real_multiplier(rescale.product, source.scale, target.scale)
    # XNNPACK: fl32(fl32(s / s_out) * slope), the slope last.
    ratio = Float32.from_fraction(above)
    below = float32.multiply(ratio, slope).fraction
    bounds, zero_point = (result.minimum, result.maximum), target.zero_point
    rising, falling = state.requantizers(
        node,
        [
            RequantizerRequest(rescale.scheme, real, interval, zero_point, bounds)
            for real in (above, below)
        ],
        result,
    )
    return RequantizedBranches(source.zero_point, rising, falling)


def _fixed_point(
    state: Lowering,
    node: Node,
    op: scaled.Unary,
    method: FixedPointTable,
    source: Quantization,
    target: Quantization,
) -> TableFunction:
    if op.function is scaled.UnaryFunction.LEAKY_RELU:
        return fixed_point_leaky_relu(method.product, source, target, op.alpha, method.negates)
    if op.function is scaled.UnaryFunction.HARD_SWISH:
        return one_by_one(fixed_point_hard_swish(source, target))
    if op.recurrent:
        return _cell_function(state, node, op, source, target)
    if op.function is scaled.UnaryFunction.RSQRT:
        return one_by_one(fixed_point_inverse_square_root(method.product, source, target))
    raise state.refusal(
        node, f"no fixed-point formula for {op.function.value}", "a rule of another kind for it"
    )


def _cell_function(
    state: Lowering, node: Node, op: scaled.Unary, source: Quantization, target: Quantization
) -> TableFunction:
    """Sigmoid and tanh of 16-bit fixed-point numbers, Q0.15."""
    integer_bits = next(
        (bits for bits in range(7) if source.scale.fraction * (1 << (15 - bits)) == 1), None
    )
    fits = integer_bits is not None and target.scale.fraction == Fraction(1, 1 << 15)
    if not fits or source.zero_point or target.zero_point:
        raise state.refusal(
            node,
            f"codes of scale {source.scale} to {target.scale}",
            "2**-15 to 2**-9, and a result of 2**-15",
        )
    bits = cast(int, integer_bits)
    sigmoid = op.function is scaled.UnaryFunction.SIGMOID
    return lambda row: _cell_codes(sigmoid, bits, int(row[0]), int(row[-1]))


# Seconds for 16 bits, and the same for every cell of the same format.
@lru_cache(maxsize=8)
def _cell_codes(sigmoid: bool, integer_bits: int, lowest: int, highest: int) -> Int64Array:
    function = fixed_point_sigmoid if sigmoid else fixed_point_tanh
    codes = np.array(
        [function(code, integer_bits) for code in range(lowest, highest + 1)], dtype=np.int64
    )
    codes.setflags(write=False)
    return codes
