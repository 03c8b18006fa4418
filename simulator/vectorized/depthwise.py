# SPDX-License-Identifier: Apache-2.0
"""Depthwise convolution, a tap at a time: whole rows times the weights laid out along them."""

from dataclasses import dataclass

import numpy as np

from intaglio.simulator.vectorized.geometry import Geometry
from intaglio.simulator.vectorized.words import Array

SHORTEST_RUN = 512
"""Elements of an inner loop below which NumPy's own cost for each loop would show."""


@dataclass(frozen=True, slots=True)
class DepthwiseTaps:
    """One input channel for each output channel.

    Attributes:
        geometry: where the windows lie.
        runs: ``[kh, kw, columns * O]``, weights repeated for ``columns`` neighbouring windows.
        outputs: number of output channels.
        groups: number of input channels.
    """

    geometry: Geometry
    runs: Array
    outputs: int
    groups: int

    @staticmethod
    def lay_out(geometry: Geometry, weights: Array, groups: int) -> "DepthwiseTaps":
        """From weights ``[kh, kw, O]``."""
        outputs, extent = weights.shape[-1], geometry.extent[1]
        repeats = (
            n for n in range(1, extent + 1) if extent % n == 0 and n * outputs >= SHORTEST_RUN
        )
        columns = next(repeats, max(extent, 1))
        return DepthwiseTaps(geometry, np.tile(weights, (1, 1, columns)), outputs, groups)

    @property
    def row_elements(self) -> int:
        """Elements of the widest array for one window; two such arrays are in use."""
        return 2 * self.outputs

    def sums(self, plane: Array, rows: int) -> Array:
        """``[rows, columns, O]``."""
        geometry, extent = self.geometry, self.geometry.extent[1]
        if self.outputs > self.groups:
            plane = np.repeat(plane, self.outputs // self.groups, axis=2)
        down, across = geometry.strides
        # Every column a tap reads is then next to the one of the neighbouring window.
        phases = [np.ascontiguousarray(plane[:, phase::across]) for phase in range(across)]
        run = self.runs.shape[2]
        total = np.empty((rows, extent * self.outputs // run, run), plane.dtype)
        product = np.empty_like(total)
        for r in range(geometry.kernel[0]):
            first = geometry.tap(0, r)
            lines = slice(first, first + (rows - 1) * down + 1, down)
            for s in range(geometry.kernel[1]):
                column, phase = divmod(geometry.tap(1, s), across)
                terms = phases[phase][lines, column : column + extent].reshape(total.shape)
                if r == s == 0:
                    np.multiply(terms, self.runs[r, s], out=total)
                else:
                    np.multiply(terms, self.runs[r, s], out=product)
                    np.add(total, product, out=total)
        return total.reshape(rows, extent, self.outputs)
