# SPDX-License-Identifier: Apache-2.0
"""Both operands in the result's scale first, then a function of integers."""

from intaglio.compiler.ir import fixed
from intaglio.compiler.passes.select_arithmetic.pair_operands import PairOperands, centred_codes
from intaglio.compiler.passes.select_arithmetic.state import Lowering
from intaglio.numerics.intervals import Interval
from intaglio.numerics.pairs import PairFunction, RescaledSum
from intaglio.numerics.profile.derive import real_multiplier
from intaglio.numerics.profile.derive_stages import staged_store
from intaglio.numerics.profile.methods import OperandRescaleMethod
from intaglio.numerics.profile.schemes import Rescale, Scheme
from intaglio.numerics.profile.stages_scheme import StagesScheme
from intaglio.numerics.requantizers import Requantizer
from intaglio.numerics.rounding import Rounding
from intaglio.numerics.scalings import Shift

_KEEP = Shift(0, Rounding.FLOOR)


def lower_rescaled_operands(
    state: Lowering, pair: PairOperands, method: OperandRescaleMethod
) -> str:
    """Both operands in the result's scale, each rounded; then the function in integers."""
    rescale = method.rescale
    is_sum = pair.function in (PairFunction.ADD, PairFunction.SUBTRACT)
    if is_sum and method.saturate_operands:
        return _sum_of_saturated(state, pair, rescale)
    if is_sum:
        operands = [state.operand(name) for name in pair.node.operands]
        sum = fixed.Pairwise(_sum_of_rescaled(state, pair, rescale))
        return state.emit(pair.node, sum, operands, pair.element)
    chosen = fixed.Minimum() if pair.function is PairFunction.MINIMUM else fixed.Maximum()
    left = _operand_code(state, pair, rescale, 0)
    right = _operand_code(state, pair, rescale, 1)
    return state.emit(pair.node, chosen, [left, right], pair.element)


def _sum_of_rescaled(state: Lowering, pair: PairOperands, rescale: Rescale) -> RescaledSum:
    left = real_multiplier(rescale.product, pair.left.scale, pair.output.scale)
    right = real_multiplier(rescale.product, pair.right.scale, pair.output.scale)
    left_scaling = state.scaling(
        pair.node, rescale.scheme, left, centred_codes(pair.left_element, pair.left)
    )
    right_scaling = state.scaling(
        pair.node, rescale.scheme, right, centred_codes(pair.right_element, pair.right)
    )
    return RescaledSum(
        pair.left.zero_point,
        pair.right.zero_point,
        0,
        left_scaling,
        right_scaling,
        _stored(pair, rescale.scheme),
        subtract=pair.function is PairFunction.SUBTRACT,
    )


def _sum_of_saturated(state: Lowering, pair: PairOperands, rescale: Rescale) -> str:
    """Each operand saturates to the codes of the result without its zero point, then their sum."""
    zero_point = pair.output.zero_point
    held = pair.element.interval - Interval(zero_point, zero_point)
    names: list[str] = []
    for index, quantization in enumerate((pair.left, pair.right)):
        suffix = ("left", "right")[index]
        name = state.operand(pair.node.operands[index])
        shape = state.builder.type_of(name).shape
        centred, interval = state.centred(pair.node, name, quantization.zero_point, suffix)
        real = real_multiplier(rescale.product, quantization.scale, pair.output.scale)
        word = held.smallest_type()
        chosen = state.requantizer(
            pair.node, rescale.scheme, real, interval, 0, (held.low, held.high), word
        )
        op = fixed.Requantize((chosen,))
        names.append(state.emit(pair.node, op, [centred], word, shape, suffix))
    function = fixed.Subtract() if pair.function is PairFunction.SUBTRACT else fixed.Add()
    summed = state.exact(pair.node, function, names, "sum")
    kept = fixed.Requantize((_stored(pair, rescale.scheme),))
    return state.emit(pair.node, kept, [summed], pair.element)


def _stored(pair: PairOperands, scheme: Scheme) -> Requantizer:
    """What makes a code of a sum that stands in the result's scale."""
    zero_point = pair.output.zero_point
    if isinstance(scheme, StagesScheme):
        return staged_store(scheme, zero_point, pair.low, pair.high, pair.element)
    return Requantizer(_KEEP, zero_point, pair.low, pair.high)


def _operand_code(state: Lowering, pair: PairOperands, rescale: Rescale, index: int) -> str:
    quantization = (pair.left, pair.right)[index]
    name = state.operand(pair.node.operands[index])
    type = state.builder.type_of(name)
    same = (quantization.scale, quantization.zero_point) == (
        pair.output.scale,
        pair.output.zero_point,
    )
    if same and type.integer == pair.element:
        return name
    suffix = ("left", "right")[index]
    centred, interval = state.centred(pair.node, name, quantization.zero_point, suffix)
    real = real_multiplier(rescale.product, quantization.scale, pair.output.scale)
    bounds = (pair.low, pair.high)
    chosen = state.requantizer(
        pair.node, rescale.scheme, real, interval, pair.output.zero_point, bounds, pair.element
    )
    op = fixed.Requantize((chosen,))
    return state.emit(pair.node, op, [centred], pair.element, type.shape, suffix)
