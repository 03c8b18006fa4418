# SPDX-License-Identifier: Apache-2.0
"""Where the windows of a convolution or a pool lie on a plane (NHWC)."""

from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import as_strided

from intaglio.simulator.vectorized.words import Array, Word, centred, in_word


@dataclass(frozen=True, slots=True)
class Geometry:
    """Windows of ``kernel`` taps; each pair is (rows, columns).

    Tap (r, s) of window (i, j) lies on row ``i * strides[0] + r * dilations[0] - origin[0]``,
    columns alike.  With ``mirrored`` taps count from the other end, as a transposed convolution
    reads them.

    Attributes:
        kernel: taps.
        strides: distances between windows.
        dilations: distances between taps.
        origin: how far before the plane the first window starts; negative where inside.
        extent: number of windows.
        mirrored: whether the first tap has the highest index.
    """

    kernel: tuple[int, int]
    strides: tuple[int, int]
    dilations: tuple[int, int]
    origin: tuple[int, int]
    extent: tuple[int, int]
    mirrored: bool = False

    def span(self, axis: int, windows: int) -> int:
        """How many rows (columns) ``windows`` neighbouring windows cover."""
        return (windows - 1) * self.strides[axis] + self.reach(axis) + 1

    def reach(self, axis: int) -> int:
        """The distance between the first and the last tap."""
        return (self.kernel[axis] - 1) * self.dilations[axis]

    def tap(self, axis: int, index: int) -> int:
        """How far behind its window's start a tap lies."""
        at = index * self.dilations[axis]
        return self.reach(axis) - at if self.mirrored else at

    def plane(
        self, x: Array, first: int, rows: int, word: Word, offset: int = 0, fill: int = 0
    ) -> Array:
        """The part of a plane under some rows of windows, in a frame where it reaches beyond.

        Args:
            x: ``[H, W, C]``.
            first: the first row of windows.
            rows: how many rows of windows.
            word: dtype of the result, which holds x, ``offset`` and the differences exactly.
            offset: what is subtracted from every element.
            fill: what stands in the frame, ``offset`` already subtracted.
        """
        tall, wide = self.span(0, rows), self.span(1, self.extent[1])
        top, left = first * self.strides[0] - self.origin[0], -self.origin[1]
        row_from, row_to = max(top, 0), min(top + tall, x.shape[0])
        column_from, column_to = max(left, 0), min(left + wide, x.shape[1])
        inside = x[row_from:row_to, column_from:column_to]
        if inside.shape[:2] == (tall, wide):
            return np.ascontiguousarray(centred(inside, offset, word))
        framed = np.empty((tall, wide, x.shape[2]), dtype=word)
        framed[...] = in_word(np.array(fill, dtype=object), word)
        if row_from < row_to and column_from < column_to:
            framed[row_from - top : row_to - top, column_from - left : column_to - left] = centred(
                inside, offset, word
            )
        return framed

    def windows(self, plane: Array, rows: int) -> Array:
        """A view ``[rows, columns, r, s, C]`` of all windows on a plane that ``plane`` made."""
        down, across, along = plane.strides
        sign = -1 if self.mirrored else 1
        return as_strided(
            plane[self.tap(0, 0) :, self.tap(1, 0) :],
            shape=(rows, self.extent[1], *self.kernel, plane.shape[2]),
            strides=(
                down * self.strides[0],
                across * self.strides[1],
                sign * down * self.dilations[0],
                sign * across * self.dilations[1],
                along,
            ),
            writeable=False,
        )
