# SPDX-License-Identifier: Apache-2.0
"""Which element is the largest: results that are plain integers.

A plain integer is its own real number: its scale is 1 and its zero point 0.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ArgMax:
    """The index of the largest element along ``axis``.

    Attributes:
        axis: counted from the front.
        keep_dimensions: whether the axis stays with extent 1.
        last: whether the last of several equal elements is meant, else the first.
    """

    axis: int
    keep_dimensions: bool
    last: bool = False


@dataclass(frozen=True, slots=True)
class ArgMin:
    """The index of the smallest element along ``axis``; attributes as for ``ArgMax``."""

    axis: int
    keep_dimensions: bool
    last: bool = False
