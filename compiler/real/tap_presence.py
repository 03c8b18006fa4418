# SPDX-License-Identifier: Apache-2.0
"""How often each tap of a kernel meets data instead of padding."""

from functools import reduce

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

Reals = NDArray[np.float64]


def tap_presence(node: ir.Node, kernel: tuple[int, ...]) -> Reals:
    """The share of output positions at which each tap reads the input, ``[*kernel]``.

    With tap k of an axis of N inputs and M outputs, stride s, dilation d and begin padding p:

    - Conv: the share of outputs o with 0 <= o s - p + k d < N;
    - ConvTranspose: the number of inputs i with 0 <= i s - p + k d < M, by M (below 1 even without
      padding where s > 1: an output lies under some of the taps only).

    Shares of several axes multiply. An axis whose extents aren't static counts as endless: 1 for a
    Conv, 1 / s for a ConvTranspose. The mean over all positions of what the taps read is then
    presence * E[x].

    Args:
        node: a Conv, ConvTranspose or Gemm, its padding made explicit.
        kernel: taps along each spatial axis; empty for a Gemm.
    """
    axes = [_along(node, axis, taps) for axis, taps in enumerate(kernel)]
    return reduce(np.multiply.outer, axes, np.array(1.0))


def _along(node: ir.Node, axis: int, taps: int) -> Reals:
    stride, dilation = _number(node, "strides", axis, 1), _number(node, "dilations", axis, 1)
    source, result = (_extent(value, axis) for value in (node.inputs[0], node.outputs[0]))
    transposed = node.op_type == "ConvTranspose"
    if source is None or result is None:
        return np.full(taps, 1.0 / stride if transposed else 1.0)
    steps, within = (source, result) if transposed else (result, source)
    starts = np.arange(steps)[:, None] * stride - _number(node, "pads", axis, 0)
    reached = starts + np.arange(taps) * dilation
    counts: Reals = ((reached >= 0) & (reached < within)).sum(axis=0) / max(result, 1)
    return counts


def _number(node: ir.Node, name: str, axis: int, default: int) -> int:
    numbers = node.attributes.get_ints(name, ())
    return numbers[axis] if axis < len(numbers) else default


def _extent(value: ir.Value | None, axis: int) -> int | None:
    shape = None if value is None else value.shape
    if shape is None or len(shape) <= axis + 2:
        return None
    extent = shape[axis + 2]
    return extent if isinstance(extent, int) else None
