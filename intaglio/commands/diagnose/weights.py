# SPDX-License-Identifier: Apache-2.0
"""Weights beside their codes: what each channel uses of them, and how wide channels are."""

from dataclasses import dataclass

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from intaglio.commands.diagnose.quantized_network import StoredOperand
from intaglio.compiler.real.editing import float_constant, name_of
from intaglio.compiler.real.roles import weight_axis, weight_input

Reals = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class WeightUse:
    """How much of the codes the weights use: max |code - zero point| / the most there is.

    Attributes:
        channels_median: of each output channel alone, the median of them.
        channels_least: likewise the least.
        empty: how many channels have no code but that of zero.
        channels: how many there are.
    """

    channels_median: float
    channels_least: float
    empty: int
    channels: int


def weight_use(operand: StoredOperand) -> WeightUse:
    """What the channels of one constant use; one without channels counts as one channel."""
    parameters, codes = operand.parameters, operand.codes
    shape = [1] * codes.ndim
    if parameters.axis is not None:
        shape[parameters.axis] = len(parameters.zero_points)
    zero = np.array(parameters.zero_points).reshape(shape)
    encoding = parameters.encoding
    # Signed codes around zero mostly leave the lowest one out, so it doesn't count as missing.
    below = np.where(encoding.signed & (zero == 0), encoding.maximum, zero - encoding.minimum)
    most = np.maximum(encoding.maximum - zero, below)
    used = by_channel(np.abs(codes - zero) / most, operand.channel_axis)
    return WeightUse(
        channels_median=min(1.0, float(np.median(used))),
        channels_least=min(1.0, float(used.min())),
        empty=int(np.count_nonzero(used == 0)),
        channels=used.size,
    )


def by_channel(magnitudes: Reals, axis: int | None) -> Reals:
    """The largest number of each index of ``axis``."""
    if axis is None or magnitudes.ndim == 0:
        return np.array([magnitudes.max(initial=0.0)])
    others = tuple(i for i in range(magnitudes.ndim) if i != axis)
    largest: Reals = magnitudes.max(axis=others, initial=0.0)
    return largest


@dataclass(frozen=True, slots=True, eq=False)
class LayerRanges:
    """max |weight| of each output channel of one layer.

    Attributes:
        output: the value that the layer computes.
        node: the layer's name.
        before: in the network as it was given.
        after: in the network that was quantized; None if it has no such layer.
    """

    output: str
    node: str
    before: Reals
    after: Reals | None

    @property
    def changed(self) -> bool:
        """Whether a recipe gave the channels other ranges."""
        return self.after is None or not np.array_equal(self.before, self.after)


def weight_ranges(before: ir.Model, after: ir.Model) -> tuple[LayerRanges, ...]:
    """The channels of every layer with constant weights, of two normalized float networks."""
    rewritten = {node.outputs[0].name: node for node in after.graph}
    found: list[LayerRanges] = []
    for node in before.graph:
        ranges = _ranges(node)
        if ranges is not None:
            output = node.outputs[0].name or ""
            twin = rewritten.get(output)
            found.append(
                LayerRanges(output, name_of(node), ranges, None if twin is None else _ranges(twin))
            )
    return tuple(found)


def _ranges(node: ir.Node) -> Reals | None:
    weights = weight_input(node)
    if weights is None:
        return None
    index, value = weights
    array = float_constant(value)
    if array is None or not array.size:
        return None
    return by_channel(np.abs(array), weight_axis(node, index, array.ndim))


def channel_maxima(operand: StoredOperand) -> Reals:
    """The largest |number that a code stands for| of each output channel."""
    return by_channel(np.abs(operand.reals), operand.channel_axis)
