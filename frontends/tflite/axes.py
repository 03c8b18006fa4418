# SPDX-License-Identifier: Apache-2.0
"""Axes as the file names them: negative ones count from the end."""

from collections.abc import Sequence

from intaglio.frontends.refusal import Refusal


def from_front(axis: int, rank: int) -> int:
    """An axis counted from the front.

    Raises:
        Refusal: the tensor hasn't that axis.
    """
    if not -rank <= axis < rank:
        raise Refusal(f"names axis {axis} of a tensor with {rank} axes")
    return axis % rank


def distinct(named: Sequence[int], rank: int) -> tuple[int, ...]:
    """Axes counted from the front, each once, in the order in which they are first named.

    Raises:
        Refusal: the tensor hasn't one of them.
    """
    return tuple(dict.fromkeys(from_front(axis, rank) for axis in named))
