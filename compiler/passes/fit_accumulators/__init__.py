# SPDX-License-Identifier: Apache-2.0
"""Change weights so that no sum of a layer can leave a narrow accumulator, in whatever order.

On the scaled graph: the integer codes of weights and biases, with their scales.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from math import log10
from typing import assert_never

import numpy as np

from intaglio.compiler.ir import scaled
from intaglio.compiler.ir.builder import Builder
from intaglio.compiler.ir.graph import Constant, Graph, Node
from intaglio.compiler.ir.types import FloatType, Quantization, TensorType
from intaglio.compiler.passes.editing import only_reader, opened
from intaglio.compiler.passes.fit_accumulators.channels import (
    Channels,
    FitMethod,
    FittedChannels,
    OperandMeans,
    fit_channels,
    places,
)
from intaglio.errors import UnsupportedModel
from intaglio.numerics import float32
from intaglio.numerics.float32 import Float32
from intaglio.numerics.integers import IntegerArray, IntType
from intaglio.numerics.intervals import Interval

__all__ = ["ChannelMeans", "FitMethod", "FittedLayer", "fit_accumulators"]

Summing = scaled.Conv2d | scaled.ConvTranspose2d | scaled.FullyConnected


@dataclass(frozen=True, slots=True)
class ChannelMeans:
    """What was seen of a value: exact sums of its codes.

    Attributes:
        sums: of each channel, the last axis.
        count: how many elements each sum has.
    """

    sums: tuple[int, ...]
    count: int


@dataclass(frozen=True, slots=True)
class FittedLayer:
    """What became of one layer's weights.

    Attributes:
        name: the layer's value.
        source: the node of the user's model.
        channels: how many output channels it has.
        changed_channels: those whose weights or scale are new.
        scaled_channels: those whose scale is new.
        weights: how many weights it has.
        changed_weights: those whose code is new.
        l1_before: the largest sum of magnitudes of a channel's codes, zero points subtracted.
        l1_after: the same of the new codes.
        signal: the exact sum of squares of the real weights.
        noise: that of what they changed by.
    """

    name: str
    source: str
    channels: int
    changed_channels: int
    scaled_channels: int
    weights: int
    changed_weights: int
    l1_before: int
    l1_after: int
    signal: Fraction
    noise: Fraction

    @property
    def sqnr(self) -> float | None:
        """Signal over noise of the weights in dB; None where nothing changed."""
        return 10 * log10(self.signal / self.noise) if self.noise and self.signal else None


def fit_accumulators(
    graph: Graph,
    bits: int,
    operands: Mapping[str, Interval] | None = None,
    method: FitMethod = FitMethod.AUTO,
    means: Mapping[str, ChannelMeans] | None = None,
) -> tuple[Graph, tuple[FittedLayer, ...]]:
    """The graph with weights that no input can take out of accumulators of ``bits`` bits.

    It changes what the graph computes.  For every convolution and fully connected layer with
    constant weights, every sum of a subset of the products, with the bias or without, fits: whether
    the machine subtracts the operand's zero point from the codes or has it in the bias.  Channels
    that fit as they are stay as they are.  Weights with one scale for the whole tensor keep it.

    Args:
        graph: a scaled graph.
        bits: width of the signed accumulator.
        operands: the codes that a layer's operand can hold, by the layer's name, where less than
            its type is known; padding is added.
        method: how.
        means: of each layer's operand, by the layer's name: with them biases of changed channels
            make up for the mean shift of their sums.

    Raises:
        UnsupportedModel: no weights would do for some channels, whose bias alone needs more bits;
            each layer is named with its worst channel and the least width.
    """
    word = IntType(bits, signed=True)
    builder = opened(graph)
    layers: list[FittedLayer] = []
    problems: list[str] = []
    for node in graph.nodes:
        op = node.op
        if not isinstance(op, Summing):
            continue
        weights = graph.constant(node.operands[1])
        if weights is None:
            continue
        layer = _channels(graph, node, op, weights, (operands or {}).get(node.name))
        seen = (means or {}).get(node.name)
        if seen is not None and len(node.operands) > 2:
            layer = replace(layer, means=_spread(op, weights, layer, seen))
        per_tensor = len(weights.type.scaled.scales) == 1
        fitted, none = fit_channels(layer, word, FitMethod.ROUND if per_tensor else method)
        if len(none):
            problems.append(_problem(node, layer, none, bits))
            continue
        if len(fitted.rows):
            _replace(graph, builder, node, op, weights, fitted)
        layers.append(_summary(node, layer, fitted))
    if problems:
        raise UnsupportedModel(
            graph.name,
            problems,
            "Ask for more bits; or let scales grow, for which weights need one for each channel",
        )
    return builder.finish_like(graph, graph.outputs), tuple(layers)


def _channels(
    graph: Graph, node: Node, op: Summing, weights: Constant, reached: Interval | None
) -> Channels:
    type = graph.type_of(node.operands[0])
    quantization = weights.type.scaled
    rows = _rows(op, weights.array.astype(np.int64))
    zeros = np.array(quantization.zero_points, np.int64).reshape(-1, 1)
    scales = quantization.scales * (len(rows) // len(quantization.scales))
    zero_point = type.scaled.zero_point
    x = reached or type.integer.interval
    biases, rounded = _biases(graph, node, type.scaled.scale, scales)
    return Channels(rows - zeros, scales, biases, rounded, x, zero_point)


def _spread(
    op: Summing, weights: Constant, layer: Channels, seen: ChannelMeans
) -> OperandMeans | None:
    """What each weight is multiplied by; padding is taken for what is inside the plane.

    A transposed convolution has no such mean: which taps meet differs between positions.
    """
    centred = np.array(seen.sums, np.int64) - seen.count * layer.zero_point
    match op:
        case scaled.FullyConnected():
            sums = np.broadcast_to(centred, layer.codes.shape)
        case scaled.Conv2d():
            outputs, rows, columns, depth = weights.type.shape
            starts: IntegerArray = np.arange(outputs) // (outputs // op.groups) * depth
            by_channel = centred[starts[:, np.newaxis] + np.arange(depth)]
            sums = np.tile(by_channel, (1, rows * columns))
        case scaled.ConvTranspose2d():
            return None
        case _:
            assert_never(op)
    return OperandMeans(sums, seen.count)


def _rows(op: Summing, array: IntegerArray) -> IntegerArray:
    """``[channels, weights]``."""
    if isinstance(op, scaled.FullyConnected):
        return np.ascontiguousarray(array.T)
    return array.reshape(array.shape[0], -1)


def _biases(
    graph: Graph, node: Node, x: Float32, scales: tuple[Float32, ...]
) -> tuple[tuple[Fraction, ...], bool]:
    """In units of the products, and whether they are codes."""
    if len(node.operands) < 3:
        return (Fraction(0),) * len(scales), True
    bias = graph.definitions[node.operands[2]]
    assert isinstance(bias, Constant)
    if not isinstance(bias.type.element, FloatType):
        return tuple(Fraction(int(code)) for code in bias.array), True
    units = [x.fraction * scale.fraction for scale in scales]
    reals = [Fraction(float(value)) for value in bias.array]
    return tuple(real / unit for real, unit in zip(reals, units, strict=True)), False


def _replace(
    graph: Graph,
    builder: Builder,
    node: Node,
    op: Summing,
    weights: Constant,
    fitted: FittedChannels,
) -> None:
    old = weights.type.scaled
    rows = _rows(op, weights.array.astype(np.int64)).copy()
    zeros = np.array(old.zero_points * (len(rows) // len(old.zero_points)), np.int64)
    changed = places(fitted.rows)
    rows[changed] = fitted.codes + zeros[changed, np.newaxis]
    array = rows.T if isinstance(op, scaled.FullyConnected) else rows.reshape(weights.array.shape)
    scales = list(old.scales * (len(rows) // len(old.scales)))
    for row, scale in zip(fitted.rows, fitted.scales, strict=True):
        scales[row] = scale
    quantization = old if len(old.scales) == 1 else replace(old, scales=tuple(scales))
    names = [node.operands[0], _put(graph, builder, weights, quantization, array)]
    if len(node.operands) > 2:
        bias = graph.definitions[node.operands[2]]
        assert isinstance(bias, Constant)
        names.append(_put_bias(graph, builder, node, bias, quantization, fitted))
    builder.definitions[node.name] = replace(node, operands=tuple(names))


def _put(
    graph: Graph,
    builder: Builder,
    old: Constant,
    quantization: Quantization,
    array: IntegerArray,
) -> str:
    """The constant's new elements, under its name where no other node reads that."""
    alone = only_reader(graph, old.name)
    name = old.name if alone else builder.unique(old.name)
    type = TensorType(old.type.element, old.type.shape, quantization)
    builder.definitions[name] = Constant(name, type, array, old.source)
    return name


