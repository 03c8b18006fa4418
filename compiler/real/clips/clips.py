# SPDX-License-Identifier: Apache-2.0
"""Clips, and the Min and Max with a constant that say the same channel by channel."""

from dataclasses import dataclass
from math import inf

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from intaglio.compiler.real.editing import constant, float_constant, input_at

Reals = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Cap:
    """A Min or Max of one computed value and one constant: y = min(x, bound) or max(x, bound).

    Attributes:
        source: the input that holds the computed value.
        index: the input that holds the constant.
        bound: the constant, of any shape that broadcasts to the value's.
    """

    source: ir.Value
    index: int
    bound: Reals

    def by_channel(self, value: ir.Value) -> Reals | None:
        """``[C]``: the bound of each channel of ``value`` (axis 1), None if it varies otherwise."""
        count = channels_of(value)
        rank = 0 if value.shape is None else len(value.shape)
        if count is None or self.bound.ndim > rank:
            return None
        padded = self.bound.reshape((1,) * (rank - self.bound.ndim) + self.bound.shape)
        if padded.size not in (1, count) or padded.shape[1] != padded.size:
            return None
        return np.broadcast_to(padded.reshape(-1), (count,))


def clips_of(graph: ir.Graph) -> list[ir.Node]:
    """The Clips of a graph, held so that they may be replaced on the way."""
    return [node for node in graph if node.domain == "" and node.op_type == "Clip"]


def clip_bounds(clip: ir.Node) -> tuple[float, float]:
    """Where a Clip with stored bounds begins and ends; infinite where it doesn't."""
    low, high = constant(input_at(clip, 1)), constant(input_at(clip, 2))
    return (
        -inf if low is None else float(low.item()),
        inf if high is None else float(high.item()),
    )


def read_cap(node: ir.Node) -> Cap | None:
    """The parts of a Min or Max with a constant, None for all other nodes."""
    if node.domain != "" or node.op_type not in ("Min", "Max") or len(node.inputs) != 2:
        return None
    for index, source in ((1, node.inputs[0]), (0, node.inputs[1])):
        bound = float_constant(node.inputs[index])
        if bound is not None and source is not None and constant(source) is None:
            return Cap(source, index, bound)
    return None


def channels_of(value: ir.Value | None) -> int | None:
    """How many channels a value has along axis 1, None if it has none or their number is open."""
    if value is None or value.shape is None or len(value.shape) < 2:
        return None
    count = value.shape[1]
    return count if isinstance(count, int) else None


def along_channels(vector: Reals, rank: int) -> Reals:
    """``[C]`` as ``[1, C, 1, ...]``, which broadcasts over a value of that rank."""
    return vector.reshape(1, -1, *[1] * (rank - 2))
