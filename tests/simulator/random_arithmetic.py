# SPDX-License-Identifier: Apache-2.0
"""Hypothesis strategies for the arithmetic of fixed ops: types, scalings, pairs, softmax.

Powers of two, ties and the ends of ranges come often: they are what tells arithmetics apart.
"""

from random import Random

from hypothesis import strategies as st

from intaglio.compiler.ir.fixed import (
    FixedPointSoftmax,
    Float32Average,
    Float32TableSoftmax,
    IntegerTableSoftmax,
    PoolArithmetic,
    RequantizedSum,
    SoftmaxAlgorithm,
    SoftmaxNormalization,
)
from intaglio.numerics import float32, scalings
from intaglio.numerics.accumulator import (
    AccumulationOrder,
    Accumulator,
    Overflow,
    PartialSums,
    ProductTruncation,
    Reduction,
)
from intaglio.numerics.float32 import Float32
from intaglio.numerics.float64 import Float64
from intaglio.numerics.integers import INT32, IntType
from intaglio.numerics.pairs import (
    DequantizedPair,
    FusedMultiplyAddSum,
    PairArithmetic,
    PairFunction,
    RationalSum,
    RescaledSum,
    SharedShiftSum,
)
from intaglio.numerics.quantize_method import QuantizeMethod
from intaglio.numerics.requantizers import Requantizer
from intaglio.numerics.rounding import Rounding
from intaglio.numerics.scalings.double_rounding import TIES

ROUNDINGS = st.sampled_from(Rounding)


def int_types(most_bits: int = 64) -> st.SearchStrategy[IntType]:
    """Integer types; the usual widths and odd ones."""
    usual = [bits for bits in (8, 4, 16, 32, 64) if bits <= most_bits]
    widths = st.integers(1, most_bits)
    return st.builds(
        IntType, st.one_of(st.sampled_from(usual), widths) if usual else widths, st.booleans()
    )


def codes(type: IntType) -> st.SearchStrategy[int]:
    """Values of a type, its ends often."""
    ends = st.sampled_from([type.minimum, type.maximum])
    return st.one_of(st.integers(type.minimum, type.maximum), ends)


def random_codes(type: IntType, count: int, random: Random) -> list[int]:
    """Values of a type: all low, all high, or anything with many ends among them."""
    match random.randrange(6):
        case 0:
            return [type.minimum] * count
        case 1:
            return [type.maximum] * count
        case kind:
            ends = (type.minimum, type.maximum)
            return [
                random.choice(ends)
                if random.randrange(kind) == 0
                else random.randint(type.minimum, type.maximum)
                for _ in range(count)
            ]


OVERFLOWS = st.sampled_from([rule for rule in Overflow if rule is not Overflow.TRAP])
"""What gives a result, whatever the sum."""


@st.composite
def accumulators(draw: st.DrawFn) -> Accumulator:
    """Accumulators, narrow ones often: those overflow."""
    narrow = st.integers(2, 12).map(lambda bits: IntType(bits, signed=True))
    type = draw(st.one_of(narrow, int_types()))
    overflow, order = draw(OVERFLOWS), draw(st.sampled_from(AccumulationOrder))
    if draw(st.integers(0, 2)):
        return Accumulator(type, overflow, order)
    truncation = st.builds(ProductTruncation, st.integers(1, 6), st.sampled_from(Rounding))
    registers = st.builds(
        PartialSums,
        st.integers(0, 5),
        st.one_of(narrow, int_types()),
        OVERFLOWS,
        st.sampled_from(Reduction),
    )
    return Accumulator(
        type, overflow, order, draw(st.none() | truncation), draw(st.none() | registers)
    )


def _integers_or_powers(low: int, high: int) -> st.SearchStrategy[int]:
    """Integers of a range; plus and minus the powers of two in it often."""
    powers = [sign << k for k in range(64) for sign in (1, -1) if low <= sign << k <= high]
    return st.one_of(st.sampled_from(powers), st.integers(low, high))


