# SPDX-License-Identifier: Apache-2.0
"""TFLite's L2 normalization in the fixed level's own ops.

The inverse square root of ``numerics.fixed_point_root`` at run time: each product of the machine
is a product and a shift, and a shift by a run-time number is a product with a power of two that
is looked up by the bits of the sum of squares.
"""

from fractions import Fraction
from math import prod

from intaglio.compiler.ir import fixed, scaled
from intaglio.compiler.ir.graph import Node
from intaglio.compiler.ir.types import Quantization
from intaglio.compiler.passes.select_arithmetic.fixed_point_machine import Machine
from intaglio.compiler.passes.select_arithmetic.state import Lowering
from intaglio.numerics.accumulator import Accumulator
from intaglio.numerics.fixed_point_root import HALF_ROOT_OF_TWO, ONE, STEPS
from intaglio.numerics.integers import INT32
from intaglio.numerics.profile.methods import FixedPointL2NormalizationMethod
from intaglio.numerics.requantizers import Requantizer
from intaglio.numerics.rounding import Rounding
from intaglio.numerics.scalings import Shift

_FARTHEST = 12
"""The longest right shift of a multiplier."""
_RESULT_BITS = 7


def lower_l2_normalization(
    state: Lowering,
    node: Node,
    op: scaled.L2Normalization,
    method: FixedPointL2NormalizationMethod,
    source: Quantization,
    target: Quantization,
) -> str:
    """M(v, 1 / sqrt(Σ v²)) with v = q - z, in units of 1/128; see ``docs/numerics.md``."""
    machine, shape, element = Machine(state, node), node.type.shape, node.type.integer
    middle = (element.minimum + element.maximum + 1) // 2
    if target.scale.fraction != Fraction(1, 1 << _RESULT_BITS) or target.zero_point != middle:
        found = f"its result has scale {target.scale} and zero point {target.zero_point}"
        raise state.refusal(node, found, f"1/128 and {middle}, which the machine's formula gives")
    x = state.operand(node.operands[0])
    centred, interval = state.centred(node, x, source.zero_point, "operand")
    word = state.builder.type_of(centred).integer
    most = interval.magnitude**2 * shape[op.axis]
    if most > INT32.maximum:
        found = f"{shape[op.axis]} elements whose squares sum to {most}"
        raise state.refusal(node, found, "a sum within 32 bits")
    outer, inner = prod(shape[: op.axis]), prod(shape[op.axis + 1 :])
    lines = (outer, shape[op.axis], 1, inner)
    values = state.emit(node, fixed.Reshape(), [centred], word, lines, "values")
    squares = state.exact(node, fixed.Multiply(), [values, values], "squares")
    reduction = fixed.ReduceSum(Accumulator(INT32), (1,), True)
    total = state.emit(node, reduction, [squares], INT32, (outer, 1, 1, inner), "total")
    bits = machine.bits(total, "bits")
    multiplier = _multiplier(machine, total, bits)
    late = 0 if method.shift_first else _RESULT_BITS
    moved = machine.power_of_two(bits, lambda b: max(late - _right(b), 0), "up")
    if method.shift_first:
        moved = machine.constant(1 << _RESULT_BITS, "unit")
    raised = state.exact(node, fixed.Multiply(), [values, moved], "raised")
    high = machine.product(raised, multiplier, "scaled")
    room = _FARTHEST - late
    rest = machine.power_of_two(bits, lambda b: room - max(_right(b) - late, 0), "spread")
    spread = state.exact(node, fixed.Multiply(), [high, rest], "moved")
    scaling = Shift(room, Rounding.HALF_AWAY_FROM_ZERO)
    last = Requantizer(scaling, target.zero_point, element.minimum, element.maximum)
    codes = state.emit(node, fixed.Requantize((last,)), [spread], element, lines, "codes")
    return state.emit(node, fixed.Reshape(), [codes], element)


def _pairs(bits: int) -> int:
    """How many factors of 4 raise a number of so many bits to 28 or 29 bits."""
    return (31 - max(bits, 2)) // 2 - 1


def _raised(bits: int) -> int:
    """Two more than by how many bits a number is raised; of 30 and 31 bits it is lowered."""
    return 0 if bits > 29 else 2 * _pairs(bits) + 2


def _right(bits: int) -> int:
    """The right shift that belongs to the multiplier."""
    return _FARTHEST if bits > 29 else max(11 - _pairs(bits), 0)


def _multiplier(machine: Machine, total: str, bits: str) -> str:
    """1 / sqrt(total) as a multiplier of 31 bits; a total of 0 or 1 saturates it."""
    raise_by = machine.power_of_two(bits, _raised, "raise")
    raised = machine.state.exact(machine.node, fixed.Multiply(), [total, raise_by], "raised_total")
    radicand = machine.shifted(raised, 3, Rounding.FLOOR, "radicand")
    half = machine.shifted(radicand, 1, Rounding.HALF_AWAY_FROM_ZERO, "half")
    root = machine.constant(ONE, "one")
    one_and_half = machine.constant(ONE + ONE // 2, "one_and_half")
    for step in range(STEPS):
        square = machine.product(root, root, f"square{step}")
        cube = machine.product(square, root, f"cube{step}")
        wide = machine.left(cube, 6, f"wide{step}")
        minuend = machine.product(one_and_half, root, f"minuend{step}")
        subtrahend = machine.product(half, wide, f"subtrahend{step}")
        root = _next_root(machine, minuend, subtrahend, step)
    root = machine.product(root, machine.constant(HALF_ROOT_OF_TWO, "half_root"), "root")
    up = machine.power_of_two(bits, lambda b: 8 if b < 2 else max(_pairs(b) - 11, 0), "finish")
    return machine.saturated(root, up, "multiplier")


def _next_root(machine: Machine, minuend: str, subtrahend: str, step: int) -> str:
    difference = machine.difference(minuend, subtrahend, f"difference{step}")
    return machine.left(difference, 3, f"root{step}")
