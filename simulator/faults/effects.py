# SPDX-License-Identifier: Apache-2.0
"""What a fault makes of a word."""

from dataclasses import dataclass
from typing import assert_never

import numpy as np

from intaglio.compiler.ir import fixed
from intaglio.compiler.ir.graph import Array, Constant, Graph, Node
from intaglio.errors import IntaglioError
from intaglio.numerics.float32 import Float32
from intaglio.numerics.float64 import Float64
from intaglio.numerics.integers import IntType
from intaglio.simulator.faults.requantizer_words import (
    Number,
    requantizer_words,
    with_word,
    word_of,
)
from intaglio.simulator.faults.sites import Fault, FaultModel, Storage


def apply_model(word: int, bits: int, fault: Fault) -> int:
    """The bits of a word, ``0 <= word < 2**bits``, after the fault."""
    mask = ((1 << fault.width) - 1) << fault.bit & ((1 << bits) - 1)
    match fault.model:
        case FaultModel.FLIP | FaultModel.BURST:
            return word ^ mask
        case FaultModel.STUCK_AT_0:
            return word & ~mask
        case FaultModel.STUCK_AT_1:
            return word | mask
        case _:
            assert_never(fault.model)


def changed_integer(value: int, type: IntType, fault: Fault) -> int:
    """An integer of a type after the fault."""
    return type.wrap(apply_model(value & ((1 << type.bits) - 1), type.bits, fault))


def changed_array(array: Array, type: IntType, fault: Fault) -> Array:
    """A copy of an array, one element of which the fault changes."""
    changed = array.copy()
    flat = changed.reshape(-1)
    flat[fault.index] = np.array(
        changed_integer(int(flat[fault.index]), type, fault), dtype=array.dtype
    )
    return changed


@dataclass(frozen=True, slots=True)
class Effect:
    """What differs in a graph: a constant, or a node's op; both None where nothing does."""

    constant: Constant | None = None
    node: Node | None = None

    @property
    def nothing(self) -> bool:
        """Whether the fault leaves all as it is."""
        return self.constant is None and self.node is None


NOTHING = Effect()


def permanent_effect(graph: Graph, fault: Fault) -> Effect | None:
    """What a fault changes in constants and requantizers; None where no machine is so.

    A flipped bit may make a shift, a clamp or a float that has no meaning; such a fault is no
    silent one, and isn't listed.
    """
    definition = graph.definitions[fault.value]
    if fault.storage is Storage.MULTIPLIERS:
        if not isinstance(definition, Node) or not isinstance(definition.op, fixed.Requantize):
            raise TypeError(f"{fault.value} has no requantizers")
        return _requantize_effect(definition, definition.op, fault)
    if not isinstance(definition, Constant):
        raise TypeError(f"{fault.value} is no constant")
    array = changed_array(definition.array, definition.type.integer, fault)
    if np.array_equal(array, definition.array):
        return NOTHING
    return Effect(constant=Constant(definition.name, definition.type, array, definition.source))


def has_effect(graph: Graph, fault: Fault) -> bool:
    """Whether a machine could run with the fault: see ``permanent_effect``."""
    return fault.storage is not Storage.MULTIPLIERS or permanent_effect(graph, fault) is not None


def _requantize_effect(node: Node, op: fixed.Requantize, fault: Fault) -> Effect | None:
    (field,) = (each for each in requantizer_words(op.requantizers) if each.path == fault.field)
    old = op.requantizers[fault.index]
    number = word_of(old, fault.field)
    changed = _changed_number(number, field.bits, field.signed, fault)
    if changed is None:
        return None
    if changed == number:
        return NOTHING
    new = with_word(old, fault.field, changed)
    if new is None or not node.type.integer.interval.contains(new.output):
        return None
    requantizers = (
        *op.requantizers[: fault.index],
        new,
        *op.requantizers[fault.index + 1 :],
    )
    changed_op = fixed.Requantize(requantizers)
    return Effect(node=Node(node.name, node.type, changed_op, node.operands, node.source))


def _changed_number(number: Number, bits: int, signed: bool, fault: Fault) -> Number | None:
    match number:
        case Float32():
            return _changed_float(Float32, apply_model(number.bits, bits, fault))
        case Float64():
            return _changed_float(Float64, apply_model(number.bits, bits, fault))
        case int():
            type = IntType(bits, signed)
            return changed_integer(number, type, fault)
        case _:
            assert_never(number)


def _changed_float(kind: type[Float32] | type[Float64], bits: int) -> Float32 | Float64 | None:
    try:
        return kind(bits)
    except IntaglioError:
        return None