def scales(low: int = -12, high: int = 4) -> st.SearchStrategy[Float32]:
    """Positive float32 numbers from ``2**low`` to below ``2**(high + 1)``; powers of two often."""
    significands = st.one_of(st.just(1 << 23), st.integers(1 << 23, (1 << 24) - 1))
    exponents = st.integers(low - 23, high - 23)
    return st.builds(Float32.from_dyadic, st.just(False), significands, exponents)


def signed_scales() -> st.SearchStrategy[Float32]:
    """Float32 numbers of either sign."""
    return st.one_of(scales(), scales().map(float32.negate))


def doubles() -> st.SearchStrategy[Float64]:
    """Float64 factors; powers of two often."""
    significands = st.one_of(st.just(1 << 52), st.integers(1 << 52, (1 << 53) - 1))
    return st.builds(
        Float64.from_dyadic, st.booleans(), significands, st.integers(-52 - 40, -52 + 4)
    )


def thresholds() -> st.SearchStrategy[scalings.Thresholds]:
    """Staircases of up to 20 steps."""
    steps = st.lists(st.integers(-(1 << 12), 1 << 12), max_size=20)
    return st.builds(
        scalings.Thresholds, steps.map(lambda found: tuple(sorted(found))), st.booleans()
    )


def stages() -> st.SearchStrategy[scalings.Stages]:
    """Up to six steps; two thirds of the registers are narrow enough to overflow."""
    registers = st.integers(4, 40).map(lambda bits: IntType(bits, signed=True))
    step = st.one_of(
        st.builds(scalings.AddStep, st.integers(-(1 << 20), 1 << 20)),
        st.builds(scalings.MultiplyStep, _integers_or_powers(-(1 << 15), (1 << 16) - 1)),
        st.builds(scalings.ShiftStep, st.integers(0, 40), ROUNDINGS),
        st.builds(scalings.WrapStep, registers),
        st.builds(scalings.SaturateStep, registers),
        st.builds(scalings.ZeroStep, registers),
    )
    return st.builds(scalings.Stages, st.lists(step, max_size=6).map(tuple))


_INT32S = _integers_or_powers(INT32.minimum, INT32.maximum)

SCALINGS: dict[type[scalings.Scaling], st.SearchStrategy[scalings.Scaling]] = {
    scalings.MultiplyShift: st.builds(
        scalings.MultiplyShift, _INT32S, st.integers(0, 62), ROUNDINGS
    ),
    scalings.DoubleRounding: st.builds(
        scalings.DoubleRounding, _INT32S, st.integers(-31, 31), st.sampled_from(TIES)
    ),
    scalings.Int16Multiply: st.builds(scalings.Int16Multiply, _INT32S, st.integers(-31, 7)),
    scalings.Float32Multiply: st.builds(scalings.Float32Multiply, signed_scales()),
    scalings.Float32MultiplyAdd: st.builds(
        scalings.Float32MultiplyAdd,
        signed_scales(),
        signed_scales(),
        st.sampled_from((Rounding.HALF_EVEN, Rounding.HALF_AWAY_FROM_ZERO)),
    ),
    scalings.Float64Multiply: st.builds(scalings.Float64Multiply, doubles()),
    scalings.MultiplyAddShift: st.builds(
        scalings.MultiplyAddShift,
        _INT32S,
        _INT32S,
        st.integers(0, 40),
        ROUNDINGS,
        st.sampled_from([None, INT32, IntType(20, signed=True)]),
    ),
    scalings.Shift: st.builds(scalings.Shift, st.integers(-6, 40), ROUNDINGS),
    scalings.TosaScale: st.builds(
        scalings.TosaScale,
        _integers_or_powers(0, INT32.maximum),
        st.integers(2, 62),
        st.booleans(),
    ),
    scalings.RationalMultiply: st.builds(
        scalings.RationalMultiply,
        _integers_or_powers(-1000, 1000),
        _integers_or_powers(1, 5000),
        ROUNDINGS,
    ),
    scalings.Thresholds: thresholds(),
    scalings.Stages: stages(),
}

ANY_SCALING = st.one_of(*SCALINGS.values())


