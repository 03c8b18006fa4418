# SPDX-License-Identifier: Apache-2.0
"""Convolutions and transposed convolutions of one to three spatial axes."""

from collections.abc import Callable, Sequence
from functools import partial

import onnx_ir as ir
import torch
from torch.nn import functional

from intaglio.compiler.real.editing import input_at, int_attribute
from intaglio.compiler.synthesis.operators.operation import (
    Builder,
    Operation,
    Refusal,
    integers,
    operand,
)
from intaglio.compiler.synthesis.operators.windows import Pads, Windows, read_windows, split_evenly

_Function = Callable[..., torch.Tensor]
_CONVOLUTIONS: tuple[_Function, ...] = (functional.conv1d, functional.conv2d, functional.conv3d)
_TRANSPOSED: tuple[_Function, ...] = (
    functional.conv_transpose1d,
    functional.conv_transpose2d,
    functional.conv_transpose3d,
)


def conv(node: ir.Node) -> Operation:
    """Cross-correlation with padding of zeros.  Source: ONNX operator Conv-11."""
    windows, groups = _read(node)
    function = partial(
        _conv, function=_CONVOLUTIONS[len(windows.kernel) - 1], windows=windows, groups=groups
    )
    return Operation(function, (operand(node, 0), operand(node, 1), input_at(node, 2)))


def _conv(
    x: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor | None,
    function: _Function,
    windows: Windows,
    groups: int,
) -> torch.Tensor:
    pads = windows.padding(x.shape[2:])
    if not pads.even:
        x = pads.apply(x)
    padding = pads.begins if pads.even else 0
    return function(x, weight, bias, windows.strides, padding, windows.dilations, groups)


def conv_transpose(node: ir.Node) -> Operation:
    """The transpose of a convolution's matrix.  Source: ONNX operator ConvTranspose-11."""
    windows, groups = _read(node)
    rank = len(windows.kernel)
    shape = integers(node, "output_shape", [0] * rank) if "output_shape" in node.attributes else ()
    function = partial(
        _conv_transpose,
        function=_TRANSPOSED[rank - 1],
        windows=windows,
        groups=groups,
        added=integers(node, "output_padding", [0] * rank),
        shape=shape,
    )
    return Operation(function, (operand(node, 0), operand(node, 1), input_at(node, 2)))


def _conv_transpose(
    x: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor | None,
    function: _Function,
    windows: Windows,
    groups: int,
    added: tuple[int, ...],
    shape: tuple[int, ...],
) -> torch.Tensor:
    """Everything the windows reach, of which padding cuts off and to which output padding adds.

    What is added there are zeros, before the bias.
    """
    y = function(x, weight, None, windows.strides, 0, 0, groups, windows.dilations)
    pads = _cut(windows, x.shape[2:], y.shape[2:], added, shape)
    y = pads.apply(y)
    return y if bias is None else y + bias.reshape(-1, *[1] * len(windows.kernel))


def _cut(
    windows: Windows,
    before: Sequence[int],
    full: Sequence[int],
    added: Sequence[int],
    shape: Sequence[int],
) -> Pads:
    """What is added at (or, negative, cut off) either end of the full result.

    Source: ONNX operator ConvTranspose-11; the odd padding as in ONNX Runtime 1.31.
    """
    pads = windows.padding(before)
    totals = [extent + more for extent, more in zip(full, added, strict=True)]
    if shape or windows.automatic.startswith("SAME"):
        wanted = shape or [e * s for e, s in zip(before, windows.strides, strict=True)]
        pads = split_evenly(
            [max(total - want, 0) for total, want in zip(totals, wanted, strict=True)],
            upper=windows.automatic == "SAME_UPPER",
        )
    # An output shape beyond what the windows reach adds more.
    missing = [max(w - t, 0) for w, t in zip(shape or totals, totals, strict=True)]
    ends = zip(added, missing, pads.ends, strict=True)
    return Pads(tuple(-begin for begin in pads.begins), tuple(a + m - e for a, m, e in ends))


def _read(node: ir.Node) -> tuple[Windows, int]:
    """The windows and the number of groups; the weight says the kernel."""
    shape = operand(node, 1).shape
    if shape is None or not all(isinstance(dim, int) for dim in shape):
        raise Refusal("its weight has no known shape")
    return read_windows(node, tuple(shape.numpy()[2:])), int_attribute(node, "group", 1)


CONVOLUTIONS: dict[str, Builder] = {"Conv": conv, "ConvTranspose": conv_transpose}
