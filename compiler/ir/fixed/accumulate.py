# SPDX-License-Identifier: Apache-2.0
"""Sums of integers: convolutions, matrix products and reductions."""

from dataclasses import dataclass

from intaglio.numerics.accumulator import Accumulator


@dataclass(frozen=True, slots=True)
class Conv2d:
    """acc[n,i,j,o] = b[o] + Σ (x_padded - input_zero_point) * (w[o,r,s,c] - weight_zero_points[o]).

    Operands: x ``[N, H, W, C]``, w ``[O, kh, kw, C / groups]``, optionally b ``[O]``.  Channel o
    belongs to group ``o // (O / groups)`` and reads that group's ``C / groups`` input channels.

    Attributes:
        strides: rows, columns.
        pads: top, left, bottom, right.
        dilations: rows, columns.
        groups: number of independent groups of channels.
        input_zero_point: subtracted from every element of x, padded ones included.
        weight_zero_points: one, or one for each output channel.
        pad_value: the code that stands at padded positions.
        accumulator: where the sum is kept.
    """

    accumulator: Accumulator
    strides: tuple[int, int] = (1, 1)
    pads: tuple[int, int, int, int] = (0, 0, 0, 0)
    dilations: tuple[int, int] = (1, 1)
    groups: int = 1
    input_zero_point: int = 0
    weight_zero_points: tuple[int, ...] = (0,)
    pad_value: int = 0


@dataclass(frozen=True, slots=True)
class ConvTranspose2d:
    """acc[n,p,q,o] = b[o] + Σ (x[n,i,j,c] - input_zero_point) (w[o,r,s,c] - weight_zero_points[o]).

    The sum runs over all i, j, r, s with ``p = i * stride + r * dilation - pad`` (rows; columns
    alike).  Positions outside x are no terms.  Operands as for ``Conv2d``; the result's shape says
    how far the plane extends.
    """

    accumulator: Accumulator
    strides: tuple[int, int] = (1, 1)
    pads: tuple[int, int, int, int] = (0, 0, 0, 0)
    dilations: tuple[int, int] = (1, 1)
    groups: int = 1
    input_zero_point: int = 0
    weight_zero_points: tuple[int, ...] = (0,)


@dataclass(frozen=True, slots=True)
class MatMul:
    """acc[..., m, n] = bias[n] + Σ_k (a[..., m, k] - left_zero_point) (b[..., k, n] - zero[n]).

    zero = right_zero_points.  Operands: a ``[..., M, K]`` or ``[..., K]`` with b ``[K, N]``, or b
    ``[..., K, N]`` with the same leading axes as a; optionally a bias ``[N]``.

    Attributes:
        accumulator: where the sum is kept.
        left_zero_point: subtracted from every element of a.
        right_zero_points: one, or one for each column of b.
    """

    accumulator: Accumulator
    left_zero_point: int = 0
    right_zero_points: tuple[int, ...] = (0,)


@dataclass(frozen=True, slots=True)
class ReduceSum:
    """acc = Σ (x - input_zero_point) over ``axes``, in row-major order.

    Attributes:
        accumulator: where the sum is kept.
        axes: sorted, counted from the front.
        keep_dimensions: whether a reduced axis stays with extent 1.
        input_zero_point: subtracted from every element.
    """

    accumulator: Accumulator
    axes: tuple[int, ...]
    keep_dimensions: bool
    input_zero_point: int = 0
