# SPDX-License-Identifier: Apache-2.0
"""TFLite's logarithm of softmax in the fixed level's own ops.

Two tables over the distance from the largest code, and ``numerics.fixed_point_log`` at run time.
"""

from fractions import Fraction
from math import prod

from intaglio.compiler.ir import fixed, scaled
from intaglio.compiler.ir.graph import Node
from intaglio.compiler.ir.types import Quantization
from intaglio.compiler.passes.select_arithmetic.fixed_point_machine import Machine
from intaglio.compiler.passes.select_arithmetic.state import Lowering
from intaglio.numerics import fixed_point_log as log
from intaglio.numerics.accumulator import Accumulator
from intaglio.numerics.fixed_point_exp import NEWTON_SLOPE, NEWTON_START, exp_of_negative
from intaglio.numerics.integers import INT32, IntType
from intaglio.numerics.profile.derive import exponent_scaling
from intaglio.numerics.requantizers import Requantizer
from intaglio.numerics.rounding import Rounding
from intaglio.numerics.scalings import DoubleRounding, Shift, rounding_shift_away

_AWAY = Rounding.HALF_AWAY_FROM_ZERO
_EXPONENT_BITS = 5
_ACCUMULATOR_BITS = 12
_RESULT_SHIFT = 22
"""From Q5.26 to sixteenths."""
_EXPONENTIAL = IntType(20, signed=False)


def lower_fixed_point_log_softmax(
    state: Lowering, node: Node, op: scaled.LogSoftmax, source: Quantization, target: Quantization
) -> str:
    """RDP(D(x - max) - log Σ E(x - max), 22) + z; see ``docs/numerics.md``."""
    machine, shape, element = Machine(state, node), node.type.shape, node.type.integer
    if target.scale.fraction != Fraction(1, 16) or target.zero_point != element.maximum:
        found = f"its result has scale {target.scale} and zero point {target.zero_point}"
        raise state.refusal(node, found, f"1/16 and {element.maximum}, as the kernels demand")
    if shape[op.axis] << _EXPONENTIAL.bits - 1 > INT32.maximum:
        raise state.refusal(
            node, f"{shape[op.axis]} elements", "at most 4095, which can't overflow"
        )
    outer, inner = prod(shape[: op.axis]), prod(shape[op.axis + 1 :])
    lines, line = (outer, shape[op.axis], 1, inner), (outer, 1, 1, inner)
    x = state.operand(node.operands[0])
    word = state.builder.type_of(x).integer
    columns = state.emit(node, fixed.Reshape(), [x], word, lines, "columns")
    pool = fixed.MaxPool2d((shape[op.axis], 1))
    largest = state.emit(node, pool, [columns], word, line, "largest")
    distance = state.exact(node, fixed.Subtract(), [columns, largest], "distance")
    exponents, exponentials = _tables(source, state.builder.type_of(distance).integer)
    exponent = machine.looked_up(distance, exponents, INT32, "exponent")
    exponential = machine.looked_up(distance, exponentials, _EXPONENTIAL, "exponential")
    reduction = fixed.ReduceSum(Accumulator(INT32), (1,), True)
    total = state.emit(node, reduction, [exponential], INT32, line, "total")
    logarithm = _logarithm(machine, total)
    rest = state.exact(node, fixed.Subtract(), [exponent, logarithm], "rest")
    scaling = Shift(_RESULT_SHIFT, _AWAY)
    last = Requantizer(scaling, target.zero_point, element.minimum, element.maximum)
    codes = state.emit(node, fixed.Requantize((last,)), [rest], element, lines, "codes")
    return state.emit(node, fixed.Reshape(), [codes], element)


