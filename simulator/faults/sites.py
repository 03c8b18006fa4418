# SPDX-License-Identifier: Apache-2.0
"""Where bits of a fixed graph are stored."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from intaglio.compiler.ir import fixed
from intaglio.compiler.ir.graph import Constant, Graph, Node
from intaglio.compiler.ir.text import print_graph
from intaglio.compiler.ir.types import FloatType
from intaglio.numerics.integers import IntType
from intaglio.simulator.faults.requantizer_words import requantizer_words


class Storage(Enum):
    """What a machine keeps apart."""

    WEIGHTS = "weights"
    BIASES = "biases"
    TABLES = "tables"
    MULTIPLIERS = "multipliers"
    """The numbers of requantizers: multipliers, shifts, zero points, clamps."""
    CONSTANTS = "constants"
    """Of other ops, such as an addend."""
    ACTIVATIONS = "activations"
    ACCUMULATORS = "accumulators"

    @property
    def permanent(self) -> bool:
        """Whether it holds the same in every run."""
        return self not in (Storage.ACTIVATIONS, Storage.ACCUMULATORS)


class FaultModel(Enum):
    """What happens to bits: one flips, neighbours flip together, one is stuck."""

    FLIP = "flip"
    BURST = "burst"
    STUCK_AT_0 = "stuck-at-0"
    STUCK_AT_1 = "stuck-at-1"


@dataclass(frozen=True, slots=True)
class Site:
    """A row of words of one width.

    Attributes:
        storage: the kind.
        value: the constant, or the node, that holds them.
        field: of a requantizer, which of its numbers; else empty.
        words: how many.
        bits: of each.
        layer: the node that computes or first reads them.
    """

    storage: Storage
    value: str
    field: str
    words: int
    bits: int
    layer: str

    @property
    def population(self) -> int:
        """How many bits there are."""
        return self.words * self.bits


@dataclass(frozen=True, slots=True)
class Fault:
    """Bits of one word that change.

    Attributes:
        storage: the kind of storage.
        value: the constant, or the node, that holds the word.
        field: of a requantizer, which of its numbers; else empty.
        index: the word, in row-major order; of a requantizer's number, the channel.
        bit: the lowest bit that changes; 0 is the least significant.
        model: how.
        width: how many neighbouring bits; 1 unless the model is a burst.
    """

    storage: Storage
    value: str
    field: str
    index: int
    bit: int
    model: FaultModel
    width: int = 1

    @property
    def place(self) -> tuple[Storage, str, str]:
        """What names the row of words."""
        return self.storage, self.value, self.field


def graph_hash(graph: Graph) -> str:
    """SHA-256 of the graph's text, which holds every number, of long constants the hash."""
    return hashlib.sha256(print_graph(graph).encode()).hexdigest()


def storages(graph: Graph) -> tuple[Site, ...]:
    """Every row of words of a fixed graph, constants first.

    Values that ops only move are stored once, where they are computed; floats aren't covered.
    """
    return (*_constants(graph), *_values(graph))


def _constants(graph: Graph) -> Iterator[Site]:
    for constant in graph.constants:
        users = graph.users.get(constant.name, ())
        element = constant.type.element
        if not users or isinstance(element, FloatType):
            continue
        storage = _storage_of(constant, users[0])
        yield Site(storage, constant.name, "", constant.array.size, element.bits, users[0].name)
    for node, op in graph.nodes_of(fixed.Requantize):
        for field in requantizer_words(op.requantizers):
            yield Site(
                Storage.MULTIPLIERS, node.name, field.path, field.words, field.bits, node.name
            )


def _storage_of(constant: Constant, user: Node) -> Storage:
    match user.op:
        case fixed.Conv2d() | fixed.ConvTranspose2d() | fixed.MatMul():
            biases = len(user.operands) > 2 and user.operands[2] == constant.name
            return Storage.BIASES if biases else Storage.WEIGHTS
        case fixed.Lookup():
            return Storage.TABLES
        case _:
            return Storage.CONSTANTS


Moved = (
    fixed.Transpose | fixed.Reshape | fixed.Slice | fixed.Concat | fixed.Pad | fixed.ResizeNearest
)
Summed = fixed.Conv2d | fixed.ConvTranspose2d | fixed.MatMul | fixed.ReduceSum


def _values(graph: Graph) -> Iterator[Site]:
    for given in graph.inputs:
        if isinstance(given.type.element, IntType) and given.type.size:
            bits = given.type.element.bits
            yield Site(Storage.ACTIVATIONS, given.name, "", given.type.size, bits, given.name)
    for node in graph.nodes:
        element = node.type.element
        if not isinstance(element, IntType) or isinstance(node.op, Moved) or not node.type.size:
            continue
        summed = isinstance(node.op, Summed)
        storage = Storage.ACCUMULATORS if summed else Storage.ACTIVATIONS
        yield Site(storage, node.name, "", node.type.size, element.bits, node.name)
