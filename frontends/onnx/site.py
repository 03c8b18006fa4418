# SPDX-License-Identifier: Apache-2.0
"""One node of the user's model with what its operands mean: what every reader of an op is given."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import onnx_ir as ir

from intaglio.compiler.ir import scaled
from intaglio.compiler.ir.graph import Array
from intaglio.compiler.ir.infer import Mismatch, result_shape
from intaglio.frontends.axes import normalized
from intaglio.frontends.onnx.emitter import Emitter, checked
from intaglio.frontends.onnx.labels import label
from intaglio.frontends.onnx.meanings import (
    Clipped,
    Computed,
    FloatInput,
    Meaning,
    Moved,
    Quantized,
    QuantizedConstant,
    Real,
    Rearrangement,
    Shape,
    Static,
    Stepped,
    Tail,
    Unknown,
)
from intaglio.frontends.onnx.moving import codes_behind, move, settled
from intaglio.frontends.refusal import Refusal

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Site:
    """A node, its operands (None where an optional one is left out) and where to emit.

    Attributes:
        node: the node of the user's model.
        operands: what its inputs mean.
        emitter: the graph under construction.
        opset: the version of ONNX's operators that the model asks for.
    """

    node: ir.Node
    operands: tuple[Meaning | None, ...]
    emitter: Emitter
    opset: int

    @property
    def source(self) -> str:
        """The tensor that the node computes."""
        return self.node.outputs[0].name or ""

    @property
    def name(self) -> str:
        """The node's name, for the graph."""
        return self.node.name or ""

    @property
    def label(self) -> str:
        """The node, for messages."""
        return label(self.node)

    def has(self, index: int) -> bool:
        """Whether an optional operand is given."""
        return index < len(self.operands) and self.operands[index] is not None

    def operand(self, index: int) -> Meaning:
        """What an operand means.

        Raises:
            Refusal: it is left out.
        """
        found = self.operands[index] if index < len(self.operands) else None
        if found is None:
            raise Refusal(f"lacks its operand {index + 1}")
        return found

    def static(self, index: int) -> Array:
        """An operand whose array is known.

        Raises:
            Refusal: it is computed.
        """
        found = self.operand(index)
        if not isinstance(found, Static):
            raise Refusal(f"its operand {index + 1} is computed; a constant is expected")
        return found.array

    def integers(self, index: int) -> tuple[int, ...]:
        """A known operand that is a list of integers.

        Raises:
            Refusal: it is computed, or isn't.
        """
        array = self.static(index)
        if not np.issubdtype(array.dtype, np.integer) or array.ndim > 1:
            raise Refusal(f"its operand {index + 1} is no list of integers")
        return tuple(int(value) for value in array.ravel())

    def real(self, index: int) -> Real:
        """An operand that holds real numbers, quantized already or not.

        Raises:
            Refusal: it is a float constant, or codes that nothing dequantizes.
        """
        found = self.operand(index)
        match found:
            case Static():
                raise Refusal(
                    f"reads {found.name}, a constant that is not quantized; "
                    f"put QuantizeLinear and DequantizeLinear behind it"
                )
            case Unknown():
                raise AssertionError("a node is not read when an operand was refused")
            case Quantized(real=False) | QuantizedConstant(real=False):
                raise Refusal(f"reads the codes of {found.source}; put a DequantizeLinear between")
            case _:
                return found

    def codes(self, index: int) -> Quantized | QuantizedConstant:
        """An operand that holds exactly what some codes stand for.

        Raises:
            Refusal: it isn't quantized; the message says what to quantize.
        """
        found = settled(self.emitter, self.real(index), self.name)
        if not isinstance(found, Quantized | QuantizedConstant):
            raise _not_quantized(found)
        return found

    def require_quantized(self, index: int, *, several_scales: bool) -> None:
        """Hold an operand against what ``activation`` needs, or with several scales ``codes``.

        Raises:
            Refusal: as these.
        """
        found = self.real(index)
        codes = codes_behind(found)
        if codes is None:
            raise _not_quantized(found)
        if not several_scales and not codes.type.scaled.per_tensor:
            raise _several_scales(codes)

    def activation(self, index: int) -> Quantized:
        """As ``codes``, as a value of the graph with one scale.

        Raises:
            Refusal: it isn't quantized, or has a scale for each channel.
        """
        found = self.codes(index)
        if isinstance(found, QuantizedConstant):
            found = self.emitter.constant(found)
        if not found.type.scaled.per_tensor:
            raise _several_scales(found)
        return found

    def rearrangeable(self, index: int) -> Real:
        """An operand of an op that only moves values: real numbers, or codes that nobody reads yet.

        Raises:
            Refusal: it is a float constant.
        """
        found = self.operand(index)
        if isinstance(found, Quantized | QuantizedConstant):
            return found
        return self.real(index)

    def weights(self, index: int) -> QuantizedConstant:
        """A quantized constant.

        Raises:
            Refusal: it is computed, or not quantized.
        """
        found = self.codes(index)
        if not isinstance(found, QuantizedConstant):
            raise Refusal(f"its operand {index + 1} is computed; a quantized constant is expected")
        return found

    def integer(self, name: str, default: int) -> int:
        """An integer attribute.

        Raises:
            Refusal: it is of another type.
        """
        return self._attribute(name, ir.AttributeType.INT, ir.Attr.as_int, default)

    def flag(self, name: str, default: bool = False) -> bool:
        """An integer attribute that is 0 or 1.

        Raises:
            Refusal: it is neither.
        """
        value = self.integer(name, int(default))
        if value not in (0, 1):
            raise Refusal(f"its attribute {name} is {value}; 0 or 1 is expected")
        return value == 1

    def number(self, name: str, default: float) -> float:
        """A float attribute.

        Raises:
            Refusal: it is of another type.
        """
        return self._attribute(name, ir.AttributeType.FLOAT, ir.Attr.as_float, default)

    def text(self, name: str, default: str) -> str:
        """A text attribute.

        Raises:
            Refusal: it is of another type.
        """
        return self._attribute(name, ir.AttributeType.STRING, ir.Attr.as_string, default)

    def numbers(self, name: str, default: Sequence[int]) -> tuple[int, ...]:
        """An attribute that is a list of integers.

        Raises:
            Refusal: it is of another type.
        """
        return tuple(self._attribute(name, ir.AttributeType.INTS, ir.Attr.as_ints, default))

    def listed(self, name: str, index: int) -> tuple[int, ...] | None:
        """A list that older operators have as an attribute and newer ones as an operand.

        Raises:
            Refusal: it is computed, or no list of integers.
        """
        if self.has(index):
            return self.integers(index)
        return self.numbers(name, ()) if name in self.node.attributes else None

    def _attribute(
        self, name: str, kind: ir.AttributeType, read: Callable[[ir.Attr], T], default: T
    ) -> T:
        found = self.node.attributes.get(name)
        if found is None:
            return default
        if found.type != kind or found.is_ref():
            raise Refusal(f"its attribute {name} is of type {found.type}; {kind} is expected")
        try:
            return read(found)
        except TypeError:  # text that isn't text
            raise Refusal(f"its attribute {name} is damaged; export the model again") from None

    def computed(
        self, op: scaled.Op, operands: Sequence[Quantized], declared: Shape = ()
    ) -> Computed:
        """The result of this node, still to be quantized.

        Args:
            op: what the node computes.
            operands: its operands.
            declared: the result's shape, for ops that leave it open.

        Raises:
            Refusal: the operands don't fit, or the result has no elements or too many.
        """
        types = tuple(operand.type for operand in operands)
        try:
            shape = result_shape(op, types, declared)
        except Mismatch as mismatch:
            raise Refusal(f"has {mismatch.found}; {mismatch.expected} is expected") from None
        names = tuple(operand.name for operand in operands)
        return Computed(op, names, checked(shape), self.source, self.name, self.label)

    def move(self, op: Rearrangement, part: Real, shape: Shape, suffix: str = "") -> Real:
        """The result of this node, or a step of it, as a rearrangement of ``part``."""
        source = self.source if suffix == "" else part.source
        return move(
            self.emitter,
            op,
            part,
            shape,
            source=source,
            node=self.name,
            label=self.label,
            suffix=suffix,
        )


