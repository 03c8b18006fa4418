# SPDX-License-Identifier: Apache-2.0
"""Orders of axes: ``p`` turns a shape s into ``s[p[0]], s[p[1]], …``, as ``Transpose`` does."""

from collections.abc import Sequence
from typing import TypeVar

from intaglio.compiler.ir.infer import Shape

Permutation = tuple[int, ...]

ValueT = TypeVar("ValueT")


def permuted(values: Sequence[ValueT], p: Permutation) -> tuple[ValueT, ...]:
    """One value for each axis, in the new order."""
    return tuple(values[axis] for axis in p)


def is_identity(p: Permutation) -> bool:
    """Whether every axis stays."""
    return p == tuple(range(len(p)))


def composed(first: Permutation, second: Permutation) -> Permutation:
    """The one permutation of a transpose by ``first`` and then by ``second``."""
    return permuted(first, second)


def inverse(p: Permutation) -> Permutation:
    """The permutation that takes the axes back."""
    return tuple(p.index(axis) for axis in range(len(p)))


def moves_data(shape: Shape, p: Permutation) -> bool:
    """Whether elements change their row-major order: axes of extent 1 may go anywhere."""
    wide = [axis for axis in p if shape[axis] != 1]
    return wide != sorted(wide)


def before_reshape(before: Shape, after: Shape, p: Permutation) -> Permutation | None:
    """The order of axes of ``before`` under which reshaping gives ``after`` in the order ``p``.

    That is so where the reshape only drops and inserts axes of extent 1; None where it does more.
    An axis of extent 1 follows its left neighbour.

    >>> before_reshape((8, 3, 1, 5), (8, 3, 5), (0, 2, 1))
    (0, 3, 1, 2)
    """
    wide_before = [axis for axis, extent in enumerate(before) if extent != 1]
    wide_after = [axis for axis, extent in enumerate(after) if extent != 1]
    if permuted(before, tuple(wide_before)) != permuted(after, tuple(wide_after)):
        return None
    order = [wide_before[wide_after.index(axis)] for axis in p if after[axis] != 1]
    for axis, extent in enumerate(before):
        if extent == 1:
            order.insert(order.index(axis - 1) + 1 if axis > 0 else 0, axis)
    return tuple(order)
