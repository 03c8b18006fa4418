# SPDX-License-Identifier: Apache-2.0
"""What a kernel is built from: a node with its followers, and typed access to their values."""

from collections.abc import Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from math import prod
from typing import assert_never

from intaglio.compiler.ir import fixed
from intaglio.compiler.ir.graph import Array, Constant, Graph, Node
from intaglio.compiler.ir.types import FloatType, TensorType
from intaglio.compiler.targets.tvm.expressions.channels import Channels
from intaglio.compiler.targets.tvm.expressions.requantizers import clamped, requantized
from intaglio.compiler.targets.tvm.function import Function, cast, index, load, vector
from intaglio.compiler.targets.tvm.library import Buffer, Expression, tirx
from intaglio.compiler.targets.tvm.number import Number, word_of
from intaglio.numerics.accumulator import Overflow
from intaglio.numerics.integers import IntType
from intaglio.numerics.intervals import Interval

Follower = fixed.Requantize | fixed.Clamp | fixed.Cast
"""Ops of one operand that look at an element and its channel alone."""


@dataclass(frozen=True, slots=True)
class Tensor:
    """A value in memory, elements in row-major order."""

    function: Function
    buffer: Buffer
    type: TensorType
    interval: Interval

    def load(self, at: Expression, lanes: int = 1) -> Number:
        """Elements ``at`` up to below ``at + lanes``."""
        bits = word_of(self.interval)
        loaded = cast(vector(f"int{bits}", lanes), load(self.buffer, at, lanes))
        return Number(self.function.bind(loaded), self.interval, bits, lanes)

    def load_float(self, at: Expression, lanes: int = 1) -> Expression:
        """Elements of float32."""
        return self.function.bind(load(self.buffer, at, lanes))

    def store(self, at: Expression, value: Number) -> None:
        """Put the elements from ``at`` on; they lie within the type."""
        # In the place of an operand, bytes of the other signedness hold the same bits.
        dtype = vector(str(self.buffer.dtype), value.lanes)
        self.function.store(self.buffer, at, cast(dtype, value.expression), value.lanes)


@dataclass(frozen=True, slots=True)
class Scope:
    """A kernel under construction.

    Attributes:
        function: where statements go.
        graph: the fixed graph.
        ranges: which integers each value can hold.
        node: what is computed.
        followers: nodes that take each result further before it is stored, in order.
        in_place: the operand whose memory the result takes, element by element; None for memory of
            its own.
    """

    function: Function
    graph: Graph
    ranges: Mapping[str, Interval]
    node: Node
    followers: tuple[Node, ...] = ()
    in_place: str | None = None

    def anew(self) -> "Scope":
        """The same node, in a function without statements."""
        function = Function(self.function.shared, integers_alone=self.function.integers_alone)
        return replace(self, function=function)

    def apart(self) -> "Scope":
        """The same node, in a function without statements, with memory for the result."""
        return replace(self.anew(), in_place=None)

    def operand(self, number: int) -> Tensor:
        """An operand in memory: the next pointer parameter."""
        return self._tensor(self.node.operands[number])

    def result(self) -> Tensor:
        """The value of the last follower, or of the node: the next pointer, or an operand's."""
        name = (self.node, *self.followers)[-1].name
        if self.in_place is None:
            return self._tensor(name)
        buffer = self.function.known_tensor(self.in_place)
        interval = self.ranges.get(name, Interval(0, 0))
        return Tensor(self.function, buffer, self.graph.type_of(name), interval)

    def _tensor(self, name: str) -> Tensor:
        type = self.graph.type_of(name)
        buffer = self.function.tensor(name, dtype_of(type), type.size)
        return Tensor(self.function, buffer, type, self.ranges.get(name, Interval(0, 0)))

    def constant(self, number: int) -> Array | None:
        """The elements of a constant operand; None where there is none or where it is computed."""
        if number >= len(self.node.operands):
            return None
        found = self.graph.definitions[self.node.operands[number]]
        return found.array if isinstance(found, Constant) else None

    def channels(self, channel: Expression, lanes: int = 1) -> Channels:
        """Where expressions of one channel stand."""
        return Channels(self.function, channel, lanes)

    def follow(self, at: Channels, x: Number) -> Number:
        """What the followers make of an element."""
        for node in self.followers:
            x = followed(at, node, x)
        return x


