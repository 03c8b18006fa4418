# SPDX-License-Identifier: Apache-2.0
"""How near numbers are to those that they stand for: signal to noise, angle, largest error."""

import math
from dataclasses import dataclass

import numpy as np

from intaglio.compiler.real.onnx_runtime import Array


@dataclass(frozen=True, slots=True)
class Fidelity:
    """What came of the numbers x, found as y.

    Attributes:
        sqnr_db: 10 log10(sum x^2 / sum (x - y)^2), in decibels: 6 more halve the error. None
            where nothing differs, or where all x are zero.
        cosine: sum x y / sqrt(sum x^2 sum y^2), None where x or y are all zero.
        largest_error: max |x - y|; 0 says that nothing differs.
    """

    sqnr_db: float | None
    cosine: float | None
    largest_error: float

    @property
    def decibels(self) -> float:
        """``sqnr_db`` as a number to sort by: infinite where nothing differs."""
        if self.largest_error == 0:
            return math.inf
        return -math.inf if self.sqnr_db is None else self.sqnr_db


@dataclass(slots=True)
class Tally:
    """Sums over any number of arrays, in float64."""

    signal: float = 0.0
    found: float = 0.0
    product: float = 0.0
    error: float = 0.0
    largest: float = 0.0

    def add(self, expected: Array, found: Array) -> None:
        """Count two arrays of the same shape."""
        x, y = (np.asarray(array, dtype=np.float64).ravel() for array in (expected, found))
        difference = x - y
        self.signal += float(x @ x)
        self.found += float(y @ y)
        self.product += float(x @ y)
        self.error += float(difference @ difference)
        self.largest = max(self.largest, float(np.abs(difference).max(initial=0.0)))

    def fidelity(self) -> Fidelity:
        """What the sums say."""
        sqnr = None
        if self.signal > 0 and self.error > 0:
            sqnr = 10.0 * (math.log10(self.signal) - math.log10(self.error))
        norm = math.sqrt(self.signal) * math.sqrt(self.found)
        cosine = self.product / norm if norm > 0 else None
        return Fidelity(sqnr, cosine, self.largest)


def fidelity(expected: Array, found: Array) -> Fidelity:
    """Of one array."""
    tally = Tally()
    tally.add(expected, found)
    return tally.fidelity()


def worst(found: list[Fidelity]) -> Fidelity:
    """The one with the least signal to noise."""
    return min(found, key=lambda one: one.decibels)
