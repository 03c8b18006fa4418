# SPDX-License-Identifier: Apache-2.0
"""Ops that only move values: views where NumPy has them."""

from collections.abc import Sequence
from typing import assert_never

import numpy as np

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
from intaglio.numerics.intervals import Interval
from intaglio.simulator.vectorized.prepared import Operand, Operands, Prepared
from intaglio.simulator.vectorized.words import Array


def prepare_move(op: Move, operands: Sequence[Operand], shape: tuple[int, ...]) -> Prepared:
    """Any move whose result has ``shape``."""
    interval = Interval.hull_of(operand.interval for operand in operands)
    if isinstance(op, Pad) and op.mode is PadMode.CONSTANT:
        interval = interval.hull(Interval(op.value, op.value))
    return Prepared(lambda arrays: move(op, arrays, shape), interval)


def move(op: Move, arrays: Operands, shape: tuple[int, ...]) -> Array:
    """The moved values."""
    x = arrays[0]
    match op:
        case Transpose():
            return x.transpose(op.permutation)
        case Reshape():
            return x.reshape(shape)
        case Slice():
            return x[tuple(map(_slice, op.starts, op.steps, shape))]
        case Concat():
            return np.concatenate(list(arrays), axis=op.axis)
        case Pad():
            return _padded(op, x)
        case ResizeNearest():
            return x[:, list(op.rows)][:, :, list(op.columns)]
        case _:
            assert_never(op)


def _slice(start: int, step: int, extent: int) -> slice:
    stop = start + extent * step
    return slice(start, stop if stop >= 0 else None, step)


def _padded(op: Pad, x: Array) -> Array:
    widths = list(zip(op.before, op.after, strict=True))
    match op.mode:
        case PadMode.CONSTANT:
            return np.pad(x, widths, constant_values=op.value)
        case PadMode.EDGE:
            return np.pad(x, widths, mode="edge")
        case PadMode.REFLECT:
            return np.pad(x, widths, mode="reflect")
        case PadMode.SYMMETRIC:
            return np.pad(x, widths, mode="symmetric")
        case _:
            assert_never(op.mode)
