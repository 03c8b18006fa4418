# SPDX-License-Identifier: Apache-2.0
"""Sums of products over quantized operands: convolutions and matrix products."""

from dataclasses import dataclass

from intaglio.compiler.ir.scaled.elementwise import UNBOUNDED, Clip


@dataclass(frozen=True, slots=True)
class Conv2d:
    """real y = clip(conv(x, w) + b).

    Operands: x ``[N, H, W, C]``, w ``[O, kh, kw, C / groups]`` (depthwise: groups = C), and
    optionally a constant b ``[O]``: codes whose scale is that of x times that of w, or float32
    where the model left it so.  A padded element is a real zero.

    Attributes:
        strides: rows, columns.
        pads: top, left, bottom, right.
        dilations: rows, columns.
        groups: input and output channels fall into this many independent groups.
        activation: real bounds applied before the result is quantized.
        recurrent: as for ``Add``.
    """

    strides: tuple[int, int] = (1, 1)
    pads: tuple[int, int, int, int] = (0, 0, 0, 0)
    dilations: tuple[int, int] = (1, 1)
    groups: int = 1
    activation: Clip = UNBOUNDED
    recurrent: bool = False


@dataclass(frozen=True, slots=True)
class ConvTranspose2d:
    """real y = clip(conv_transpose(x, w) + b).

    x[i] w[k] adds to y[i * stride + k * dilation - pad].  Operands as for ``Conv2d``
    (w ``[O, kh, kw, C / groups]``).  The result's shape says how far the plane extends, so output
    padding needs no attribute of its own.
    """

    strides: tuple[int, int] = (1, 1)
    pads: tuple[int, int, int, int] = (0, 0, 0, 0)
    dilations: tuple[int, int] = (1, 1)
    groups: int = 1
    activation: Clip = UNBOUNDED


@dataclass(frozen=True, slots=True)
class FullyConnected:
    """real y = clip(x w + b): x ``[..., K]``, constant w ``[K, N]``, optional b ``[N]``.

    ``recurrent`` as for ``Add``.
    """

    activation: Clip = UNBOUNDED
    recurrent: bool = False


@dataclass(frozen=True, slots=True)
class MatMul:
    """real y = clip(a b), both computed at run time: a ``[..., M, K]``, b ``[..., K, N]``."""

    activation: Clip = UNBOUNDED
