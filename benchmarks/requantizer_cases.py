# SPDX-License-Identifier: Apache-2.0
"""Random requantizers of every kind that a profile uses: exact Python ints against whole arrays."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from intaglio.errors import InvalidOption
from intaglio.numerics.float32 import Float32
from intaglio.numerics.integers import IntType
from intaglio.numerics.intervals import Interval
from intaglio.numerics.profile import Profile
from intaglio.numerics.profile.derive import real_multiplier, scaling
from intaglio.numerics.profile.methods import (
    OperandRescaleMethod,
    ProductMethod,
    RescaledMean,
    RescaledSumMethod,
    SlopeTable,
)
from intaglio.numerics.profile.schemes import PowerOfTwoScheme, Rescale, ScaleProduct
from intaglio.numerics.requantizers import Requantizer
from intaglio.numerics.vectorized import apply_requantizers

CASES = 100_000
_CHANNELS = 250
_CODES = IntType(8, signed=True)


@dataclass(frozen=True, slots=True)
class CaseCount:
    """What was compared for one kind of requantizer of one profile."""

    profile: str
    kind: str
    cases: int
    differences: int


def rescales(profile: Profile) -> Iterator[tuple[Rescale, int]]:
    """Every rescale that the profile's rules name, with the width of its accumulator."""
    for rule in profile.contraction:
        yield rule.rescale, rule.accumulator_bits
    for pair in profile.pair:
        match pair.method:
            case OperandRescaleMethod() | ProductMethod():
                yield pair.method.rescale, 18
            case RescaledSumMethod():
                yield Rescale(ScaleProduct.DOUBLE, pair.method.scheme), 30
            case _:
                pass
    for mean in profile.mean:
        if isinstance(mean.method, RescaledMean):
            yield mean.method.rescale, mean.accumulator_bits
    for unary in profile.unary:
        if isinstance(unary.method, SlopeTable):
            yield unary.method.rescale, 9
    for change in profile.rescale:
        if isinstance(change.method, Rescale):
            yield change.method, 9


def count_differences(profile: Profile, seed: int = 0) -> list[CaseCount]:
    """100,000 random cases for each distinct kind: random scales, powers of two, edges, ties."""
    rng = np.random.default_rng(seed)
    counts: list[CaseCount] = []
    for rescale, bits in dict.fromkeys(rescales(profile)):
        # A convolution's 32-bit accumulator holds far less; the schemes state their own limits.
        accumulator = IntType(min(bits, 40), signed=True)
        cases = differences = 0
        while cases < CASES:
            requantizers = _random_requantizers(rng, rescale, accumulator)
            x = _random_accumulators(rng, accumulator, CASES // _CHANNELS // 2)
            found = apply_requantizers(requantizers, x)
            exact = np.array(
                [[r.apply(int(v)) for r, v in zip(requantizers, row, strict=True)] for row in x]
            )
            cases += x.size
            differences += int(np.count_nonzero(found != exact))
        kind = type(rescale.scheme).__name__.removesuffix("Scheme")
        name = f"{kind} ({rescale.product.value}, {accumulator})"
        counts.append(CaseCount(profile.name, name, cases, differences))
    return counts


def _random_requantizers(
    rng: np.random.Generator, rescale: Rescale, accumulator: IntType
) -> list[Requantizer]:
    found: list[Requantizer] = []
    while len(found) < _CHANNELS:
        left, right, output = (_random_scale(rng, rescale, len(found)) for _ in range(3))
        real = real_multiplier(rescale.product, left, output, right)
        # Multipliers that bring the accumulator to about eight bits, as in a network.
        wanted = accumulator.bits - 9
        exponent = int(rng.integers(-wanted - 3, -wanted + 4))
        real *= Fraction(2) ** (exponent - round(float(np.log2(float(real)))))
        try:
            chosen = scaling(rescale.scheme, real, accumulator.interval)
        except InvalidOption:
            # MultiplyAddShift on a full word: the product has no room; use half the accumulator.
            chosen = scaling(rescale.scheme, real, Interval(-(1 << 20), 1 << 20))
        zero_point = int(rng.integers(-128, 128))
        found.append(Requantizer(chosen, zero_point, _CODES.minimum, _CODES.maximum))
    return found


def _random_scale(rng: np.random.Generator, rescale: Rescale, index: int) -> Float32:
    if index % 4 == 0 or isinstance(rescale.scheme, PowerOfTwoScheme):
        return Float32.from_value(2.0 ** int(rng.integers(-10, 4)))
    return Float32.from_value(float(np.exp2(rng.uniform(-10, 3))))


def _random_accumulators(
    rng: np.random.Generator, accumulator: IntType, rows: int
) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
    """Uniform values, small ones, multiples of powers of two (ties) and the type's edges."""
    low, high = accumulator.minimum, accumulator.maximum
    shape = (rows, _CHANNELS)
    x = rng.integers(low, high, shape, endpoint=True)
    small = rng.integers(-1000, 1000, shape)
    step = np.int64(1) << rng.integers(0, max(accumulator.bits - 2, 1), shape)
    ties = np.clip(x // step * step, low, high)
    choice = rng.integers(0, 4, shape)
    x = np.where(choice == 1, np.clip(small, low, high), np.where(choice >= 2, ties, x))
    x[0], x[1], x[2] = low, high, 0
    return x