@st.composite
def clamps(draw: st.DrawFn, type: IntType) -> tuple[int, int]:
    """Bounds within a type, its ends often."""
    low, high = sorted((draw(codes(type)), draw(codes(type))))
    return draw(st.sampled_from([(type.minimum, type.maximum), (low, high)]))


@st.composite
def requantizers(
    draw: st.DrawFn, type: IntType, scaling: st.SearchStrategy[scalings.Scaling] = ANY_SCALING
) -> Requantizer:
    """Requantizers to a type."""
    return Requantizer(draw(scaling), draw(codes(type)), *draw(clamps(type)))


@st.composite
def pair_arithmetics(
    draw: st.DrawFn, left: IntType, right: IntType, type: IntType
) -> PairArithmetic:
    """Two-input arithmetics of operands of two types, to a type."""
    first, second, zero = draw(codes(left)), draw(codes(right)), draw(codes(type))
    low, high = draw(clamps(type))
    match draw(st.integers(0, 4)):
        case 0:
            return RescaledSum(
                first,
                second,
                draw(st.integers(0, 20)),
                draw(ANY_SCALING),
                draw(ANY_SCALING),
                draw(requantizers(type)),
                draw(st.booleans()),
            )
        case 1:
            multipliers = _integers_or_powers(-(1 << 21), 1 << 21)
            return SharedShiftSum(
                draw(multipliers),
                draw(multipliers),
                draw(_INT32S),
                draw(st.integers(0, 30)),
                draw(ROUNDINGS),
                zero,
                low,
                high,
            )
        case 2:
            numerators = _integers_or_powers(-(1 << 30), 1 << 30)
            return RationalSum(
                first,
                second,
                draw(numerators),
                draw(numerators),
                draw(_integers_or_powers(1, 1 << 30)),
                draw(ROUNDINGS),
                zero,
                low,
                high,
            )
        case 3:
            return FusedMultiplyAddSum(
                draw(signed_scales()), draw(signed_scales()), draw(signed_scales()), low, high
            )
        case _:
            return DequantizedPair(
                draw(st.sampled_from(PairFunction)),
                draw(scales()),
                first,
                draw(scales()),
                second,
                draw(scales()),
                zero,
                low,
                high,
                draw(st.sampled_from(QuantizeMethod)),
            )


@st.composite
def pool_arithmetics(
    draw: st.DrawFn, operand: IntType, type: IntType, kernel_size: int
) -> PoolArithmetic:
    """Ways to a mean, of operands of one type to another."""
    zero = draw(codes(operand))
    if draw(st.booleans()):
        by_count = [draw(requantizers(type)) for _ in range(kernel_size)]
        return RequantizedSum(zero, tuple(by_count))
    low, high = draw(clamps(type))
    return Float32Average(draw(scales()), zero, draw(scales()), draw(codes(type)), low, high)


@st.composite
def softmax_algorithms(draw: st.DrawFn, type: IntType) -> SoftmaxAlgorithm:
    """Softmax algorithms with results of a type."""
    low, high = draw(clamps(type))
    zero, rounding = draw(codes(type)), draw(ROUNDINGS)
    match draw(st.integers(0, 2)):
        case 0:
            left_shift = draw(st.integers(0, 31))
            minimum = -((31 << 26) >> left_shift)
            multiplier = draw(_integers_or_powers(1 << 30, INT32.maximum))
            return FixedPointSoftmax(
                multiplier, left_shift, minimum, low, high, draw(st.sampled_from([8, 16]))
            )
        case 1:
            table = draw(st.lists(st.integers(0, 1 << 20), max_size=40))
            first = draw(st.integers(1, 1 << 20))
            numerator, denominator = draw(_integers_or_powers(0, 1 << 16)), draw(st.integers(1, 99))
            return IntegerTableSoftmax(
                (first, *table), numerator, denominator, rounding, zero, low, high
            )
        case _:
            entries = tuple(draw(st.lists(scales(), min_size=1, max_size=40)))
            normalization = draw(st.sampled_from(SoftmaxNormalization))
            factor = draw(scales(0, 8))
            return Float32TableSoftmax(entries, factor, normalization, rounding, zero, low, high)
