# SPDX-License-Identifier: Apache-2.0
"""Sums of two quantized tensors, element by element.

A shared shift takes two products that are added to 64 bits, and one shift of these.  Where each
operand is rescaled by itself, there are so few codes that tables hold what becomes of them.
"""

from collections.abc import Sequence

import numpy as np

from intaglio.compiler.ir import fixed
from intaglio.compiler.targets.tvm.function import Kernel, index, load
from intaglio.compiler.targets.tvm.kernels.dsp.rescaling import (
    Rescaling,
    as_name,
    clamp_lines,
    rescaling,
)
from intaglio.compiler.targets.tvm.kernels.dsp.routine import Routine, importing, place
from intaglio.compiler.targets.tvm.kernels.scope import Scope
from intaglio.compiler.targets.tvm.library import Expression
from intaglio.numerics.integers import IntType
from intaglio.numerics.intervals import Interval
from intaglio.numerics.pairs import RescaledSum, SharedShiftSum
from intaglio.numerics.rounding import Rounding

_INT32, _INT64 = IntType(32, signed=True), IntType(64, signed=True)
_AT_ONCE = 4


def pair(scope: Scope, op: fixed.Pairwise) -> Kernel | None:
    """The kernel of a sum of two tensors of one shape, None where this form doesn't serve it."""
    types = [*scope.graph.operand_types(scope.node), scope.node.type]
    if scope.followers or any(type.integer.bits > 8 for type in types):
        return None
    if any(type.shape != scope.node.type.shape for type in types):
        return None
    signs = [type.integer.signed for type in types[:2]]
    match op.arithmetic:
        case SharedShiftSum():
            return _shared_shift(scope, op.arithmetic, signs)
        case RescaledSum():
            return _rescaled(scope, op.arithmetic)
        case _:
            return None


def _shared_shift(scope: Scope, sum: SharedShiftSum, signs: Sequence[bool]) -> Kernel | None:
    shift = sum.shift
    if sum.rounding is not Rounding.HALF_TOWARD_POSITIVE or not 1 <= shift <= 63:
        return None
    bias = sum.bias + (1 << (shift - 1)) + (sum.zero_point << shift)
    codes = [Interval(-128, 127) if signed else Interval(0, 255) for signed in signs]
    terms = [codes[0].scale_by(sum.left_multiplier), codes[1].scale_by(sum.right_multiplier)]
    start = Interval(bias, bias)
    total = start + terms[0] + terms[1]
    reached = Interval(total.low >> shift, total.high >> shift)
    factors = (sum.left_multiplier, sum.right_multiplier)
    held = [start, start + terms[0], total]
    if not all(_INT64.interval.contains(word) for word in held):
        return None
    if not (_INT32.interval.contains(reached) and all(map(_INT32.contains, factors))):
        return None
    clamp = clamp_lines("{x}", sum.low, sum.high, reached)
    loads = ["ldrsb" if signed else "ldrb" for signed in signs]
    if shift < 32:
        down = [f"lsr {{x}}, {{x}}, #{shift}", f"orr {{x}}, {{x}}, {{z}}, lsl #{32 - shift}"]
    else:
        down = [f"asr {{x}}, {{z}}, #{shift - 32}" if shift > 32 else "mov {x}, {z}"]
    one = [
        f"{loads[0]} {{left}}, [{{left_at}}], #1",
        f"{loads[1]} {{right}}, [{{right_at}}], #1",
        "mov {x}, {low}",
        "mov {z}, {high}",
        "smlal {x}, {z}, {left}, {left_factor}",
        "smlal {x}, {z}, {right}, {right_factor}",
        *down,
        *clamp,
        "strb {x}, [{y_at}], #1",
    ]
    routine = Routine(
        f"sum_{as_name('_'.join([*loads, *down, *clamp]))}",
        _repeated(one),
        changed=("left_at", "right_at", "y_at", "count"),
        read=("left_factor", "right_factor", "low", "high"),
        spare=("left", "right", "x", "z"),
    )
    return _kernel(scope, routine, [*factors, _INT32.wrap(bias), bias >> 32], [])


