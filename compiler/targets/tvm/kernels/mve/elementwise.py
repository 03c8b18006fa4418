# SPDX-License-Identifier: Apache-2.0
"""Sums of two tensors of 8-bit codes, and requantized codes, four elements at a time.

A sum of products of 40 bits or so, rounded by one shift, is taken apart at bit 16; floors of
quotients by powers of two compose, so both halves stay within 32 bits:

    floor((2**16 h + l) / 2**s) = floor((h + floor(l / 2**16)) / 2**(s-16))
"""

from collections.abc import Callable
from math import prod

from intaglio.compiler.ir import fixed
from intaglio.compiler.targets.tvm.function import Kernel, index
from intaglio.compiler.targets.tvm.kernels.mve.epilogue import INT8, UINT8, Narrowing, narrowing_of
from intaglio.compiler.targets.tvm.kernels.mve.instructions import QUAD
from intaglio.compiler.targets.tvm.kernels.mve.scaling import Steps, steps_of
from intaglio.compiler.targets.tvm.kernels.scope import Scope, Tensor
from intaglio.compiler.targets.tvm.library import Expression, tirx
from intaglio.numerics.integers import IntType
from intaglio.numerics.intervals import Interval
from intaglio.numerics.pairs import RescaledSum, SharedShiftSum
from intaglio.numerics.requantizers import Requantizer
from intaglio.numerics.rounding import Rounding

Compute = Callable[[Expression], Expression]
"""Four scaled elements from an offset on."""

_INT32 = IntType(32, signed=True)
_HALF = 16
_MOST_RIGHT = 31


def elementwise(scope: Scope, op: fixed.Pairwise | fixed.Requantize) -> Kernel | None:
    """The kernel of a sum or requantizer of codes, None where this form doesn't serve it."""
    shape, type = scope.node.type.shape, scope.node.type.integer
    size = prod(shape)
    types = scope.graph.operand_types(scope.node)
    codes = all(each.integer in (INT8, UINT8) and each.shape == shape for each in types)
    if scope.followers or not codes or type not in (INT8, UINT8) or size < QUAD:
        return None
    if scope.in_place is not None and size % QUAD:
        # The last vector would read what the one before has written.
        return None
    match op:
        case fixed.Requantize():
            return _requantized(scope, op.requantizers)
        case fixed.Pairwise(arithmetic=SharedShiftSum() as arithmetic):
            return _shared_shift_sum(scope, arithmetic)
        case fixed.Pairwise(arithmetic=RescaledSum() as arithmetic):
            return _rescaled_sum(scope, arithmetic)
        case _:
            return None


