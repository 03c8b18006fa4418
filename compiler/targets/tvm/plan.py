# SPDX-License-Identifier: Apache-2.0
"""Where values live in the arena: exact lifetimes, then gaps that fit, the best of a few orders."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

ALIGNMENT = 64
"""Bytes: a cache line, and the widest vector."""


@dataclass(frozen=True, slots=True)
class Block:
    """Memory that is needed from one step to another, both included.

    Attributes:
        name: whose it is.
        size: bytes.
        first: the step that writes it.
        last: the last step that reads it.
    """

    name: str
    size: int
    first: int
    last: int

    def meets(self, other: "Block") -> bool:
        """Whether both are needed at one step."""
        return self.first <= other.last and other.first <= self.last


@dataclass(frozen=True, slots=True)
class Plan:
    """Offsets in the arena.

    Attributes:
        offsets: by name, in bytes.
        size: bytes of the arena.
        live: the largest sum of what is needed at one step: no plan is smaller.
    """

    offsets: Mapping[str, int]
    size: int
    live: int


def plan(blocks: Iterable[Block]) -> Plan:
    """Give every block a place that no block of its time shares."""
    rounded = [Block(block.name, aligned(block.size), block.first, block.last) for block in blocks]
    orders: tuple[Callable[[Block], tuple[int | str, ...]], ...] = (
        lambda block: (-block.size, block.first, block.name),
        lambda block: (-block.size * (block.last - block.first + 1), block.first, block.name),
        lambda block: (block.first, -block.size, block.name),
        lambda block: (-block.last, -block.size, block.name),
    )
    live = _most_live(rounded)
    tried = [_improved(sorted(rounded, key=order), live) for order in orders]
    offsets, size = min(tried, key=lambda found: found[1])
    return Plan(offsets, size, live)


_TRIES = 16
"""Of each order, where no plan is as small as it could be."""


def _improved(blocks: Sequence[Block], live: int) -> tuple[Mapping[str, int], int]:
    """Offsets and size: the best where, again and again, the block at the top chooses first."""
    best = offsets, size = _placed(blocks)
    for _ in range(_TRIES):
        if size == live:
            break
        top = next(block for block in blocks if offsets[block.name] + block.size == size)
        blocks = [top, *(block for block in blocks if block is not top)]
        offsets, size = _placed(blocks)
        best = min(best, (offsets, size), key=lambda found: found[1])
    return best


def _placed(blocks: Sequence[Block]) -> tuple[Mapping[str, int], int]:
    """Offsets and size where each block in turn takes the best gap that is left."""
    placed: list[tuple[int, Block]] = []
    for block in blocks:
        neighbours = [(offset, other) for offset, other in placed if other.meets(block)]
        placed.append((_best_gap(neighbours, block.size), block))
    size = max((offset + block.size for offset, block in placed), default=0)
    return {block.name: offset for offset, block in placed}, size


def aligned(size: int) -> int:
    """The next multiple of the alignment."""
    return -(-size // ALIGNMENT) * ALIGNMENT


def _best_gap(neighbours: Iterable[tuple[int, Block]], size: int) -> int:
    """The start of the smallest gap that fits between the neighbours, or the end of the last."""
    best, room, end = None, 0, 0
    for offset, other in sorted(neighbours, key=lambda each: each[0]):
        gap = offset - end
        if gap >= size and (best is None or gap < room):
            best, room = end, gap
        end = max(end, offset + other.size)
    return end if best is None else best


def _most_live(blocks: Sequence[Block]) -> int:
    steps = {block.first for block in blocks}
    return max(
        (sum(b.size for b in blocks if b.first <= step <= b.last) for step in steps), default=0
    )
