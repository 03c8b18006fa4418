# SPDX-License-Identifier: Apache-2.0
"""Requantizers with random scales."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from intaglio.errors import InvalidOption
from intaglio.numerics.float32 import Float32
from intaglio.numerics.integers import IntType
from intaglio.numerics.requantizers import Requantizer

CODES = IntType(8, signed=True)


@dataclass(frozen=True, slots=True)
class Drawn:
    """Random numbers of one node: scales, zero points, and a count of elements."""

    left: Float32
    right: Float32
    output: Float32
    zero_point: int
    output_zero_point: int
    count: int
    exponent: int


@dataclass(frozen=True, slots=True)
class RequantizerKind:
    """One arithmetic on one width.

    Attributes:
        name: says all that tells it from others.
        accumulator: what it takes.
        powers_of_two: whether it takes no other scales.
        make: the requantizer for random scales; ``InvalidOption`` where it can't have them.
    """

    name: str
    accumulator: IntType
    powers_of_two: bool
    make: Callable[[Drawn], Requantizer]

    def draw(self, rng: np.random.Generator, index: int) -> Requantizer:
        """A requantizer with random scales; each fourth has powers of two alone."""
        while True:
            try:
                return self.make(_draw(rng, self.accumulator, self.powers_of_two or index % 4 == 0))
            except InvalidOption:
                # The next scales may be within what the arithmetic can represent.
                continue


def _draw(rng: np.random.Generator, accumulator: IntType, powers: bool) -> Drawn:
    left, right, output = (_scale(rng, powers) for _ in range(3))
    zero_point, other = (int(rng.integers(-128, 128)) for _ in range(2))
    wanted = accumulator.bits - CODES.bits - 1
    exponent = int(rng.integers(-wanted - 3, -wanted + 4))
    return Drawn(left, right, output, zero_point, other, int(rng.integers(1, 400)), exponent)


def _scale(rng: np.random.Generator, power: bool) -> Float32:
    if power:
        return Float32.from_value(2.0 ** int(rng.integers(-10, 4)))
    return Float32.from_value(float(np.exp2(rng.uniform(-10, 3))))
