# SPDX-License-Identifier: Apache-2.0
"""Axes as the file names them: negative ones count from the end."""

from collections.abc import Sequence

from intaglio.frontends.axes import normalized


def distinct(named: Sequence[int], rank: int) -> tuple[int, ...]:
    """Axes counted from the front, each once, in the order in which they are first named.

    Raises:
        Refusal: the tensor hasn't one of them.
    """
    return tuple(dict.fromkeys(normalized(axis, rank) for axis in named))
