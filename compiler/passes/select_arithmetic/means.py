# SPDX-License-Identifier: Apache-2.0
"""Average pools, means and sums."""

from dataclasses import dataclass, replace
from math import prod
from typing import assert_never

from intaglio.compiler.ir import fixed, scaled
from intaglio.compiler.ir.graph import Node
from intaglio.compiler.ir.types import Quantization
from intaglio.compiler.passes.select_arithmetic.bounds import code_bounds, cuts_codes
from intaglio.compiler.passes.select_arithmetic.rescaling import (
    Bounds,
    full_bounds,
    rescale_codes,
)
from intaglio.compiler.passes.select_arithmetic.state import Lowering, RequantizerRequest
from intaglio.numerics.accumulator import Accumulator, Overflow
from intaglio.numerics.integers import INT32, IntType
from intaglio.numerics.intervals import Interval
from intaglio.numerics.multipliers import tosa_reciprocal
from intaglio.numerics.profile import MeanRule
from intaglio.numerics.profile.derive import (
    fixed_point_mean,
    float32_mean_factor,
    float32_mean_with_zero_point,
    float32_raw_sum,
    joined_zero_point_mean,
    real_multiplier,
)
from intaglio.numerics.profile.methods import (
    FixedPointMean,
    Float32Mean,
    Float32MeanZeroPointInside,
    Float32PoolMean,
    Float32RawSum,
    JoinedZeroPointMean,
    PlaneReciprocalMean,
    RawCodeMean,
    ReciprocalMean,
    RescaledMean,
)
from intaglio.numerics.profile.places import place_of
from intaglio.numerics.profile.schemes import DoubleRoundingScheme, Lanes, Rescale
from intaglio.numerics.requantizers import Requantizer
from intaglio.numerics.scalings import (
    DoubleRounding,
    Float32Multiply,
    Float32MultiplyAdd,
    MultiplyStep,
    RationalMultiply,
    Scaling,
    ShiftStep,
    Stages,
    Step,
)


@dataclass(frozen=True, slots=True)
class _Mean:
    """Operand and result of one node."""

    node: Node
    source: Quantization
    source_element: IntType
    target: Quantization
    element: IntType
    bounds: Bounds


def _mean(state: Lowering, node: Node, activation: scaled.Clip) -> _Mean:
    source, source_element = state.activation(node, node.operands[0])
    target, element = state.result(node)
    bounds = code_bounds(state.profile.bound, activation, target, element)
    return _Mean(node, source, source_element, target, element, bounds)


def _rule(state: Lowering, mean: _Mean, kind: str, activation: scaled.Clip) -> MeanRule:
    return state.profile.first(
        state.profile.mean,
        kind,
        mean.source_element,
        mean.element,
        clipped=cuts_codes(activation, mean.target, mean.element),
    )