def _rescaled(scope: Scope, sum: RescaledSum) -> Kernel | None:
    left = _table(scope, 0, sum.left_zero_point, sum.left_shift, sum)
    right = _table(scope, 1, sum.right_zero_point, sum.left_shift, sum)
    total = Interval(min(left) + min(right), max(left) + max(right))
    for scale_bits in (2, 0):
        fast = rescaling([sum.output], {}, total, scale_bits)
        scaled = [value << scale_bits for value in (*left, *right)]
        if fast is not None and all(map(_INT32.contains, scaled)):
            return _looked_up(scope, fast, scaled)
    return None


def _table(scope: Scope, operand: int, zero_point: int, shift: int, sum: RescaledSum) -> list[int]:
    """What becomes of each code, by the byte that holds it."""
    signed = scope.graph.operand_types(scope.node)[operand].integer.signed
    codes = [byte - 256 if signed and byte >= 128 else byte for byte in range(256)]
    scaling = sum.right if operand else sum.left
    sign = -1 if operand and sum.subtract else 1
    return [sign * scaling.apply((code - zero_point) << shift) for code in codes]


def _looked_up(scope: Scope, fast: Rescaling, values: Sequence[int]) -> Kernel:
    one = [
        "ldrb {x}, [{left_at}], #1",
        "ldrb {z}, [{right_at}], #1",
        "ldr {x}, [{first_at}, {x}, lsl #2]",
        "ldr {z}, [{second_at}, {z}, lsl #2]",
        "add {x}, {x}, {z}",
        *fast.lines(["{x}"]),
        "strb {x}, [{y_at}], #1",
    ]
    (factor,) = fast.factors
    routine = Routine(
        f"looked_up_sum_{fast.name}",
        ["ldm {words_at}, {{r0, r1, r2}}", *fast.prepared(), *_repeated(one)],
        changed=("left_at", "right_at", "y_at", "count"),
        read=("first_at", "second_at", "words_at"),
        spare=("x", "z"),
        fixed=("r0", "r1", "r2", "r3"),
    )
    return _kernel(scope, routine, [factor.multiplier, factor.addend, factor.shift], values)


def _repeated(one: list[str]) -> list[str]:
    """``one`` for each of ``count`` elements; a few together, after those that are left."""
    return [
        f"ands {{x}}, {{count}}, #{_AT_ONCE - 1}",
        "beq 2f",
        "sub {count}, {count}, {x}",
        # How many are left waits on the stack.
        "str {x}, [sp, #-8]!",
        "1:",
        *one,
        "ldr {x}, [sp]",
        "subs {x}, #1",
        "str {x}, [sp]",
        "bne 1b",
        "add sp, #8",
        "2:",
        "cmp {count}, #0",
        "beq 4f",
        "3:",
        *one * _AT_ONCE,
        f"subs {{count}}, #{_AT_ONCE}",
        "bne 3b",
        "4:",
    ]


def _kernel(scope: Scope, routine: Routine, words: Sequence[int], tables: Sequence[int]) -> Kernel:
    function = scope.function
    function.hide_sizes()
    left, right = scope.operand(0), scope.operand(1)
    y = scope.result()
    constants = function.table(np.array([*words, y.type.size], np.int32))
    read: list[Expression] = [load(constants, index(number)) for number in range(len(words))]
    if tables:
        values = function.table(np.array(tables, np.int32))
        read = [place(values, index(0)), place(values, index(len(tables) // 2))]
        read.append(place(constants, index(0)))
    routine.call(
        function,
        place(left.buffer, index(0)),
        place(right.buffer, index(0)),
        place(y.buffer, index(0)),
        load(constants, index(len(words))),
        *read,
    )
    return importing(function.finish("arm-dsp sum"), [routine])
