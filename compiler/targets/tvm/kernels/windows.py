# SPDX-License-Identifier: Apache-2.0
"""Where windows lie on a plane, and what frames it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Windows:
    """Where the windows of all outputs lie.

    Attributes:
        batch: images.
        rows: of outputs.
        columns: of outputs.
        strides: rows, columns.
        row_dilation: rows of the plane from one kernel row to the next.
    """

    batch: int
    rows: int
    columns: int
    strides: tuple[int, int]
    row_dilation: int


@dataclass(frozen=True, slots=True)
class Frame:
    """Padded elements around a plane.

    Attributes:
        pads: top, left, bottom, right.
        value: the code that stands there.
    """

    pads: tuple[int, int, int, int]
    value: int


NO_FRAME = Frame((0, 0, 0, 0), 0)