def lower_average_pool(state: Lowering, node: Node, op: scaled.AveragePool2d) -> str:
    """A window's mean; padding that counts becomes explicit, so that every term is a code."""
    mean = _mean(state, node, op.activation)
    name = state.operand(node.operands[0])
    pads = op.pads
    if op.count_padding and any(pads):
        name = _padded(state, mean, name, pads)
        pads = (0, 0, 0, 0)
    kind = "average_pool2d"
    rule = _rule(state, mean, kind, op.activation)
    count = prod(op.kernel)
    if not isinstance(rule.method, Float32PoolMean):
        zero_point = 0 if isinstance(rule.method, RawCodeMean) else mean.source.zero_point
        codes = mean.source_element.interval - Interval(zero_point, zero_point)
        _require_held(state, mean, rule, codes.scale_by(count))

    def pool(arithmetic: fixed.PoolArithmetic, element: IntType, suffix: str = "") -> str:
        chosen = fixed.AveragePool2d(arithmetic, op.kernel, op.strides, pads)
        return state.emit(node, chosen, [name], element, suffix=suffix)

    arithmetic: fixed.PoolArithmetic
    match rule.method:
        case RescaledMean():
            by_count = _by_count(state, mean, rule.method.rescale, count)
            arithmetic = fixed.RequantizedSum(mean.source.zero_point, by_count)
            return _clamped(state, mean, pool(arithmetic, mean.element))
        case RawCodeMean():
            word = mean.source_element
            raw = tuple(
                Requantizer(
                    RationalMultiply(1, n, rule.method.rounding), 0, word.minimum, word.maximum
                )
                for n in range(1, count + 1)
            )
            averaged = pool(fixed.RequantizedSum(0, raw), word, "mean")
            return rescale_codes(state, node, averaged, mean.source, mean.target, mean.bounds)
        case PlaneReciprocalMean():
            arithmetic = _by_plane(mean, rule.method, op.kernel)
            averaged = pool(arithmetic, mean.source_element, "mean")
            return rescale_codes(state, node, averaged, mean.source, mean.target, mean.bounds)
        case Float32PoolMean() if _is_whole_plane(state, node, op):
            arithmetic = fixed.RequantizedSum(mean.source.zero_point, _float32_means(mean, count))
            return _clamped(state, mean, pool(arithmetic, mean.element))
        case ReciprocalMean():
            if mean.source.scale == mean.target.scale:
                arithmetic = _by_reciprocals(state, mean, count, mean.target, mean.element)
                return _clamped(state, mean, pool(arithmetic, mean.element))
            arithmetic = _by_reciprocals(state, mean, count, mean.source, mean.source_element)
            averaged = pool(arithmetic, mean.source_element, "mean")
            return rescale_codes(state, node, averaged, mean.source, mean.target, mean.bounds)
        case Float32PoolMean():
            low, high = full_bounds(mean.element)[0]
            arithmetic = fixed.Float32Average(
                mean.source.scale,
                mean.source.zero_point,
                mean.target.scale,
                mean.target.zero_point,
                low,
                high,
            )
            return _clamped(state, mean, pool(arithmetic, mean.element))
        case (
            FixedPointMean()
            | JoinedZeroPointMean()
            | Float32Mean()
            | Float32MeanZeroPointInside()
            | Float32RawSum()
        ):
            raise state.refusal(
                node, "a profile rule for means over axes", "a rule for average_pool2d"
            )
        case _:
            assert_never(rule.method)


def _is_whole_plane(state: Lowering, node: Node, op: scaled.AveragePool2d) -> bool:
    """Whether one window without padding covers the plane: a global average by another name."""
    _, rows, columns, _ = state.source.type_of(node.operands[0]).shape
    return op.kernel == (rows, columns) and not any(op.pads)


def _float32_means(mean: _Mean, count: int) -> tuple[Requantizer, ...]:
    """By count, the requantizer of ``Float32Mean``."""
    low, high = full_bounds(mean.element)[0]
    zero_point = mean.target.zero_point
    factors = (
        float32_mean_factor(mean.source.scale, mean.target.scale, n) for n in range(1, count + 1)
    )
    return tuple(Requantizer(Float32Multiply(factor), zero_point, low, high) for factor in factors)


def _by_reciprocals(
    state: Lowering, mean: _Mean, count: int, target: Quantization, element: IntType
) -> fixed.RequantizedSum:
    """The mean in the operand's own scale, which is that of ``target`` too."""
    zero_point, word = mean.source.zero_point, mean.source_element
    total = (word.interval - Interval(zero_point, zero_point)).scale_by(count)
    if not INT32.interval.contains(total):
        raise state.refusal(mean.node, f"sums within {total}", "a window whose sums fit 32 bits")
    by_count = tuple(
        Requantizer(tosa_reciprocal(n), target.zero_point, element.minimum, element.maximum)
        for n in range(1, count + 1)
    )
    return fixed.RequantizedSum(zero_point, by_count)