def followed(at: Channels, node: Node, x: Number) -> Number:
    """What one op of one operand makes of an element of channel ``at``."""
    op = node.op
    if not isinstance(op, Follower):
        raise TypeError(f"{node.name} is no follower")
    match op:
        case fixed.Requantize():
            return requantized(at, op.requantizers, x)
        case fixed.Clamp():
            return clamped(at, op.low, op.high, x)
        case fixed.Cast():
            return at.once(held(at, x, node.type.integer, op.overflow))
        case _:
            assert_never(op)


def held(at: Channels, x: Number, type: IntType, overflow: Overflow) -> Number:
    """``x`` in ``type``: wrapped, or saturated once."""
    match overflow:
        case Overflow.WRAP:
            return at.once(x.wrap(type))
        case Overflow.SATURATE | Overflow.SATURATE_EACH_ADD | Overflow.TRAP:
            return clamped(at, [type.minimum], [type.maximum], x)
        case _:
            assert_never(overflow)


def dtype_of(type: TensorType) -> str:
    """The elements' type in memory."""
    return "float32" if isinstance(type.element, FloatType) else str(type.element.dtype)


@contextmanager
def nest(function: Function, extents: Sequence[int]) -> Generator[list[Expression], None, None]:
    """Loops within loops; none for an axis of one element."""
    with ExitStack() as stack:
        yield [
            stack.enter_context(function.loop(extent)) if extent != 1 else index(0)
            for extent in extents
        ]


_ENOUGH = 64
"""Tasks that keep any number of threads busy."""


@contextmanager
def split(function: Function, extents: Sequence[int]) -> Generator[list[Expression], None, None]:
    """Loops like those of ``nest``, which threads share where the function is shared.

    No turn may read what another one writes; two may write the same value to the same place.
    """
    if not function.shared:
        with nest(function, extents) as places:
            yield places
        return
    shared = len(extents)
    while shared > 1 and prod(extents[: shared - 1]) >= _ENOUGH:
        shared -= 1
    with function.tasks(prod(extents[:shared])) as task:
        outer = _unfolded(function, task, extents[:shared])
        with nest(function, extents[shared:]) as inner:
            yield [*outer, *inner]


def _unfolded(function: Function, task: Expression, extents: Sequence[int]) -> list[Expression]:
    """The places along axes of which ``task`` is the offset in row-major order."""
    places: list[Expression] = []
    for number, extent in enumerate(extents):
        place, step = task, prod(extents[number + 1 :])
        if step > 1:
            place = tirx.truncdiv(place, index(step))
        if prod(extents[:number]) > 1:
            place = tirx.truncmod(place, index(extent))
        places.append(function.bind(place) if extent > 1 else index(0))
    return places


@contextmanager
def elements(
    scope: Scope, type: TensorType
) -> Generator[tuple[Expression, Expression], None, None]:
    """Loop over a tensor: the offset of an element, and its channel along the last axis."""
    channels = type.shape[-1] if type.shape else 1
    with split(scope.function, (type.size // max(channels, 1), channels)) as (row, channel):
        yield row * index(channels) + channel, channel


def flat(places: Sequence[Expression], shape: Sequence[int]) -> Expression:
    """The offset of an element in row-major order."""
    offset = index(0)
    for place, extent in zip(places, shape, strict=True):
        offset = offset * index(extent) + place
    return offset


def strides_of(shape: Sequence[int]) -> tuple[int, ...]:
    """How many elements one step along each axis skips."""
    strides: list[int] = []
    step = 1
    for extent in reversed(shape):
        strides.insert(0, step)
        step *= extent
    return tuple(strides)
