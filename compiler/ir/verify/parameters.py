# SPDX-License-Identifier: Apache-2.0
"""The rule of numbers inside of ops, as far as the numbers alone decide it."""

from collections.abc import Iterator, Sequence
from math import prod
from typing import TypeVar, assert_never

from intaglio.compiler.ir import fixed
from intaglio.compiler.ir.graph import AnyOp, Graph
from intaglio.compiler.ir.verify.rules import Rule, violation
from intaglio.numerics.float32 import Float32
from intaglio.numerics.integers import IntType
from intaglio.numerics.pairs import (
    DequantizedPair,
    FusedMultiplyAddSum,
    PairArithmetic,
    RationalSum,
    RescaledSum,
    SharedShiftSum,
)
from intaglio.numerics.requantizers import Requantizer
from intaglio.numerics.scalings import (
    MultiplyAddShift,
    MultiplyShift,
    Scaling,
    Shift,
    ShiftStep,
    Stages,
)

T = TypeVar("T")

LONGEST_SHIFT = 256
"""Beyond it every code is constant, or far beyond any accumulator."""

Problem = tuple[str, str]
"""What was found, and what was expected."""


def parameters_make_sense(graph: Graph) -> Iterator[str]:
    """Bounds are in order, scales and divisors positive, shifts short, tables without a hole."""
    for node in graph.nodes:
        for found, expected in _problems(node.op):
            yield violation(node, found, expected)


def _problems(op: AnyOp) -> Iterator[Problem]:
    match op:
        case fixed.Requantize(requantizers=requantizers):
            yield from _requantizers(requantizers)
        case fixed.Pairwise(arithmetic=arithmetic):
            yield from _pair(arithmetic)
        case fixed.Clamp(low=low, high=high):
            for pair in paired(low, high):
                yield from _bounds(*pair)
        case fixed.AveragePool2d(arithmetic=fixed.RequantizedSum(by_count=by_count)):
            yield from _by_count(by_count, prod(op.kernel))
        case fixed.AveragePool2d(arithmetic=fixed.Float32Average() as average):
            yield from _positive("input_scale", average.input_scale)
            yield from _positive("output_scale", average.output_scale)
            yield from _bounds(average.low, average.high)
        case fixed.Softmax(algorithm=algorithm):
            yield from _softmax(algorithm)
        case fixed.Quantize(scale=scale) | fixed.Dequantize(scale=scale):
            yield from _positive("scale", scale)
        case _:
            return


def paired(low: Sequence[T], high: Sequence[T]) -> Iterator[tuple[T, T]]:
    """Bounds that hold together, by channel; one bound serves all channels."""
    channels = max(len(low), len(high))
    if len(low) == 1:
        low = [low[0]] * channels
    if len(high) == 1:
        high = [high[0]] * channels
    # Lists that don't fit each other break a rule of their own.
    return zip(low, high, strict=False)


def _requantizers(requantizers: Sequence[Requantizer]) -> Iterator[Problem]:
    for scaling in dict.fromkeys(each.scaling for each in requantizers):
        yield from _scaling(scaling)


def _by_count(by_count: Sequence[Requantizer], elements: int) -> Iterator[Problem]:
    if len(by_count) != elements:
        yield f"{len(by_count)} requantizers by count", f"{elements}, one for each divisor"
    yield from _requantizers(by_count)


def _scaling(scaling: Scaling) -> Iterator[Problem]:
    """Shifts without a bound of their own class."""
    if isinstance(scaling, Shift | MultiplyShift | MultiplyAddShift):
        yield from _short(scaling.shift)
    if isinstance(scaling, Stages):
        for step in scaling.steps:
            if isinstance(step, ShiftStep):
                yield from _short(step.shift)


def _short(shift: int) -> Iterator[Problem]:
    if abs(shift) > LONGEST_SHIFT:
        yield f"a shift by {shift}", f"at most {LONGEST_SHIFT} bits"


def _pair(arithmetic: PairArithmetic) -> Iterator[Problem]:
    match arithmetic:
        case RescaledSum(left=left, right=right, output=output, left_shift=left_shift):
            for scaling in (left, right, output.scaling):
                yield from _scaling(scaling)
            if not 0 <= left_shift <= LONGEST_SHIFT:
                yield f"left_shift={left_shift}", f"0 to {LONGEST_SHIFT}"
        case SharedShiftSum(shift=shift, low=low, high=high):
            if not 0 <= shift <= LONGEST_SHIFT:
                yield f"shift={shift}", f"0 to {LONGEST_SHIFT}"
            yield from _bounds(low, high)
        case RationalSum(denominator=denominator, low=low, high=high):
            if denominator < 1:
                yield f"denominator={denominator}", "1 or more"
            yield from _bounds(low, high)
        case FusedMultiplyAddSum(low=low, high=high):
            yield from _bounds(low, high)
        case DequantizedPair(low=low, high=high):
            yield from _positive("left_scale", arithmetic.left_scale)
            yield from _positive("right_scale", arithmetic.right_scale)
            yield from _positive("output_scale", arithmetic.output_scale)
            yield from _bounds(low, high)
        case _:
            assert_never(arithmetic)


def _softmax(algorithm: fixed.SoftmaxAlgorithm) -> Iterator[Problem]:
    yield from _bounds(algorithm.low, algorithm.high)
    match algorithm:
        case fixed.FixedPointSoftmax(multiplier=multiplier, left_shift=left_shift):
            if algorithm.result_bits not in (8, 16):
                yield f"result_bits={algorithm.result_bits}", "8 or 16"
            if not IntType(32, signed=True).contains(multiplier):
                yield f"multiplier={multiplier}", "32 bits"
            if not 0 <= left_shift <= 31:
                yield f"left_shift={left_shift}", "0 to 31"
        case fixed.IntegerTableSoftmax(table=table, denominator=denominator):
            # The largest element of a row has d = 0, so table[0] keeps every sum above 0.
            if not table or table[0] < 1 or min(table) < 0:
                yield "a table with a sum of 0 or below", "table[0] above 0, no entry below 0"
            if denominator < 1:
                yield f"denominator={denominator}", "1 or more"
        case fixed.Float32TableSoftmax(table=table, factor=factor):
            if not table or not _is_positive(table[0]) or any(each.negative for each in table):
                yield "a table with a sum of 0 or below", "table[0] above 0, no entry below 0"
            yield from _positive("factor", factor)
        case _:
            assert_never(algorithm)


def _bounds(low: int, high: int) -> Iterator[Problem]:
    if low > high:
        yield f"bounds {low} to {high}", "the low bound at or below the high one"


def _positive(what: str, scale: Float32) -> Iterator[Problem]:
    if not _is_positive(scale):
        yield f"{what}={scale}", "a positive number"


def _is_positive(number: Float32) -> bool:
    return not number.negative and number.bits != 0


RULES: tuple[Rule, ...] = (parameters_make_sense,)
