# SPDX-License-Identifier: Apache-2.0
"""Which ops compute the same values in another order of axes, and how they are written there."""

from collections.abc import Sequence
from dataclasses import replace

from intaglio.compiler.ir import fixed, moves
from intaglio.compiler.ir.graph import AnyOp
from intaglio.compiler.ir.types import TensorType
from intaglio.compiler.passes.cancel_layouts.permutations import (
    Permutation,
    before_reshape,
    permuted,
)

Written = tuple[fixed.Op, Permutation]
"""An op, and the order of axes in which it reads its operands (a lookup's table stays)."""


def written_for(
    op: AnyOp, operands: Sequence[TensorType], result: TensorType, p: Permutation
) -> Written | None:
    """The op whose result is the transpose by ``p`` of this op's, None where there is none.

    Operands of an elementwise op that have fewer axes get leading ones of extent 1 first.
    """
    match op:
        case moves.Reshape():
            order = before_reshape(operands[0].shape, result.shape, p)
            return None if order is None else (op, order)
        case fixed.Requantize(requantizers=requantizers):
            return (op, p) if len(requantizers) == 1 or _keeps_last(p) else None
        case fixed.Clamp(low=low, high=high):
            return (op, p) if len(low) == len(high) == 1 or _keeps_last(p) else None
        case fixed.Lookup():
            return (op, p) if operands[1].rank == 1 or _keeps_last(p) else None
        case (
            fixed.Cast()
            | fixed.Quantize()
            | fixed.Float32Order()
            | fixed.Dequantize()
            | fixed.Pairwise()
            | fixed.Add()
            | fixed.Subtract()
            | fixed.Multiply()
            | fixed.Minimum()
            | fixed.Maximum()
            | fixed.Float32Binary()
        ):
            return op, p
        case moves.Slice(starts=starts, steps=steps):
            return moves.Slice(permuted(starts, p), permuted(steps, p)), p
        case moves.Pad(before=before, after=after):
            return replace(op, before=permuted(before, p), after=permuted(after, p)), p
        case moves.Concat(axis=axis):
            return moves.Concat(p.index(axis)), p
        case fixed.Softmax(axis=axis) | fixed.Float32Softmax(axis=axis):
            return replace(op, axis=p.index(axis)), p
        case fixed.ReduceSum() if op.keep_dimensions:
            reduced = _reduced(op, p)
            return None if reduced is None else (reduced, p)
        case _:
            return None


def summed_without_transpose(op: fixed.ReduceSum, p: Permutation) -> fixed.ReduceSum | None:
    """The sum over x that equals ``op`` over the transpose of x by ``p``.

    None where the axes that are left would stand in another order.
    """
    axes = tuple(p[axis] for axis in op.axes)
    kept = tuple(axis for position, axis in enumerate(p) if position not in op.axes)
    ordered = axes == tuple(sorted(axes)) or _any_order(op)
    if op.keep_dimensions or kept != tuple(sorted(kept)) or not ordered:
        return None
    return replace(op, axes=tuple(sorted(axes)))


def _keeps_last(p: Permutation) -> bool:
    """Whether channels stay the last axis, which a list by channel indexes."""
    return len(p) == 0 or p[-1] == len(p) - 1


def _reduced(op: fixed.ReduceSum, p: Permutation) -> fixed.ReduceSum | None:
    axes = tuple(p.index(axis) for axis in op.axes)
    if axes != tuple(sorted(axes)) and not _any_order(op):
        return None
    return replace(op, axes=tuple(sorted(axes)))


def _any_order(op: fixed.ReduceSum) -> bool:
    """Whether the order in which terms are added leaves the sum as it is."""
    return op.accumulator.any_order