def _by_plane(
    mean: _Mean, method: PlaneReciprocalMean, kernel: tuple[int, int]
) -> fixed.RequantizedSum:
    """The mean in the operand's own scale, by a reciprocal for each side of a whole window."""
    word, zero_point, count = mean.source_element, mean.source.zero_point, prod(kernel)

    def steps(divisor: int) -> tuple[Step, ...]:
        reciprocal = (1 << method.fraction_bits) // divisor
        return MultiplyStep(reciprocal), ShiftStep(method.fraction_bits, method.rounding)

    height, width = kernel
    by_count = [Stages(steps(n)) for n in range(1, count)]
    by_count.append(Stages((*steps(width), *steps(height))))
    return fixed.RequantizedSum(
        zero_point,
        tuple(Requantizer(each, zero_point, word.minimum, word.maximum) for each in by_count),
    )


def _padded(state: Lowering, mean: _Mean, name: str, pads: tuple[int, int, int, int]) -> str:
    top, left, bottom, right = pads
    n, h, w, c = state.builder.type_of(name).shape
    op = fixed.Pad((0, top, left, 0), (0, bottom, right, 0), value=mean.source.zero_point)
    shape = (n, h + top + bottom, w + left + right, c)
    return state.emit(mean.node, op, [name], mean.source_element, shape, "padded")


def _clamped(state: Lowering, mean: _Mean, name: str) -> str:
    if mean.bounds == full_bounds(mean.element):
        return name
    op = fixed.Clamp(tuple(low for low, _ in mean.bounds), tuple(high for _, high in mean.bounds))
    return state.emit(mean.node, op, [name], mean.element, suffix="clamped")


def _by_count(
    state: Lowering, mean: _Mean, rescale: Rescale, count: int
) -> tuple[Requantizer, ...]:
    zero = Interval(mean.source.zero_point, mean.source.zero_point)
    total = (mean.source_element.interval - zero).scale_by(count)
    wanted = [_mean_request(mean, rescale, n, total) for n in range(1, count + 1)]
    return state.requantizers(mean.node, wanted, mean.element)


def _mean_request(mean: _Mean, rescale: Rescale, count: int, total: Interval) -> RequantizerRequest:
    real = real_multiplier(rescale.product, mean.source.scale, mean.target.scale) / count
    bounds = full_bounds(mean.element)[0]
    return RequantizerRequest(rescale.scheme, real, total, mean.target.zero_point, bounds)


def lower_reduce_mean(state: Lowering, node: Node, op: scaled.ReduceMean) -> str:
    """A sum over axes, then a requantizer that divides by their extent as well."""
    return _reduce(state, node, op, _kind(state, node, op))


def lower_reduce_sum(state: Lowering, node: Node, op: scaled.ReduceSum) -> str:
    """A mean that is divided by 1."""
    return _reduce(state, node, op, "reduce_sum")


def _reduce(
    state: Lowering, node: Node, op: scaled.ReduceMean | scaled.ReduceSum, kind: str
) -> str:
    mean = _mean(state, node, op.activation)
    rule = _rule(state, mean, kind, op.activation)
    shape = state.source.type_of(node.operands[0]).shape
    count = prod(shape[axis] for axis in op.axes)
    divisor = 1 if isinstance(op, scaled.ReduceSum) else count
    zero_point, requantizer = _reduction(state, mean, rule, count, divisor)
    word = IntType(rule.accumulator_bits, signed=True)
    total = (mean.source_element.interval - Interval(zero_point, zero_point)).scale_by(count)
    if rule.overflow is None:
        _require_held(state, mean, rule, total)
    accumulator = Accumulator(word, rule.overflow or Overflow.WRAP)
    summed = state.emit(
        node,
        fixed.ReduceSum(accumulator, op.axes, op.keep_dimensions, zero_point),
        [state.operand(node.operands[0])],
        accumulator.type,
        suffix="accumulator",
    )
    requantizers = tuple(
        Requantizer(requantizer.scaling, requantizer.zero_point, low, high)
        for low, high in mean.bounds
    )
    if isinstance(rule.method, JoinedZeroPointMean) and rule.method.lanes is not None:
        requantizers = _by_lanes(node, requantizers, rule.method.lanes)
    return state.emit(node, fixed.Requantize(requantizers), [summed], mean.element)