def distinct_axes(named: Sequence[int], rank: int) -> tuple[int, ...]:
    """Axes counted from the front, in the order that they are named in.

    Raises:
        Refusal: the tensor hasn't one of them, or one is named twice.
    """
    axes = tuple(normalized(axis, rank) for axis in named)
    if len(set(axes)) != len(axes):
        raise Refusal(f"names axes {list(named)}, one of them twice")
    return axes


def float32(array: Array, what: str) -> npt.NDArray[np.float32]:
    """An array that has to be float32.

    Raises:
        Refusal: it isn't.
    """
    if array.dtype != np.float32:
        raise Refusal(f"{what} is of type {array.dtype}, float32 is expected")
    return array.astype(np.float32)


def _not_quantized(value: Real) -> Refusal:
    where = _unquantized(value)
    return Refusal(f"reads the float result of {where}; quantize the output of {where}")


def _several_scales(codes: Quantized | QuantizedConstant) -> Refusal:
    return Refusal(f"{codes.source} has a scale for each channel; quantize it with one")


def _unquantized(value: Real) -> str:
    """What to quantize, so that ``value`` becomes codes."""
    match value:
        case Clipped() | Computed() | Stepped() | Tail():
            return value.label
        case Moved():
            waiting = [part for part in value.parts if not isinstance(part, Quantized)]
            return _unquantized(waiting[0]) if waiting and value.suffix else value.label
        case FloatInput():
            return f"the input {value.source}"
        case Quantized() | QuantizedConstant():
            return value.source