def _tables(source: Quantization, distances: IntType) -> tuple[list[int], list[int]]:
    """Exponents in Q5.26 and exponentials in Q12.19, by distance.

    Too far to count, an exponential is 0, and the exponent gives the lowest code whatever the
    logarithm is.  No distance is positive.
    """
    multiplier, shift, minimum = exponent_scaling(source.scale.value)
    scaling = DoubleRounding(multiplier, shift, _AWAY)
    exponents: list[int] = []
    exponentials: list[int] = []
    for code in range(distances.minimum, distances.maximum + 1):
        distance = min(code, 0)
        near = distance >= minimum
        exponents.append(scaling.apply(distance) if near else INT32.minimum)
        exponential = exp_of_negative(exponents[-1], _EXPONENT_BITS) if near else 0
        exponentials.append(rounding_shift_away(exponential, _ACCUMULATOR_BITS))
    return exponents, exponentials


def _logarithm(machine: Machine, x: str) -> str:
    """``fixed_point_log.logarithm``, step by step."""
    bits = machine.bits(x, "bits")
    root = machine.constant(log.ROOT_OF_HALF, "root_of_half")
    by_root = machine.product(x, root, "by_root")
    bits_of_root = machine.bits(by_root, "bits_of_root")
    up = machine.power_of_two(bits, lambda b: min(31 - b, 11), "up")
    normal = machine.product(machine.saturated(x, up, "normal"), root, "normal_by_root")
    first = machine.left(normal, 1, "first")
    up = machine.power_of_two(bits_of_root, lambda b: min(31 - b, 12), "up_root")
    second = machine.saturated(x, up, "second")
    counts = range(32)
    upper = machine.looked_up(bits, [log.upper_power(b) for b in counts], INT32, "upper")
    lowers = [log.lower_power(b) for b in counts]
    lower = machine.looked_up(bits_of_root, lowers, INT32, "lower")
    state, node = machine.state, machine.node
    r = state.exact(node, fixed.Minimum(), [first, second], "r")
    power = state.exact(node, fixed.Maximum(), [upper, lower], "power")
    fourth_root = machine.constant(log.FOURTH_ROOT_OF_HALF, "fourth_root")
    middle = machine.half_sum(r, fourth_root, "middle")
    half_q = machine.difference(r, fourth_root, "half_q")
    q = machine.sum(half_q, half_q, "q")
    square = machine.product(q, q, "square")
    cube = machine.product(q, square, "cube")
    scaled_cube = machine.product(cube, machine.constant(log.NUMERATOR, "eleventh"), "scaled_cube")
    numerator = machine.sum(machine.product(q, r, "linear"), scaled_cube, "numerator")
    constant, of_square, of_q = (
        machine.constant(value, f"denominator{index}")
        for index, value in enumerate(log.DENOMINATOR)
    )
    factor = machine.sum(constant, q, "factor0")
    factor = machine.sum(factor, machine.product(of_square, square, "scaled_square"), "factor")
    denominator = machine.product(middle, factor, "denominator_of_middle")
    denominator = machine.sum(denominator, machine.product(of_q, q, "scaled_q"), "denominator")
    inverse = _reciprocal_of_one_plus(machine, denominator)
    lowered = machine.shifted(numerator, 6, _AWAY, "lowered")
    rational = machine.product(lowered, inverse, "rational")
    log_of_two = machine.constant(log.LOG_OF_TWO, "log_of_two")
    whole = machine.product(power, log_of_two, "whole")
    return machine.left(machine.sum(whole, rational, "half_logarithm"), 1, "logarithm")


def _reciprocal_of_one_plus(machine: Machine, x: str) -> str:
    """``fixed_point_exp.reciprocal_of_one_plus``, step by step."""
    one = machine.constant(INT32.maximum, "one")
    half = machine.half_sum(x, one, "half")
    slope = machine.product(half, machine.constant(NEWTON_SLOPE, "slope"), "descent")
    estimate = machine.sum(machine.constant(NEWTON_START, "start"), slope, "estimate")
    unit = machine.constant(1 << 29, "unit")
    for step in range(3):
        square = machine.product(half, estimate, f"product{step}")
        error = machine.difference(unit, square, f"error{step}")
        change = machine.product(estimate, error, f"change{step}")
        change = machine.left(change, 2, f"raised_change{step}")
        estimate = machine.sum(estimate, change, f"estimate{step}")
    return machine.left(estimate, 1, "inverse")
