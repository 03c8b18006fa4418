# SPDX-License-Identifier: Apache-2.0
"""Axes as a file names them: negative ones count from the end."""

from intaglio.frontends.refusal import Refusal


def normalized(axis: int, rank: int) -> int:
    """An axis counted from the front.

    Raises:
        Refusal: the tensor hasn't that axis.
    """
    if not -rank <= axis < rank:
        raise Refusal(f"names axis {axis} of a tensor with {rank} axes")
    return axis % rank
