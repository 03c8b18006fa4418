# SPDX-License-Identifier: Apache-2.0
"""What the networks on ARM must hold to, and whether they do."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import exp, fsum, log

from benchmarks.arm_networks import AARCH64, M4, M55

MOST_CODE = 16_000
"""Bytes of code on a Cortex-M4, without constants."""


@dataclass(frozen=True, slots=True)
class Ratio:
    """Our instructions over the peer's, at most.

    Attributes:
        mean: the geometric mean over all networks.
        each: of any network; None where only the mean counts.
    """

    mean: float
    each: float | None


RATIOS: Mapping[tuple[str, str], Ratio] = {
    ("single-rounding", AARCH64): Ratio(0.85, 1.0),
    ("single-rounding", M4): Ratio(0.75, 0.95),
    ("single-rounding", M55): Ratio(0.75, 0.95),
    ("tflm", AARCH64): Ratio(0.95, None),
    ("tflm", M4): Ratio(0.85, None),
    ("tflm", M55): Ratio(0.85, None),
}


@dataclass(frozen=True, slots=True)
class Row:
    """One network on one target under one profile; sizes in bytes.

    Attributes:
        network: its name.
        target: the processor.
        profile: the arithmetic.
        inputs: what it was fed.
        samples: how many.
        differing: values of all outputs that differ from the simulator's.
        strays: accesses to memory that isn't the network's.
        instructions: of one inference.
        peer: the peer's.
        macs: products of one inference.
        code: without constants.
        constants: weights, biases and tables.
        arena: that the caller lends.
        ports: inputs and outputs.
        tflm_arena: what TensorFlow Lite Micro takes for the same network, with inputs and outputs;
            None where it wasn't measured.
        stack: at the deepest, as it ran.
        stack_bound: at most, by the assembly; None where that is unknown.
        undefined: symbols that a linker must find elsewhere.
    """

    network: str
    target: str
    profile: str
    inputs: str
    samples: int
    differing: int
    strays: int
    instructions: int
    peer: int
    macs: int
    code: int
    constants: int
    arena: int
    ports: int
    tflm_arena: int | None
    stack: int
    stack_bound: int | None
    undefined: str

    @property
    def ratio(self) -> float:
        """Our instructions over the peer's."""
        return self.instructions / self.peer

    @property
    def ram(self) -> int:
        """What the caller gives: the arena, inputs and outputs."""
        return self.arena + self.ports


@dataclass(frozen=True, slots=True)
class Demand:
    """What is demanded, what was found, and whether that suffices."""

    demand: str
    limit: str
    found: str
    met: bool


def demands(rows: Sequence[Row]) -> Iterator[Demand]:
    """Every demand that the rows have figures for."""
    yield _none("values that differ from the simulator's", [(r, r.differing) for r in rows])
    yield _none("accesses to memory that isn't the network's", [(r, r.strays) for r in rows])
    for (profile, target), ratio in RATIOS.items():
        chosen = [row for row in rows if (row.profile, row.target) == (profile, target)]
        if chosen:
            yield from _ratios(f"{target}, {profile}", chosen, ratio)
    small = [row for row in rows if row.target == M4]
    if small:
        largest = max(small, key=lambda row: row.code)
        found = f"{largest.code:,} ({largest.network}, {largest.profile})"
        limit = f"< {MOST_CODE:,}"
        yield Demand(f"{M4}: bytes of code", limit, found, largest.code < MOST_CODE)
    bare = [row for row in rows if row.target != AARCH64]
    if bare:
        yield _none("undefined symbols on Cortex-M", [(r, len(r.undefined.split())) for r in bare])
    for row in bare:
        if row.tflm_arena is not None and row.ram > row.tflm_arena:
            what = f"{row.network}, {row.target}, {row.profile}: RAM, at most TFLM's"
            yield Demand(what, f"{row.tflm_arena:,}", f"{row.ram:,}", met=False)
    known = [row for row in bare if row.tflm_arena is not None]
    if known and all(row.ram <= (row.tflm_arena or 0) for row in known):
        share = max(row.ram / (row.tflm_arena or 1) for row in known)
        yield Demand("RAM, of TFLM's arena for the same network", "1", f"{share:.2f}", met=True)


def geometric_mean(values: Sequence[float]) -> float:
    """The root of the product.

    >>> round(geometric_mean([0.5, 2.0, 8.0]), 12)
    2.0
    """
    return exp(fsum(map(log, values)) / len(values))


def _none(what: str, counts: Sequence[tuple[Row, int]]) -> Demand:
    worst, count = max(counts, key=lambda each: each[1])
    where = f" ({worst.network}, {worst.target}, {worst.profile})" if count else ""
    return Demand(what, "0", f"{sum(count for _, count in counts):,}{where}", count == 0)


def _ratios(what: str, rows: Sequence[Row], ratio: Ratio) -> Iterator[Demand]:
    mean = geometric_mean([row.ratio for row in rows])
    of = f"{len(rows)} networks" if len(rows) > 1 else rows[0].network
    limit = f"{ratio.mean:.2f}"
    yield Demand(f"{what}: mean ratio of {of}", limit, f"{mean:.3f}", mean <= ratio.mean)
    if ratio.each is not None:
        worst = max(rows, key=lambda row: row.ratio)
        found = f"{worst.ratio:.3f} ({worst.network})"
        limit = f"{ratio.each:.2f}"
        yield Demand(f"{what}: largest ratio", limit, found, worst.ratio <= ratio.each)
