# SPDX-License-Identifier: Apache-2.0
"""Ops that only move values: for each index of the result, the index that it is read from."""

from collections.abc import Callable, Sequence
from typing import assert_never

import numpy as np

from intaglio.compiler.ir.graph import Array
from intaglio.compiler.ir.moves import (
    Concat,
    Move,
    Pad,
    PadMode,
    Reshape,
    ResizeNearest,
    Slice,
    Transpose,
)

Index = tuple[int, ...]


def move(op: Move, operands: Sequence[Array], shape: tuple[int, ...]) -> Array:
    """Any move; ``shape`` is the result's."""
    x = operands[0]
    match op:
        case Transpose():
            return _gather(
                x, shape, lambda y: tuple(y[op.permutation.index(a)] for a in range(x.ndim))
            )
        case Reshape():
            return x.reshape(shape)
        case Slice():
            return _gather(x, shape, lambda y: _sliced(op, y))
        case Concat():
            return _concatenated(op, operands, shape)
        case Pad():
            return _gather(x, shape, lambda y: _padded(op, x.shape, y), op.value)
        case ResizeNearest():
            return _gather(x, shape, lambda y: (y[0], op.rows[y[1]], op.columns[y[2]], y[3]))
        case _:
            assert_never(op)


def _gather(
    x: Array, shape: tuple[int, ...], source: Callable[[Index], Index | None], otherwise: int = 0
) -> Array:
    """y[i] = x[source(i)], or ``otherwise`` where there is no source."""
    y = np.empty(shape, dtype=x.dtype)
    for index in np.ndindex(shape):
        place = source(index)
        y[index] = otherwise if place is None else x[place]
    return y


def _sliced(op: Slice, y: Index) -> Index:
    return tuple(start + at * step for start, at, step in zip(op.starts, y, op.steps, strict=True))


def _concatenated(op: Concat, operands: Sequence[Array], shape: tuple[int, ...]) -> Array:
    y = np.empty(shape, dtype=operands[0].dtype)
    end = 0
    for x in operands:
        start, end = end, end + x.shape[op.axis]
        y[(slice(None),) * op.axis + (slice(start, end),)] = x
    return y


def _padded(op: Pad, shape: tuple[int, ...], y: Index) -> Index | None:
    places = [at - before for at, before in zip(y, op.before, strict=True)]
    match op.mode:
        case PadMode.CONSTANT:
            inside = all(0 <= at < extent for at, extent in zip(places, shape, strict=True))
            return tuple(places) if inside else None
        case PadMode.EDGE:
            return tuple(
                min(max(at, 0), extent - 1) for at, extent in zip(places, shape, strict=True)
            )
        case PadMode.REFLECT:
            return tuple(_mirrored(at, extent) for at, extent in zip(places, shape, strict=True))
        case PadMode.SYMMETRIC:
            return tuple(
                at if 0 <= at < extent else (-1 - at if at < 0 else 2 * extent - 1 - at)
                for at, extent in zip(places, shape, strict=True)
            )
        case _:
            assert_never(op.mode)


def _mirrored(at: int, extent: int) -> int:
    """The index that ``at`` is an image of when both ends are mirrors, again and again."""
    period = max(2 * (extent - 1), 1)
    return min(at % period, -at % period)
