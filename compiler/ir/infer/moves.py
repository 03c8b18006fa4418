# SPDX-License-Identifier: Apache-2.0
"""Shapes of ops that only move values."""

from math import prod
from typing import assert_never

from intaglio.compiler.ir import moves
from intaglio.compiler.ir.infer.mismatch import (
    Shape,
    require,
    require_at_least,
    require_axis,
    written,
)
from intaglio.compiler.ir.infer.windows import nearest


def move(op: moves.Move, operands: tuple[Shape, ...], declared: Shape) -> Shape:
    """The result's shape; a reshape and a slice leave it to what the result declares."""
    x = operands[0]
    match op:
        case moves.Transpose(permutation=permutation):
            require(
                sorted(permutation) == list(range(len(x))),
                f"permutation {list(permutation)} of shape {written(x)}",
                f"each of 0 to {len(x) - 1} once",
            )
            return tuple(x[axis] for axis in permutation)
        case moves.Reshape():
            require(
                prod(declared) == prod(x),
                f"shape {written(x)} as {written(declared)}",
                f"{prod(x)} elements",
            )
            return declared
        case moves.Slice():
            return _slice(op, x, declared)
        case moves.Concat(axis=axis):
            return _concat(axis, operands)
        case moves.Pad():
            return _pad(op, x)
        case moves.ResizeNearest():
            return nearest(op, operands)
        case _:
            assert_never(op)


def _slice(op: moves.Slice, x: Shape, declared: Shape) -> Shape:
    ranks = [len(op.starts), len(op.steps), len(declared)]
    require(
        ranks == [len(x)] * 3,
        f"starts, steps and result for {written(ranks)} axes",
        f"{len(x)} axes, those of the operand",
    )
    require(0 not in op.steps, f"steps={list(op.steps)}", "steps other than 0")
    for axis, extent in enumerate(x):
        first = op.starts[axis]
        last = first + (declared[axis] - 1) * op.steps[axis]
        require(
            0 <= first < extent and 0 <= last < extent,
            f"indices {first} to {last} along axis {axis} of shape {written(x)}",
            f"indices of 0 to {extent - 1}",
        )
    return declared


def _concat(axis: int, operands: tuple[Shape, ...]) -> Shape:
    first = operands[0]
    require_axis(axis, first)
    for other in operands[1:]:
        fits = len(other) == len(first) and _without(axis, other) == _without(axis, first)
        require(
            fits,
            f"operands of shapes {written(first)} and {written(other)}",
            f"the same extents except along axis {axis}",
        )
    total = sum(operand[axis] for operand in operands)
    return (*first[:axis], total, *first[axis + 1 :])


def _without(axis: int, shape: Shape) -> Shape:
    return shape[:axis] + shape[axis + 1 :]


def _pad(op: moves.Pad, x: Shape) -> Shape:
    ranks = [len(op.before), len(op.after)]
    require(
        ranks == [len(x)] * 2,
        f"before and after for {written(ranks)} axes",
        f"{len(x)} axes, those of the operand",
    )
    require_at_least(0, before=op.before, after=op.after)
    if op.mode in (moves.PadMode.REFLECT, moves.PadMode.SYMMETRIC):
        edge = 1 if op.mode is moves.PadMode.REFLECT else 0
        for extent, pads in zip(x, zip(op.before, op.after, strict=True), strict=True):
            require(
                max(pads) <= extent - edge,
                f"a reflection of {max(pads)} out of {extent} elements",
                f"at most {extent - edge}",
            )
    return tuple(a + n + b for a, n, b in zip(op.before, x, op.after, strict=True))