def _loop(scope: Scope, narrowing: Narrowing, compute: Compute) -> Kernel:
    function, y = scope.function, scope.result()
    size = scope.node.type.size
    with function.loop(-(-size // QUAD)) as turn:
        # The last vector overlaps the one before.
        at = function.bind(tirx.min(turn * index(QUAD), index(size - QUAD)))
        words = function.bind(narrowing.words(compute(at), None))
        codes = tirx.Cast(f"{y.buffer.dtype}x{QUAD}", tirx.reinterpret("int32x4", words))
        function.store(y.buffer, at, codes, QUAD)
    return function.finish("mve elementwise")


def _load(x: Tensor, at: Expression) -> Expression:
    return x.load(at, QUAD).word(32)


def _lanes(value: int) -> Expression:
    return tirx.Broadcast(index(value), QUAD)


def _right(x: Expression, bits: int) -> Expression:
    return tirx.shift_right(x, _lanes(bits)) if bits else x


def _constants(scope: Scope, steps: Steps) -> list[Expression]:
    return [scope.function.bind(_lanes(values[0])) for values in steps.constants]


def _requantized(scope: Scope, requantizers: tuple[Requantizer, ...]) -> Kernel | None:
    if len(set(requantizers)) > 1:
        return None
    x = scope.operand(0)
    steps = steps_of(requantizers[:1], x.interval)
    narrowing = narrowing_of(requantizers[:1], scope.node.type.integer)
    if steps is None or narrowing is None:
        return None
    constants = _constants(scope, steps)
    return _loop(scope, narrowing, lambda at: steps.apply(_load(x, at), constants))


def _shared_shift_sum(scope: Scope, arithmetic: SharedShiftSum) -> Kernel | None:
    modes = {
        Rounding.FLOOR: 0,
        Rounding.HALF_TOWARD_POSITIVE: (1 << arithmetic.shift) >> 1,
    }
    if arithmetic.rounding not in modes:
        return None
    left, right = scope.operand(0), scope.operand(1)
    addend = arithmetic.bias + modes[arithmetic.rounding]
    addend += arithmetic.zero_point << arithmetic.shift
    factors = (arithmetic.left_multiplier, arithmetic.right_multiplier, addend)
    narrowing = Narrowing(
        0, arithmetic.low, arithmetic.high, unsigned=not scope.node.type.integer.signed
    )

    def interval(a: int, b: int, c: int) -> Interval:
        return left.interval.scale_by(a) + right.interval.scale_by(b) + Interval(c, c)

    def total(at: Expression, a: int, b: int, c: int) -> Expression:
        terms = _load(left, at) * _lanes(a) + _load(right, at) * _lanes(b)
        return scope.function.bind(terms + _lanes(c))

    if _holds(interval(*factors)) and _holds(*map(_point, factors)):
        if arithmetic.shift > _MOST_RIGHT:
            return None
        return _loop(scope, narrowing, lambda at: _right(total(at, *factors), arithmetic.shift))
    low = tuple(factor & ((1 << _HALF) - 1) for factor in factors)
    high = tuple(factor >> _HALF for factor in factors)
    carried = interval(*low)
    carry = Interval(carried.low >> _HALF, carried.high >> _HALF)
    wide = interval(*high) + carry
    shift = arithmetic.shift - _HALF
    if not (
        _holds(wide, interval(*high), carried, *map(_point, high)) and 0 <= shift <= _MOST_RIGHT
    ):
        return None

    def halves(at: Expression) -> Expression:
        below = _right(total(at, *low), _HALF)
        return _right(below + total(at, *high), shift)

    return _loop(scope, narrowing, halves)


def _holds(*intervals: Interval) -> bool:
    return all(_INT32.interval.contains(interval) for interval in intervals)


def _point(value: int) -> Interval:
    return Interval(value, value)


def _rescaled_sum(scope: Scope, arithmetic: RescaledSum) -> Kernel | None:
    left, right = scope.operand(0), scope.operand(1)
    sides = (
        (left, arithmetic.left_zero_point, arithmetic.left),
        (right, arithmetic.right_zero_point, arithmetic.right),
    )
    scaled: list[Compute] = []
    ends: list[Interval] = []
    for x, zero_point, scaling in sides:
        moved = (x.interval - _point(zero_point)).scale_by(1 << min(arithmetic.left_shift, 64))
        # Their clamps are those of int32: no result of a rounding below 0 may be left out.
        each = Requantizer(scaling, 0, _INT32.minimum, _INT32.maximum)
        steps = steps_of([each], moved)
        if steps is None or not _holds(_point(zero_point)) or arithmetic.left_shift > _MOST_RIGHT:
            return None
        constants = _constants(scope, steps)
        ends.append(_between(scaling.apply(moved.low), scaling.apply(moved.high)))

        def side(
            at: Expression,
            x: Tensor = x,
            zero_point: int = zero_point,
            steps: Steps = steps,
            constants: list[Expression] = constants,
        ) -> Expression:
            centred = _load(x, at) - _lanes(zero_point)
            moved = tirx.shift_left(centred, _lanes(arithmetic.left_shift))
            return scope.function.bind(steps.apply(scope.function.bind(moved), constants))

        scaled.append(side)
    total = ends[0] - ends[1] if arithmetic.subtract else ends[0] + ends[1]
    steps = steps_of([arithmetic.output], total)
    narrowing = narrowing_of([arithmetic.output], scope.node.type.integer)
    if steps is None or narrowing is None or not _holds(total):
        return None
    constants = _constants(scope, steps)

    def summed(at: Expression) -> Expression:
        first, second = (side(at) for side in scaled)
        sums = first - second if arithmetic.subtract else first + second
        return steps.apply(scope.function.bind(sums), constants)

    return _loop(scope, narrowing, summed)


def _between(a: int, b: int) -> Interval:
    return Interval(min(a, b), max(a, b))
