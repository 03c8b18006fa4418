# SPDX-License-Identifier: Apache-2.0
"""Which elements of which values must be scaled alike for a network to stay the same function."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from math import prod

import networkx as nx
import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from intaglio.compiler.real.linear import Linear

Slots = NDArray[np.int64]
"""For each element of a value the number of its scale; extents of 1 where it doesn't vary."""


@dataclass(frozen=True, slots=True)
class Barrier:
    """Why a slot can't be scaled.

    Attributes:
        slot: which one.
        where: the node or value that forbids it, by name.
        why: what is wrong with it.
    """

    slot: int
    where: str
    why: str


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """A linear operation with constant weights: a sink of what it reads, a source of its result.

    Attributes:
        node: the operation.
        linear: its numbers.
        inputs: the slot of each input channel.
        outputs: the slot of each output channel.
    """

    node: ir.Node
    linear: Linear
    inputs: Slots
    outputs: Slots


@dataclass(frozen=True, slots=True, eq=False)
class ConstantOperand:
    """A constant in the units of the values around it: it is divided by their scales.

    Attributes:
        node: who reads it.
        index: through which input.
        slots: of its elements.
    """

    node: ir.Node
    index: int
    slots: Slots


@dataclass(slots=True)
class ChannelTies:
    """Slots as they are found: a slot is made where a value begins, and follows its elements.

    Attributes:
        shared: slots that need one common scale are joined.
        families: for each slot, the number of the tensor that it was made for.
        barriers: what can't be scaled.
        values: the slots of each value.
        layers: the linear operations, in order.
        constants: the constants that go along with scales, in order.
    """

    shared: "nx.Graph[int]" = field(default_factory=lambda: nx.Graph())
    families: list[int] = field(default_factory=list[int])
    barriers: list[Barrier] = field(default_factory=list[Barrier])
    values: dict[ir.Value, Slots] = field(default_factory=dict[ir.Value, Slots])
    layers: list[Layer] = field(default_factory=list[Layer])
    constants: list[ConstantOperand] = field(default_factory=list[ConstantOperand])

    def fresh(self, shape: Sequence[int]) -> Slots:
        """New slots, of a family of their own."""
        first, count = len(self.families), prod(shape)
        family = self.families[-1] + 1 if self.families else 0
        self.families.extend([family] * count)
        self.shared.add_nodes_from(range(first, first + count))
        return np.arange(first, first + count).reshape(shape)

    def block(self, slots: Slots, where: str, why: str) -> None:
        """Forbid any scale but 1."""
        self.barriers.extend(Barrier(slot, where, why) for slot in np.unique(slots).tolist())

    def is_blocked(self, slots: Slots) -> bool:
        """Whether none of them can be scaled, as far as is known by now."""
        blocked = {barrier.slot for barrier in self.barriers}
        return blocked.issuperset(np.unique(slots).tolist())

    def tie(self, first: Slots, second: Slots) -> None:
        """Join elements that meet each other, with NumPy's broadcasting."""
        pairs = np.stack([each.reshape(-1) for each in np.broadcast_arrays(first, second)], axis=1)
        self.shared.add_edges_from(np.unique(pairs[pairs[:, 0] != pairs[:, 1]], axis=0).tolist())

    def collapse(self, slots: Slots, axes: Iterable[int]) -> Slots:
        """Join all elements along axes, which then have the extent 1."""
        for axis in axes:
            first = slots.take([0], axis=axis)
            if slots.shape[axis] > 1:
                self.tie(first, slots)
            slots = first
        return slots


def aligned(slots: Slots, rank: int) -> Slots:
    """With leading extents of 1, as broadcasting to that rank adds them."""
    return slots.reshape((1,) * (rank - slots.ndim) + slots.shape)


def reshaped(slots: Slots, before: ir.Shape, after: ir.Shape) -> Slots | None:
    """The slots after elements were laid out anew; None if shapes aren't known well enough.

    A leading dimension that the reshape keeps counts as 1: the batch has no slots of its own.
    """
    old, new = [_extent(dim) for dim in before], [_extent(dim) for dim in after]
    if not old or not new or None in old[1:] or None in new[1:]:
        return None
    known_old, known_new = [d or 0 for d in old[1:]], [d or 0 for d in new[1:]]
    if slots.shape[0] == 1 and prod(known_old) == prod(known_new):
        old, new = [1, *known_old], [1, *known_new]
    elif None in (old[0], new[0]):
        return None
    full = np.broadcast_to(slots, [dim or 0 for dim in old])
    return _compact(full.reshape([dim or 0 for dim in new]))


def _extent(dim: int | ir.SymbolicDim) -> int | None:
    return dim if isinstance(dim, int) else None


def _compact(slots: Slots) -> Slots:
    """With the extent 1 along each axis on which nothing varies."""
    for axis in range(slots.ndim):
        first = slots.take([0], axis=axis) if slots.shape[axis] else slots
        if np.array_equal(np.broadcast_to(first, slots.shape), slots):
            slots = first
    return slots
