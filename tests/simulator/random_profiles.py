# SPDX-License-Identifier: Apache-2.0
"""Hypothesis strategies for valid profiles: any scheme with any rounding in any rule."""

from hypothesis import strategies as st

from intaglio.numerics.accumulator import AccumulationOrder, Overflow
from intaglio.numerics.profile import (
    ContractionRule,
    MeanRule,
    PairRule,
    Profile,
    RescaleRule,
    ResizeRule,
    SoftmaxRule,
    UnaryRule,
    methods,
    schemes,
)
from intaglio.numerics.profile.profile import BoundRule, DequantizeMethod, QuantizeRule
from intaglio.numerics.profile.rules import Condition, ResizeWeights
from intaglio.numerics.profile.stages_scheme import ClampOrder, StagesScheme, ZeroPointPlace
from intaglio.numerics.quantize_method import QuantizeMethod
from intaglio.numerics.rounding import Rounding
from intaglio.numerics.scalings.double_rounding import TIES

ROUNDINGS = st.sampled_from(Rounding)
GEMMLOWP_TIES = st.sampled_from(TIES)
BITS = st.integers(3, 31)

CUTS = st.sampled_from([Overflow.WRAP, Overflow.SATURATE])


@st.composite
def _stages(draw: st.DrawFn) -> StagesScheme:
    """Registers of any width behind shifters of any length, in any order that has a meaning."""
    place = draw(st.sampled_from(ZeroPointPlace))
    late = place is ZeroPointPlace.AFTER_SHIFT
    second = draw(st.sampled_from([0, 0, 0, 1]))
    signed = draw(st.booleans())
    return StagesScheme(
        draw(st.integers(6, 31)),
        draw(ROUNDINGS),
        place,
        signed_multiplier=signed,
        normalised=draw(st.booleans()),
        minimum_shift=second,
        maximum_shift=draw(st.sampled_from([40, 63])),
        pre_shift=draw(st.integers(0, 4)),
        pre_shift_rounding=draw(ROUNDINGS),
        product_bits=draw(st.sampled_from([0, 20, 33, 48, 63])),
        product_overflow=draw(CUTS),
        second_shift=second,
        second_rounding=draw(ROUNDINGS),
        result_bits=draw(st.sampled_from([0, 17, 32])),
        clamp=draw(st.sampled_from(ClampOrder)) if late else ClampOrder.AFTER_ZERO_POINT,
        store=draw(CUTS),
    )


STAGES = _stages()
SCHEMES: st.SearchStrategy[schemes.Scheme] = st.one_of(
    st.builds(schemes.MultiplyShiftScheme, BITS, ROUNDINGS),
    st.builds(schemes.DoubleRoundingScheme, GEMMLOWP_TIES),
    st.just(schemes.Int16MultiplierScheme()),
    st.just(schemes.Float64Scheme()),
    st.builds(schemes.RationalScheme, ROUNDINGS),
    st.builds(schemes.FractionScheme, st.integers(4, 16)),
    st.builds(schemes.PowerOfTwoScheme, ROUNDINGS),
    st.builds(schemes.MultiplyAddShiftScheme, BITS, ROUNDINGS, st.sampled_from([0, 48, 64])),
    st.builds(schemes.TosaScheme, st.booleans()),
    st.builds(schemes.NemoScheme, st.integers(1, 1 << 12), st.sampled_from([0, 24, 32])),
    st.builds(schemes.ThresholdsScheme, ROUNDINGS),
    st.builds(schemes.FixedPointCastScheme, ROUNDINGS, st.sampled_from(list(schemes.CastOverflow))),
    STAGES,
)
GEMMLOWP_LANES = st.builds(
    schemes.Lanes, st.integers(1, 5), st.builds(schemes.DoubleRoundingScheme, GEMMLOWP_TIES)
)
FLOAT32_SCHEMES: st.SearchStrategy[schemes.Scheme] = st.sampled_from(
    [schemes.Float32Scheme(), schemes.RndnuScheme()]
)
RESCALES = st.one_of(
    st.builds(schemes.Rescale, st.sampled_from(schemes.ScaleProduct), SCHEMES),
    st.builds(schemes.Rescale, st.just(schemes.ScaleProduct.FLOAT32), FLOAT32_SCHEMES),
)
FLOAT32_RESCALE = schemes.Rescale(schemes.ScaleProduct.FLOAT32, schemes.Float32Scheme())

