# SPDX-License-Identifier: Apache-2.0
"""A code in another scale: by an integer requantizer, or through float32 as a table."""

from typing import assert_never

from intaglio.compiler.ir import fixed, scaled
from intaglio.compiler.ir.graph import Node
from intaglio.compiler.ir.types import Quantization
from intaglio.compiler.passes.select_arithmetic.bounds import code_bounds
from intaglio.compiler.passes.select_arithmetic.real_tables import IDENTITY, RealTable
from intaglio.compiler.passes.select_arithmetic.state import Lowering
from intaglio.compiler.passes.select_arithmetic.tables import (
    MAXIMUM_TABLE_BITS,
    bounded,
    emit_table,
)
from intaglio.numerics.float32 import Float32
from intaglio.numerics.integers import IntType
from intaglio.numerics.pairs import DequantizedPair, PairFunction
from intaglio.numerics.profile.derive import float32_raw_rescale, real_multiplier
from intaglio.numerics.profile.methods import (
    Float32RawRescale,
    Float32Rescale,
    Float32Table,
)
from intaglio.numerics.profile.schemes import Rescale
from intaglio.numerics.quantize_method import QuantizeMethod
from intaglio.numerics.requantizers import Requantizer
from intaglio.numerics.rounding import Rounding

Bounds = tuple[tuple[int, int], ...]


def lower_requantize(state: Lowering, node: Node, op: scaled.Requantize) -> str:
    """The operand's codes in the result's scale, within the activation's bounds."""
    source, _ = state.activation(node, node.operands[0])
    target, element = state.result(node)
    bounds = code_bounds(state.profile.bound, op.activation, target, element)
    kind = "requantize" if op.activation == scaled.UNBOUNDED else "clip"
    kind = "joined" if op.joined else kind
    name = state.operand(node.operands[0])
    return rescale_codes(state, node, name, source, target, bounds, kind)


def rescale_codes(
    state: Lowering,
    node: Node,
    name: str,
    source: Quantization,
    target: Quantization,
    bounds: Bounds,
    kind: str = "requantize",
) -> str:
    """Emit what takes codes of one quantization to another, ending in the node's own type."""
    element = state.builder.type_of(name).integer
    if (source.scale, source.zero_point) == (target.scale, target.zero_point):
        return _clamped(state, node, name, bounds)
    rule = state.profile.first(state.profile.rescale, kind, element, node.type.integer)
    match rule.method:
        case Rescale():
            return _by_requantizer(state, node, name, source, target, bounds, rule.method)
        case Float32Rescale():
            return _through_float(state, node, name, source, target, bounds)
        case Float32RawRescale():
            chosen = float32_raw_rescale(source.scale, source.zero_point, target.scale)
            requantizers = tuple(
                Requantizer(chosen, target.zero_point, low, high) for low, high in bounds
            )
            shape = state.builder.type_of(name).shape
            op = fixed.Requantize(requantizers)
            return state.emit(node, op, [name], node.type.integer, shape)
        case _:
            assert_never(rule.method)


def _clamped(state: Lowering, node: Node, name: str, bounds: Bounds) -> str:
    type = state.builder.type_of(name)
    wanted = node.type.integer
    if wanted == type.integer and bounds == ((wanted.minimum, wanted.maximum),):
        return name
    identity = fixed.Clamp(tuple(low for low, _ in bounds), tuple(high for _, high in bounds))
    return state.emit(node, identity, [name], wanted, type.shape)


def _by_requantizer(
    state: Lowering,
    node: Node,
    name: str,
    source: Quantization,
    target: Quantization,
    bounds: Bounds,
    rescale: Rescale,
) -> str:
    shape = state.builder.type_of(name).shape
    centred, interval = state.centred(node, name, source.zero_point, "operand")
    real = real_multiplier(rescale.product, source.scale, target.scale)
    requantizers = tuple(
        state.requantizer(
            node, rescale.scheme, real, interval, target.zero_point, each, node.type.integer
        )
        for each in bounds
    )
    op = fixed.Requantize(requantizers)
    return state.emit(node, op, [centred], node.type.integer, shape)


def _through_float(
    state: Lowering,
    node: Node,
    name: str,
    source: Quantization,
    target: Quantization,
    bounds: Bounds,
) -> str:
    """table[q] = clamp(half_even(fl32(fl32((q - z) * s) / s_out)) + z_out).

    A profile that multiplies by reciprocals at the border does so here.
    """
    low = min(low for low, _ in bounds)
    high = max(high for _, high in bounds)
    type = state.builder.type_of(name)
    if type.integer.bits > MAXIMUM_TABLE_BITS:
        # Plus zero: the same steps in the same order, for codes too many for a table.
        steps = DequantizedPair(
            PairFunction.ADD,
            source.scale,
            source.zero_point,
            Float32.from_value(1.0),
            0,
            target.scale,
            target.zero_point,
            low,
            high,
        )
        zero = state.integer_constant(node, 0, "nothing")
        summed = state.emit(
            node, fixed.Pairwise(steps), [name, zero], node.type.integer, type.shape
        )
        return summed if len(bounds) == 1 else _clamped(state, node, summed, bounds)

    by_reciprocal = state.profile.quantize.method is QuantizeMethod.MULTIPLY_BY_RECIPROCAL
    method = Float32Table(Rounding.HALF_EVEN, by_reciprocal, zero_point_inside=False)
    table = bounded(RealTable(method, IDENTITY, source, target), low, high)
    looked_up = emit_table(state, node, name, [table], node.type.integer)
    if len(bounds) == 1:
        return looked_up
    return _clamped(state, node, looked_up, bounds)


def full_bounds(element: IntType) -> Bounds:
    """The bounds of a result without activation."""
    return ((element.minimum, element.maximum),)