def _require_held(state: Lowering, mean: _Mean, rule: MeanRule, total: Interval) -> None:
    """Refuse sums that some codes take out of the accumulator."""
    if total.signed_bits > rule.accumulator_bits:
        raise state.refusal(
            mean.node,
            f"sums within {total}, and {place_of(state.profile, rule)}.accumulator_bits is "
            f"{rule.accumulator_bits}",
            f"{total.signed_bits}, an overflow rule, fewer elements or narrower codes",
        )


def _kind(state: Lowering, node: Node, op: scaled.ReduceMean) -> str:
    if op.global_pool:
        return "global_average_pool"
    rank = len(state.source.type_of(node.operands[0]).shape)
    plane = rank == 4 and set(op.axes) == {1, 2} and op.keep_dimensions
    return "plane_mean" if plane else "reduce_mean"


def _by_lanes(
    node: Node, requantizers: tuple[Requantizer, ...], lanes: Lanes
) -> tuple[Requantizer, ...]:
    """One requantizer a channel; those behind the last whole vector round otherwise."""
    channels = node.type.shape[-1]
    found: list[Requantizer] = []
    for channel in range(channels):
        requantizer = requantizers[channel if len(requantizers) > 1 else 0]
        scaling = requantizer.scaling
        assert isinstance(scaling, DoubleRounding)
        scheme = lanes.scheme_of(channel, channels, DoubleRoundingScheme(scaling.ties))
        assert isinstance(scheme, DoubleRoundingScheme)
        found.append(replace(requantizer, scaling=replace(scaling, ties=scheme.ties)))
    return tuple(found)


def _reduction(
    state: Lowering, mean: _Mean, rule: MeanRule, count: int, divisor: int
) -> tuple[int, Requantizer]:
    """The zero point that the sum subtracts, and the requantizer (its bounds are the type's)."""
    low, high = full_bounds(mean.element)[0]
    source, target = mean.source, mean.target

    def requantizer(chosen: Scaling, zero_point: int = target.zero_point) -> Requantizer:
        return Requantizer(chosen, zero_point, low, high)

    match rule.method:
        case RescaledMean():
            zero = Interval(source.zero_point, source.zero_point)
            total = (mean.source_element.interval - zero).scale_by(count)
            if rule.overflow is not None:
                total = IntType(rule.accumulator_bits, signed=True).interval
            wanted = _mean_request(mean, rule.method.rescale, divisor, total)
            return source.zero_point, state.requantizers(mean.node, [wanted], mean.element)[0]
        case FixedPointMean():
            return source.zero_point, requantizer(
                fixed_point_mean(source.scale, target.scale, divisor)
            )
        case JoinedZeroPointMean():
            chosen, zero_point = joined_zero_point_mean(
                source.scale, source.zero_point, target.scale, target.zero_point, count
            )
            return 0, requantizer(replace(chosen, ties=rule.method.ties), zero_point)
        case Float32Mean():
            factor = float32_mean_factor(source.scale, target.scale, divisor)
            return source.zero_point, requantizer(Float32Multiply(factor))
        case Float32MeanZeroPointInside():
            factor, addend = float32_mean_with_zero_point(
                source.scale,
                source.zero_point,
                target.scale,
                target.zero_point,
                count,
                divisor,
            )
            return 0, requantizer(Float32MultiplyAdd(factor, addend), 0)
        case Float32RawSum() if divisor == 1:
            return 0, requantizer(
                float32_raw_sum(source.scale, source.zero_point, target.scale, count)
            )
        case Float32RawSum():
            raise state.refusal(mean.node, "a profile rule for sums", "a rule for means over axes")
        case RawCodeMean() | ReciprocalMean() | PlaneReciprocalMean() | Float32PoolMean():
            raise state.refusal(
                mean.node, "a profile rule for pooling windows", "a rule for means over axes"
            )
        case _:
            assert_never(rule.method)