SUMS: st.SearchStrategy[methods.PairMethod] = st.one_of(
    st.builds(
        methods.RescaledSumMethod,
        st.integers(4, 20),
        SCHEMES,
        st.sampled_from(methods.OperandShift),
    ),
    st.builds(methods.SharedShiftMethod, st.integers(8, 31), ROUNDINGS, st.booleans()),
    st.just(methods.DequantizedMethod()),
    st.builds(methods.OperandRescaleMethod, RESCALES, st.booleans()),
)
PRODUCTS: st.SearchStrategy[methods.PairMethod] = st.one_of(
    st.builds(methods.ProductMethod, RESCALES),
    st.just(methods.ProductMethod(FLOAT32_RESCALE, zero_point_inside=True)),
    st.just(methods.DequantizedMethod()),
)
EXTREMES: st.SearchStrategy[methods.PairMethod] = st.one_of(
    st.builds(methods.OperandRescaleMethod, RESCALES, st.booleans()),
    st.just(methods.DequantizedMethod()),
)
SQUARES: st.SearchStrategy[methods.PairMethod] = st.one_of(
    st.builds(methods.SquaredDifferenceMethod, st.integers(0, 8), SCHEMES),
    st.just(methods.DequantizedMethod()),
)
POOLS: st.SearchStrategy[methods.MeanMethod] = st.one_of(
    st.builds(methods.RescaledMean, RESCALES),
    st.builds(methods.RawCodeMean, ROUNDINGS),
    st.just(methods.ReciprocalMean()),
    st.builds(methods.PlaneReciprocalMean, st.integers(8, 20), ROUNDINGS),
    st.just(methods.Float32PoolMean()),
)
MEANS: st.SearchStrategy[methods.MeanMethod] = st.one_of(
    st.builds(methods.RescaledMean, RESCALES),
    st.just(methods.FixedPointMean()),
    st.builds(methods.JoinedZeroPointMean, GEMMLOWP_TIES, st.none() | GEMMLOWP_LANES),
    st.just(methods.Float32Mean()),
    st.just(methods.Float32MeanZeroPointInside()),
)
TABLES: st.SearchStrategy[methods.UnaryMethod] = st.one_of(
    st.builds(methods.ExactTable, ROUNDINGS),
    st.builds(methods.Float32Table, ROUNDINGS, st.booleans(), st.booleans()),
)
SLOPES: st.SearchStrategy[methods.UnaryMethod] = st.one_of(
    TABLES,
    st.builds(methods.FixedPointTable, negates=st.booleans()),
    st.builds(methods.SlopeTable, RESCALES),
)
SOFTMAXES: st.SearchStrategy[methods.SoftmaxMethod] = st.one_of(
    st.just(methods.FixedPointSoftmaxMethod()),
    st.builds(methods.IntegerTableSoftmaxMethod, st.integers(8, 30), ROUNDINGS),
    st.builds(methods.Float32TableSoftmaxMethod, ROUNDINGS, st.booleans()),
)
CONTRACTIONS = st.builds(
    ContractionRule,
    RESCALES,
    st.just(Condition()),
    st.integers(12, 48),
    st.sampled_from([rule for rule in Overflow if rule is not Overflow.TRAP]),
    st.sampled_from(AccumulationOrder),
    st.just(32),
    lanes=st.none() | st.builds(schemes.Lanes, st.integers(1, 5), SCHEMES),
)


def _only(*ops: str) -> Condition:
    return Condition(ops=ops)


PROFILES: st.SearchStrategy[Profile] = st.builds(
    Profile,
    name=st.just("random"),
    title=st.just("Any arithmetic"),
    checked_against=st.just(()),
    quantize=st.builds(QuantizeRule, ROUNDINGS, st.sampled_from(QuantizeMethod)),
    bound=st.builds(BoundRule, ROUNDINGS, st.booleans()),
    contraction=st.tuples(CONTRACTIONS),
    pair=st.tuples(
        st.one_of(
            st.builds(PairRule, SUMS, st.just(_only("add", "subtract"))),
            st.just(PairRule(methods.FusedMultiplyAddMethod(), _only("add"))),
        ),
        st.builds(PairRule, SUMS, st.just(_only("add", "subtract"))),
        st.builds(PairRule, PRODUCTS, st.just(_only("multiply"))),
        st.builds(PairRule, SQUARES, st.just(_only("squared_difference"))),
        st.builds(PairRule, EXTREMES, st.just(_only("minimum", "maximum"))),
    ),
    mean=st.tuples(
        st.builds(MeanRule, POOLS, st.just(_only("average_pool2d"))),
        st.builds(
            MeanRule,
            MEANS,
            accumulator_bits=st.sampled_from([9, 32]),
            overflow=st.sampled_from([rule for rule in Overflow if rule is not Overflow.TRAP]),
        ),
    ),
    unary=st.tuples(
        st.builds(UnaryRule, SLOPES, st.just(_only("leaky-relu", "prelu"))),
        st.builds(UnaryRule, TABLES),
    ),
    rescale=st.tuples(
        st.builds(RescaleRule, st.one_of(RESCALES, st.just(methods.Float32Rescale())))
    ),
    softmax=st.tuples(st.builds(SoftmaxRule, SOFTMAXES)),
    resize=st.tuples(
        st.builds(ResizeRule, st.sampled_from(ResizeWeights), ROUNDINGS, st.integers(4, 11))
    ),
    dequantize=st.sampled_from(DequantizeMethod),
)
