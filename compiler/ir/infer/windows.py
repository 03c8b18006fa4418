# SPDX-License-Identifier: Apache-2.0
"""Shapes of whatever slides a window over a plane, and of interpolation."""

from intaglio.compiler.ir import fixed, scaled
from intaglio.compiler.ir.infer.mismatch import (
    Shape,
    require,
    require_at_least,
    require_rank,
    written,
)

Pool = scaled.MaxPool2d | scaled.AveragePool2d | fixed.MaxPool2d | fixed.AveragePool2d


def window_count(
    extent: int, pads: tuple[int, int], kernel: int, stride: int, dilation: int
) -> int:
    """How many windows fit along one axis: ``(extent + pads - span) // stride + 1``."""
    span = dilation * (kernel - 1) + 1
    padded = extent + sum(pads)
    require(span <= padded, f"a window over {span} of {padded} positions", "a window that fits")
    return (padded - span) // stride + 1


def pool(op: Pool, operands: tuple[Shape, ...]) -> Shape:
    """``[N, windows down, windows across, C]``; every window sees an element of its own."""
    (x,) = operands
    require_rank("an input", x, 4, "[N, H, W, C]")
    dilations = (1, 1)
    if isinstance(op, scaled.MaxPool2d | fixed.MaxPool2d):
        dilations = op.dilations
    require_at_least(1, kernel=op.kernel, strides=op.strides, dilations=dilations)
    require_at_least(0, pads=op.pads)
    top, left, bottom, right = op.pads
    planes = ((top, bottom), (left, right))
    counts = [
        _pool_count(x[1 + axis], planes[axis], op.kernel[axis], op.strides[axis], dilations[axis])
        for axis in (0, 1)
    ]
    return (x[0], *counts, x[3])


def _pool_count(extent: int, pads: tuple[int, int], kernel: int, stride: int, dilation: int) -> int:
    span = dilation * (kernel - 1) + 1
    # A gap between two taps that is wider than the plane could hide all of it.
    seen = max(pads) < span and (dilation <= extent or max(pads) == 0)
    require(
        seen,
        f"pads {list(pads)} around {extent} elements under a window of {span}",
        "an element, not padding alone, in every window",
    )
    return window_count(extent, pads, kernel, stride, dilation)


def nearest(op: fixed.ResizeNearest, operands: tuple[Shape, ...]) -> Shape:
    """``[N, len(rows), len(columns), C]``."""
    (x,) = operands
    require_rank("an input", x, 4, "[N, H, W, C]")
    _require_indices("rows", op.rows, x[1])
    _require_indices("columns", op.columns, x[2])
    return (x[0], len(op.rows), len(op.columns), x[3])


def scaled_bilinear(operands: tuple[Shape, ...], declared: Shape) -> Shape:
    """``[N, rows, columns, C]``; the result states rows and columns."""
    (x,) = operands
    require_rank("an input", x, 4, "[N, H, W, C]")
    require_rank("a result", declared, 4, "[N, H, W, C]")
    return (x[0], *declared[1:3], x[3])


def fixed_bilinear(op: fixed.ResizeLinear, operands: tuple[Shape, ...]) -> Shape:
    """``[N, len(rows_low), len(columns_low), C]``."""
    (x,) = operands
    require_rank("an input", x, 4, "[N, H, W, C]")
    _require_neighbours("row", op.rows_low, op.rows_high, op.row_weights, x[1], op.row_denominator)
    _require_neighbours(
        "column", op.columns_low, op.columns_high, op.column_weights, x[2], op.column_denominator
    )
    return (x[0], len(op.rows_low), len(op.columns_low), x[3])


def _require_neighbours(
    what: str, low: Shape, high: Shape, weights: Shape, extent: int, denominator: int
) -> None:
    lengths = [len(low), len(high), len(weights)]
    require(
        len(set(lengths)) == 1,
        f"{what} lists of lengths {written(lengths)}",
        "a low neighbour, a high one and a weight for each",
    )
    _require_indices(f"{what}s_low", low, extent)
    _require_indices(f"{what}s_high", high, extent)
    require(denominator >= 1, f"{what}_denominator={denominator}", "at least 1")
    outside = [weight for weight in weights if not 0 <= weight <= denominator]
    require(not outside, f"{what} weights {outside[:3]}", f"weights of 0 to {denominator}")


def _require_indices(what: str, indices: Shape, extent: int) -> None:
    require(len(indices) > 0, f"no {what}", "at least one index")
    outside = [index for index in indices if not 0 <= index < extent]
    require(not outside, f"{what} {outside[:3]}", f"indices of 0 to {extent - 1}")
