# SPDX-License-Identifier: Apache-2.0
"""Shapes of convolutions and matrix products, the same at both levels."""

from intaglio.compiler.ir import fixed, scaled
from intaglio.compiler.ir.infer.mismatch import (
    Shape,
    require,
    require_at_least,
    require_rank,
    written,
)
from intaglio.compiler.ir.infer.windows import window_count

Convolution = scaled.Conv2d | fixed.Conv2d
TransposedConvolution = scaled.ConvTranspose2d | fixed.ConvTranspose2d


def convolution(op: Convolution, operands: tuple[Shape, ...]) -> Shape:
    """``[N, (H + pads - span) // stride + 1, likewise, O]``, span = dilation * (k - 1) + 1."""
    (batch, height, width, _), (channels, rows, columns, _) = _operands(op, operands)
    top, left, bottom, right = op.pads
    return (
        batch,
        window_count(height, (top, bottom), rows, op.strides[0], op.dilations[0]),
        window_count(width, (left, right), columns, op.strides[1], op.dilations[1]),
        channels,
    )


def transposed_convolution(
    op: TransposedConvolution, operands: tuple[Shape, ...], declared: Shape
) -> Shape:
    """``[N, (H - 1) * stride + span - pads + extra, likewise, O]``; the result states the extra.

    ``extra`` is at least 0 and below the larger one of stride and dilation.
    """
    x, w = _operands(op, operands)
    require_rank("a result", declared, 4, "[N, H, W, O]")
    top, left, bottom, right = op.pads
    for axis, pads in ((0, top + bottom), (1, left + right)):
        stride, dilation, extent = op.strides[axis], op.dilations[axis], declared[1 + axis]
        least = (x[1 + axis] - 1) * stride + dilation * (w[1 + axis] - 1) + 1 - pads
        most = least + max(stride, dilation) - 1
        require(
            max(least, 1) <= extent <= most,
            f"a result of shape {written(declared)}",
            f"{max(least, 1)} to {most} {('rows', 'columns')[axis]}",
        )
    return (x[0], *declared[1:3], w[0])


def _operands(
    op: Convolution | TransposedConvolution, operands: tuple[Shape, ...]
) -> tuple[Shape, Shape]:
    """The shapes of x and w, once they and a bias fit together."""
    x, w, *bias = operands
    require_rank("an input", x, 4, "[N, H, W, C]")
    require_rank("weights", w, 4, "[O, kh, kw, C / groups]")
    require_at_least(1, strides=op.strides, dilations=op.dilations, groups=[op.groups])
    require_at_least(0, pads=op.pads)
    for channels, what in ((x[3], "input"), (w[0], "output")):
        require(
            channels % op.groups == 0,
            f"{channels} {what} channels in {op.groups} groups",
            "groups of equal size",
        )
    require(
        w[3] == x[3] // op.groups,
        f"weights of shape {written(w)}",
        f"{x[3] // op.groups} input channels a group",
    )
    _require_bias(bias, w[0])
    return x, w


def matrix_product(operands: tuple[Shape, ...]) -> Shape:
    """``[..., M, N]``: ``[..., K]`` by ``[K, N]``, or both with the same leading dimensions."""
    a, b, *bias = operands
    require(len(a) >= 1, "a left operand without dimensions", "[..., K]")
    require(len(b) >= 2, f"a right operand of shape {written(b)}", "[K, N] or [..., K, N]")
    require(
        len(b) == 2 or a[:-2] == b[:-2],
        f"operands of shapes {written(a)} and {written(b)}",
        "the same leading dimensions",
    )
    require(
        a[-1] == b[-2],
        f"operands of shapes {written(a)} and {written(b)}",
        f"{a[-1]} rows in the right one",
    )
    _require_bias(bias, b[-1])
    return (*a[:-1], b[-1])


def _require_bias(bias: list[Shape], channels: int) -> None:
    for shape in bias:
        require(shape == (channels,), f"a bias of shape {written(shape)}", written([channels]))
