# SPDX-License-Identifier: Apache-2.0
"""An immutable graph in static single assignment form: every node defines one named value."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from types import MappingProxyType
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from intaglio.compiler.ir import fixed, scaled
from intaglio.compiler.ir.types import FloatType, Quantization, TensorType
from intaglio.errors import InvalidData

Array = npt.NDArray[np.generic]
AnyOp = scaled.Op | fixed.Op
OpT = TypeVar("OpT", bound=AnyOp)


class Level(Enum):
    """Which of the two closed unions the ops of a graph come from."""

    SCALED = "scaled"
    FIXED = "fixed"


@dataclass(frozen=True, slots=True)
class Input:
    """A value that the caller gives.  ``source`` is its name in the user's model."""

    name: str
    type: TensorType
    source: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Constant:
    """A value that is part of the graph; the array is read-only."""

    name: str
    type: TensorType
    array: Array
    source: str = ""

    def __post_init__(self) -> None:
        """Keep a read-only array in the smallest dtype that holds the element type.

        Raises:
            InvalidData: an element isn't an integer that this dtype holds.
        """
        element = self.type.element
        dtype = np.dtype(np.float32) if isinstance(element, FloatType) else element.dtype
        given = np.asarray(self.array)
        array = given.astype(dtype).reshape(self.type.shape)
        if not isinstance(element, FloatType) and not np.array_equal(array.ravel(), given.ravel()):
            raise InvalidData(
                f"constant {self.name}",
                f"elements that {dtype} doesn't hold",
                f"integers of type {element}",
                "round, wrap or saturate them first",
            )
        array.setflags(write=False)
        object.__setattr__(self, "array", array)

    def __eq__(self, other: object) -> bool:
        """Equal by name, type, source and every bit of the array."""
        if not isinstance(other, Constant):
            return NotImplemented
        mine = (self.name, self.type, self.source, self.array.tobytes())
        return mine == (other.name, other.type, other.source, other.array.tobytes())

    def __hash__(self) -> int:
        """A hash that agrees with ``==``."""
        return hash((self.name, self.type, self.source))


@dataclass(frozen=True, slots=True)
class Node:
    """One op and the value that it defines.

    Attributes:
        name: the name of the value.
        type: the type of the value.
        op: what is computed.
        operands: names of values, in the op's order.
        source: the name in the user's model of the node that this one stems from.
    """

    name: str
    type: TensorType
    op: AnyOp
    operands: tuple[str, ...]
    source: str = ""


Definition = Input | Constant | Node


@dataclass(frozen=True)
class Graph:
    """Inputs, constants and nodes in an order in which every operand comes first.

    Attributes:
        name: the model's name.
        level: which union the ops come from.
        inputs: in the order of the model's interface.
        constants: in order of first use.
        nodes: in topological order.
        outputs: names of values, in the order of the model's interface.
        output_sources: what the user's model calls the outputs.
        output_quantizations: what the codes of each output stand for, where the model says it; at
            the fixed level, whose types hold no scales but those of inputs.
        profile: name of the profile that chose the arithmetic (fixed graphs; provenance alone).
    """

    name: str
    level: Level
    inputs: tuple[Input, ...]
    constants: tuple[Constant, ...]
    nodes: tuple[Node, ...]
    outputs: tuple[str, ...]
    output_sources: tuple[str, ...] = field(default=())
    output_quantizations: tuple[Quantization | None, ...] = field(default=())
    profile: str = ""

    @cached_property
    def definitions(self) -> Mapping[str, Definition]:
        """Every value by its name."""
        values: tuple[Definition, ...] = (*self.inputs, *self.constants, *self.nodes)
        return MappingProxyType({value.name: value for value in values})

    @cached_property
    def users(self) -> Mapping[str, tuple[Node, ...]]:
        """The nodes that read each value, in graph order (a name without users is absent)."""
        found: dict[str, list[Node]] = {}
        for node in self.nodes:
            for operand in dict.fromkeys(node.operands):
                found.setdefault(operand, []).append(node)
        return MappingProxyType({name: tuple(nodes) for name, nodes in found.items()})

    def type_of(self, name: str) -> TensorType:
        """The type of a value."""
        return self.definitions[name].type

    def constant(self, name: str) -> Constant | None:
        """The constant of that name, None where the value is computed or given."""
        value = self.definitions[name]
        return value if isinstance(value, Constant) else None

    def operand_types(self, node: Node) -> tuple[TensorType, ...]:
        """The types of a node's operands, in order."""
        return tuple(self.type_of(operand) for operand in node.operands)

    def nodes_of(self, *kinds: type[OpT]) -> Iterator[tuple[Node, OpT]]:
        """The nodes whose op is of one of ``kinds``, with the op."""
        for node in self.nodes:
            if isinstance(node.op, kinds):
                yield node, node.op
