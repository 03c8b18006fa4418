# SPDX-License-Identifier: Apache-2.0
"""Requantizers of many kinds in one graph: exact Python ints, whole arrays and machine code."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from benchmarks.requantizer_draws import CODES, RequantizerKind
from intaglio.compiler.ir.builder import Builder
from intaglio.compiler.ir.fixed import Requantize
from intaglio.compiler.ir.graph import Graph, Level
from intaglio.compiler.ir.types import TensorType
from intaglio.numerics.corners import corner_accumulators
from intaglio.numerics.integers import IntType
from intaglio.numerics.requantizers import Requantizer
from intaglio.simulator import compiled, vectorized

Values = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is compared of a kind.

    Attributes:
        channels: requantizers.
        rows: random accumulators of each.
        cornered: how many of the requantizers have their corners solved for.
    """

    channels: int
    rows: int
    cornered: int


WHOLE = Effort(channels=100, rows=1000, cornered=100)


@dataclass(frozen=True, slots=True)
class Comparison:
    """What was compared for one kind.

    Attributes:
        kind: its name.
        random: random accumulators.
        corners: accumulators at corners.
        undecided: corners whose search was given up.
        vectorized: codes of whole arrays that differ from those of exact Python ints.
        compiled: codes of machine code that do; None where ``refused`` says why there is none.
        refused: what the compiled engine can't do.
    """

    kind: str
    random: int
    corners: int
    undecided: int
    vectorized: int
    compiled: int | None
    refused: str = ""

    @property
    def differences(self) -> int:
        """In either engine."""
        return self.vectorized + (self.compiled or 0)


@dataclass(frozen=True, slots=True)
class _Sample:
    """Requantizers of one kind, a channel each, and their accumulators as rows."""

    kind: RequantizerKind
    requantizers: tuple[Requantizer, ...]
    x: Values
    corners: int
    undecided: int


def compare(kinds: Sequence[RequantizerKind], effort: Effort = WHOLE) -> list[Comparison]:
    """Each kind's codes in three ways; machine code of all is one object."""
    samples = [_sample(kind, effort) for kind in kinds]
    refusals = {
        sample.kind.name: "; ".join(compiled.unsupported(_graph([sample]))) for sample in samples
    }
    whole = _graph(samples)
    arrays = vectorized.run(whole, _feeds(samples))
    taken = [sample for sample in samples if not refusals[sample.kind.name]]
    machine = compiled.run(_graph(taken), _feeds(taken)) if taken else {}
    found: list[Comparison] = []
    for at, sample in enumerate(samples):
        exact = _exact(sample)
        refused = refusals[sample.kind.name]
        own = None if refused else machine[f"y{taken.index(sample)}"]
        found.append(
            Comparison(
                sample.kind.name,
                effort.channels * effort.rows,
                sample.corners,
                sample.undecided,
                int(np.count_nonzero(arrays[f"y{at}"] != exact)),
                None if own is None else int(np.count_nonzero(own != exact)),
                refused,
            )
        )
    return found


def _graph(samples: Sequence[_Sample]) -> Graph:
    builder = Builder("requantizers", Level.FIXED)
    outputs: list[str] = []
    for at, sample in enumerate(samples):
        x = builder.input(f"x{at}", TensorType(sample.kind.accumulator, sample.x.shape))
        codes = TensorType(CODES, sample.x.shape)
        outputs.append(builder.node(f"y{at}", codes, Requantize(sample.requantizers), [x]))
    return builder.finish(outputs)


def _feeds(samples: Sequence[_Sample]) -> dict[str, npt.NDArray[np.signedinteger]]:
    return {
        f"x{at}": sample.x.astype(sample.kind.accumulator.dtype)
        for at, sample in enumerate(samples)
    }


def _exact(sample: _Sample) -> Values:
    columns = [
        [requantizer.apply(value) for value in sample.x[:, channel].tolist()]
        for channel, requantizer in enumerate(sample.requantizers)
    ]
    return np.array(columns, np.int64).T


def _sample(kind: RequantizerKind, effort: Effort) -> _Sample:
    """Always the same for a kind, whichever profile names it."""
    rng = np.random.default_rng(zlib.crc32(kind.name.encode()))
    requantizers = tuple(kind.draw(rng, channel) for channel in range(effort.channels))
    random = _accumulators(rng, kind.accumulator, (effort.rows, effort.channels))
    interval = kind.accumulator.interval
    solved = [corner_accumulators(each, interval) for each in requantizers[: effort.cornered]]
    corners = [each.accumulators for each in solved]
    # Columns are filled up with what they have already.
    x = np.concatenate([random, np.tile(random[:1], (max(map(len, corners)), 1))])
    for channel, found in enumerate(corners):
        x[effort.rows : effort.rows + len(found), channel] = found
    undecided = sum(len(each.undecided) for each in solved)
    return _Sample(kind, requantizers, x, sum(map(len, corners)), undecided)


def _accumulators(rng: np.random.Generator, accumulator: IntType, shape: tuple[int, int]) -> Values:
    """Uniform values, small ones, multiples of powers of two (ties) and the type's edges."""
    low, high = accumulator.minimum, accumulator.maximum
    x = rng.integers(low, high, shape, endpoint=True)
    small = rng.integers(-1000, 1000, shape)
    step = np.int64(1) << rng.integers(0, max(accumulator.bits - 2, 1), shape)
    ties = np.clip(x // step * step, low, high)
    choice = rng.integers(0, 4, shape)
    x = np.where(choice == 1, np.clip(small, low, high), np.where(choice >= 2, ties, x))
    x[0], x[1], x[2] = low, high, 0
    return x.astype(np.int64)
