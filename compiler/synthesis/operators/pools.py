# SPDX-License-Identifier: Apache-2.0
"""Maxima and means of windows of one to three spatial axes."""

from collections.abc import Callable, Sequence
from functools import partial
from math import prod

import numpy as np
import onnx_ir as ir
import torch
from numpy.typing import NDArray
from torch.nn import functional

from intaglio.compiler.real.editing import int_attribute
from intaglio.compiler.synthesis.operators.operation import Builder, Operation, Refusal, operand
from intaglio.compiler.synthesis.operators.windows import Pads, Windows, read_windows

_Function = Callable[..., torch.Tensor]
_MAXIMA: tuple[_Function, ...] = (
    functional.max_pool1d,
    functional.max_pool2d,
    functional.max_pool3d,
)
_MEANS: tuple[_Function, ...] = (
    functional.avg_pool1d,
    functional.avg_pool2d,
    functional.avg_pool3d,
)
_CONVOLUTIONS: tuple[_Function, ...] = (functional.conv1d, functional.conv2d, functional.conv3d)


def max_pool(node: ir.Node) -> Operation:
    """The maximum of each window; padding never wins.  Source: ONNX operator MaxPool-12."""
    if len(node.outputs) > 1:
        raise Refusal("it returns indices")
    windows = _read(node)
    function = partial(_max_pool, function=_MAXIMA[len(windows.kernel) - 1], windows=windows)
    return Operation(function, (operand(node, 0),))


def _max_pool(x: torch.Tensor, function: _Function, windows: Windows) -> torch.Tensor:
    pads = _reached(windows, x.shape[2:])
    # PyTorch pads by at most half a kernel.
    own = pads.even and all(2 * p <= k for p, k in zip(pads.begins, windows.kernel, strict=True))
    if not own:
        x = pads.apply(x, -torch.inf)
    padding = pads.begins if own else 0
    return function(x, windows.kernel, windows.strides, padding, windows.dilations)


def average_pool(node: ir.Node) -> Operation:
    """The sum of each window over the number of its elements.

    Padding counts if ``count_include_pad`` says so; what a last window reaches beyond the padding
    never does.

    Source: ONNX operator AveragePool-19.
    """
    windows = _read(node)
    included = bool(int_attribute(node, "count_include_pad", 0))
    return Operation(
        partial(_average_pool, windows=windows, included=included), (operand(node, 0),)
    )


def _average_pool(x: torch.Tensor, windows: Windows, included: bool) -> torch.Tensor:
    extents = tuple(x.shape[2:])
    reached = _reached(windows, extents)
    means = _means(reached.apply(x), windows)
    counted = (
        windows.padding(extents) if included else Pads((0,) * len(extents), (0,) * len(extents))
    )
    if reached == counted:
        return means
    counts = x.new_tensor(_counts(windows, extents, reached, counted))
    return means * (prod(windows.kernel) / counts)


def _means(x: torch.Tensor, windows: Windows) -> torch.Tensor:
    """Of windows that lie within ``x``."""
    rank = len(windows.kernel)
    if set(windows.dilations) == {1}:
        return _MEANS[rank - 1](x, windows.kernel, windows.strides)
    planes = x.reshape(-1, 1, *x.shape[2:])
    ones = x.new_full((1, 1, *windows.kernel), 1 / prod(windows.kernel))
    means = _CONVOLUTIONS[rank - 1](planes, ones, None, windows.strides, 0, windows.dilations)
    return means.reshape(*x.shape[:2], *means.shape[2:])


def _counts(
    windows: Windows, extents: Sequence[int], reached: Pads, counted: Pads
) -> NDArray[np.float64]:
    """How many elements of each window count: those from -begin to extent + end."""
    counts: NDArray[np.float64] = np.ones(())
    for axis, extent in enumerate(extents):
        first, last = -reached.begins[axis], extent + reached.ends[axis] - windows.reaches[axis]
        starts = np.arange(first, last + 1, windows.strides[axis])
        taps = starts[:, None] + windows.dilations[axis] * np.arange(windows.kernel[axis])
        within = (taps >= -counted.begins[axis]) & (taps < extent + counted.ends[axis])
        counts = counts[..., None] * within.sum(axis=1)
    return np.maximum(counts, 1)  # a window that sees padding alone has the mean 0


def _reached(windows: Windows, extents: Sequence[int]) -> Pads:
    """The padding, and what a last window reaches beyond it where their number is rounded up.

    A window that would begin in the padding at the end is left out.
    """
    pads = windows.padding(extents)
    if not windows.ceil:
        return pads
    ends = list(pads.ends)
    for axis, extent in enumerate(extents):
        padded = pads.begins[axis] + extent + pads.ends[axis]
        stride, reach = windows.strides[axis], windows.reaches[axis]
        count = -(-(padded - reach) // stride) + 1
        if (count - 1) * stride >= pads.begins[axis] + extent:
            count -= 1
        ends[axis] += max((count - 1) * stride + reach - padded, 0)
    return Pads(pads.begins, tuple(ends))


def _read(node: ir.Node) -> Windows:
    kernel = node.attributes.get_ints("kernel_shape", [])
    return read_windows(node, tuple(kernel))


POOLS: dict[str, Builder] = {"AveragePool": average_pool, "MaxPool": max_pool}
