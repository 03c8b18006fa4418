# SPDX-License-Identifier: Apache-2.0
"""16-bit functions as TFLite interpolates them, as functions of one code."""

from collections.abc import Callable
from fractions import Fraction

from intaglio.compiler.ir import scaled
from intaglio.compiler.ir.graph import Node
from intaglio.compiler.ir.types import Quantization
from intaglio.compiler.passes.select_arithmetic.state import Lowering
from intaglio.errors import InvalidData, InvalidOption
from intaglio.numerics import float32, interpolation
from intaglio.numerics.fixed_point_sigmoid import fixed_point_sigmoid, fixed_point_tanh
from intaglio.numerics.float32 import Float32
from intaglio.numerics.functions import Real
from intaglio.numerics.integers import IntType
from intaglio.numerics.interpolation import INT16
from intaglio.numerics.profile.methods import SigmoidTableMethod

CodeFunction = Callable[[int], int]
_FRACTION = -15


def sampled_function(
    state: Lowering,
    node: Node,
    function: Callable[[Fraction], Real],
    source: Quantization,
    target: Quantization,
) -> CodeFunction:
    """513 samples in float32 between the real values of the lowest and the highest code."""
    ends = [
        float32.multiply(source.scale, Float32.from_integer(code - source.zero_point))
        for code in (INT16.minimum, INT16.maximum)
    ]
    low, high = (
        float32.multiply(target.scale, Float32.from_integer(code - target.zero_point))
        for code in (INT16.minimum, INT16.maximum)
    )
    unit = float32.divide(Float32.from_integer(1 << 16), float32.subtract(high, low))
    try:
        table = interpolation.samples(function, ends[0], ends[1], unit)
    except InvalidData:
        found = "its function overflows float32 within the codes"
        raise state.refusal(node, found, "a smaller scale") from None
    return lambda code: interpolation.interpolated(table, code)


def shared_sigmoid(
    state: Lowering,
    node: Node,
    op: scaled.Unary,
    method: SigmoidTableMethod,
    source: Quantization,
    target: Quantization,
) -> CodeFunction:
    """Sigmoid or tanh by the table that they share."""
    require_symmetric(state, node, source, target)
    functions = {
        scaled.UnaryFunction.SIGMOID: (interpolation.sigmoid, fixed_point_sigmoid, (-12,)),
        scaled.UnaryFunction.TANH: (interpolation.tanh, fixed_point_tanh, (-12, -11)),
    }
    if op.function not in functions:
        found = f"no table of sigmoid for {op.function.value}"
        raise state.refusal(node, found, "a rule of another kind for it")
    function, without_table, powers = functions[op.function]
    for power in powers if method.other_powers_of_two else ():
        if interpolation.near_power_of_two(source.scale, power):
            shift = power - powers[0]
            return lambda code: without_table(INT16.saturate(code << shift))
    try:
        multiplier, shift = interpolation.sigmoid_input(source.scale)
    except InvalidOption:
        raise state.refusal(node, f"the scale {source.scale}", "a scale below 2") from None
    return lambda code: function(code, multiplier, shift)


def require_symmetric(
    state: Lowering, node: Node, source: Quantization, target: Quantization
) -> None:
    """Demand 16-bit codes without zero points, and results in units of 2**-15."""
    types = (state.source.type_of(node.operands[0]).integer, node.type.integer)
    if types != (IntType(16, signed=True),) * 2:
        raise state.refusal(node, f"{types[0]} and a result of {types[1]}", "i16")
    if source.zero_point or target.zero_point:
        found = f"zero points {source.zero_point} and {target.zero_point}"
        raise state.refusal(node, found, "0, as the 16-bit kernels demand")
    if not interpolation.near_power_of_two(target.scale, _FRACTION):
        raise state.refusal(node, f"a result of scale {target.scale}", "1/32768")