def _put_bias(
    graph: Graph,
    builder: Builder,
    node: Node,
    bias: Constant,
    weights: Quantization,
    fitted: FittedChannels,
) -> str:
    if isinstance(bias.type.element, FloatType):
        return bias.name
    codes = bias.array.astype(np.int64)
    codes[places(fitted.rows)] = fitted.biases
    old, x = bias.type.scaled, graph.type_of(node.operands[0]).scaled.scale
    if len(old.scales) == 1 and len(weights.scales) == 1:
        return _put(graph, builder, bias, old, codes)
    scales = list(old.scales * (len(codes) // len(old.scales)))
    for row in fitted.rows:
        scales[row] = float32.multiply(x, weights.scales[row])
    zero_points = old.zero_points
    quantization = Quantization(tuple(scales), zero_points, axis=0)
    return _put(graph, builder, bias, quantization, codes)


def _problem(node: Node, layer: Channels, none: Sequence[int], bits: int) -> str:
    bias = layer.bias([Fraction(1)] * len(layer.biases))
    needed = [
        (Interval(int(bias.low[row]), int(bias.high[row])) | Interval(0, 0)).signed_bits
        for row in none
    ]
    worst = max(range(len(none)), key=needed.__getitem__)
    return (
        f"{node.source or node.name}: the bias of channel {none[worst]} alone needs "
        f"{needed[worst]} bits, expected at most {bits}; {needed[worst]} is the least width "
        f"that its weights could be made to fit"
    )


def _summary(node: Node, layer: Channels, fitted: FittedChannels) -> FittedLayer:
    codes = layer.codes.copy()
    codes[places(fitted.rows)] = fitted.codes
    noise, signal = Fraction(0), Fraction(0)
    for row, scale in enumerate(layer.scales):
        squares = int((layer.codes[row] * layer.codes[row]).sum())
        signal += squares * scale.fraction**2
    for at, row in enumerate(fitted.rows):
        s, t = layer.scales[row].fraction, fitted.scales[at].fraction
        old, new = layer.codes[row], codes[row]
        a, b, c = (int((x * y).sum()) for x, y in ((old, old), (old, new), (new, new)))
        noise += a * s * s - 2 * b * s * t + c * t * t
    return FittedLayer(
        name=node.name,
        source=node.source,
        channels=len(codes),
        changed_channels=len(fitted.rows),
        scaled_channels=sum(
            scale != layer.scales[row]
            for row, scale in zip(fitted.rows, fitted.scales, strict=True)
        ),
        weights=codes.size,
        changed_weights=int(np.count_nonzero(codes != layer.codes)),
        l1_before=_largest_l1(layer.codes),
        l1_after=_largest_l1(codes),
        signal=signal,
        noise=noise,
    )


def _largest_l1(codes: IntegerArray) -> int:
    return int(np.abs(codes).sum(axis=1).max(initial=0))
