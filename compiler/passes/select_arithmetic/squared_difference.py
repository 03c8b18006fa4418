# SPDX-License-Identifier: Apache-2.0
"""The square of a difference: two scalings to a common scale, exact integers, one scaling more."""

from intaglio.compiler.ir import fixed
from intaglio.compiler.ir.graph import Node
from intaglio.compiler.ir.types import Quantization
from intaglio.compiler.passes.select_arithmetic.state import Lowering
from intaglio.numerics import float32
from intaglio.numerics.integers import IntType
from intaglio.numerics.intervals import Interval
from intaglio.numerics.profile.derive import real_multiplier
from intaglio.numerics.profile.methods import SquaredDifferenceMethod
from intaglio.numerics.profile.schemes import ScaleProduct
from intaglio.numerics.requantizers import Requantizer


def lower_squared_difference(
    state: Lowering,
    node: Node,
    method: SquaredDifferenceMethod,
    operands: tuple[Quantization, Quantization],
    output: Quantization,
) -> str:
    """output((left((x1 - z1) << k) - right((x2 - z2) << k))²), k = left_shift.

    With t = 2 max(s1, s2) the scalings are s1 / t, s2 / t and t² / (2**2k s_out), each a double.
    """
    larger = max((each.scale for each in operands), key=lambda scale: scale.fraction)
    twice = float32.multiply(larger, float32.from_integer(2))
    left, first = _in_common_scale(state, node, method, operands, 0, twice)
    right, second = _in_common_scale(state, node, method, operands, 1, twice)
    difference = state.exact(node, fixed.Subtract(), [left, right], "difference")
    square = state.exact(node, fixed.Multiply(), [difference, difference], "square")
    most = (first - second).magnitude
    unit = float32.multiply(output.scale, float32.from_integer(1 << 2 * method.left_shift))
    real = real_multiplier(ScaleProduct.DOUBLE, twice, unit, twice)
    element = node.type.integer
    bounds = (element.minimum, element.maximum)
    chosen = state.requantizer(
        node, method.scheme, real, Interval(0, most**2), output.zero_point, bounds, element
    )
    return _requantized(state, node, square, chosen, element, "")


def _in_common_scale(
    state: Lowering,
    node: Node,
    method: SquaredDifferenceMethod,
    operands: tuple[Quantization, Quantization],
    index: int,
    unit: float32.Float32,
) -> tuple[str, Interval]:
    """Operand ``index`` shifted left and scaled, and which values it can have."""
    quantization, suffix = operands[index], ("left", "right")[index]
    name = state.operand(node.operands[index])
    type = state.builder.type_of(name)
    zero = Interval(quantization.zero_point, quantization.zero_point)
    interval = (type.integer.interval - zero).scale_by(1 << method.left_shift)
    factor = state.integer_constant(node, 1 << method.left_shift, f"{suffix}.factor")
    op = fixed.Multiply(quantization.zero_point)
    shifted = state.exact(node, op, [name, factor], f"{suffix}.shifted")
    real = real_multiplier(ScaleProduct.DOUBLE, quantization.scale, unit)
    chosen = state.scaling(node, method.scheme, real, interval)
    ends = Interval.hull_of(chosen.apply(end) for end in (interval.low, interval.high))
    word = ends.smallest_type()
    requantizer = Requantizer(chosen, 0, word.minimum, word.maximum)
    name = _requantized(state, node, shifted, requantizer, word, f"{suffix}.scaled")
    return name, ends


def _requantized(
    state: Lowering,
    node: Node,
    name: str,
    requantizer: Requantizer,
    element: IntType,
    suffix: str,
) -> str:
    shape = state.builder.type_of(name).shape
    return state.emit(node, fixed.Requantize((requantizer,)), [name], element, shape, suffix)
