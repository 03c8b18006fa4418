# SPDX-License-Identifier: Apache-2.0
"""What a value of a QDQ model means while it is read: a closed union.

A float tensor of such a model is either exactly what some codes stand for (``Quantized`` after its
DequantizeLinear), or waits to be quantized: then its computation is kept (``Computed``,
``Clipped``, ``Moved``, ``FloatInput``) until a QuantizeLinear asks for codes.
"""

from dataclasses import dataclass, replace
from fractions import Fraction

import onnx_ir as ir

from intaglio.compiler.ir import scaled
from intaglio.compiler.ir.graph import Array
from intaglio.compiler.ir.moves import Move
from intaglio.compiler.ir.types import Quantization, TensorType
from intaglio.frontends.onnx.bounds import Bounds
from intaglio.numerics.float32 import Float32
from intaglio.numerics.float_steps import Step
from intaglio.numerics.integers import IntType

Shape = tuple[int, ...]
Rearrangement = Move | scaled.MaxPool2d
"""What commutes with a monotone quantization of each element."""


@dataclass(frozen=True, slots=True, eq=False)
class Static:
    """An array that the file holds, or that follows from the file alone."""

    name: str
    array: Array
    element: ir.DataType
    width: int | None = None

    @property
    def shape(self) -> Shape:
        """The array's shape."""
        return tuple(self.array.shape)


@dataclass(frozen=True, slots=True, eq=False)
class QuantizedConstant:
    """Codes that the file holds; ``real`` once they are dequantized."""

    name: str
    array: Array
    element: IntType
    quantization: Quantization
    real: bool

    @property
    def shape(self) -> Shape:
        """The array's shape."""
        return tuple(self.array.shape)

    @property
    def source(self) -> str:
        """The tensor of the user's model."""
        return self.name

    @property
    def type(self) -> TensorType:
        """The type of a constant that holds these codes."""
        return TensorType(self.element, self.shape, self.quantization)


@dataclass(frozen=True, slots=True)
class Quantized:
    """Codes that the graph under construction computes; ``real`` once they are dequantized.

    Attributes:
        name: the value's name in the integer graph.
        type: its type, with a quantization.
        source: the tensor of the user's model that these codes stand for.
        real: whether the user's model holds the real numbers or the codes.
    """

    name: str
    type: TensorType
    source: str
    real: bool

    @property
    def shape(self) -> Shape:
        """The shape in the integer graph, which is that in the user's model."""
        return self.type.shape


@dataclass(frozen=True, slots=True)
class FloatInput:
    """A float input of the model that is not quantized yet."""

    name: str
    shape: Shape
    source: str


@dataclass(frozen=True, slots=True)
class Computed:
    """The real result of one scaled op, in the layout of that op.

    Attributes:
        op: the op, without an activation.
        operands: names in the graph under construction.
        shape: the result's shape.
        source: the tensor of the user's model.
        node: the user's node, for the graph.
        label: the user's node, for messages.
    """

    op: scaled.Op
    operands: tuple[str, ...]
    shape: Shape
    source: str
    node: str
    label: str


@dataclass(frozen=True, slots=True)
class Clipped:
    """A value within bounds."""

    value: "Real"
    bounds: Bounds
    source: str
    label: str

    @property
    def shape(self) -> Shape:
        """The shape of the value."""
        return self.value.shape


@dataclass(frozen=True, slots=True)
class Moved:
    """Values rearranged.

    Attributes:
        move: what is done; the value of a ``Pad`` is set when the codes are known.
        parts: what is rearranged.
        shape: the result's shape.
        source: the tensor of the user's model.
        node: the user's node, for the graph.
        label: the user's node, for messages.
        padding: the real number that a ``Pad`` puts in.
        suffix: set where the move brings a layout back that the user's model never left; told
            apart by this suffix from the same tensor before.
    """

    move: Rearrangement
    parts: tuple["Real", ...]
    shape: Shape
    source: str
    node: str
    label: str
    padding: Fraction = Fraction(0)
    suffix: str = ""


@dataclass(frozen=True, slots=True)
class Stepped:
    """What float32 operations with constants make of codes, an accumulator or a float input.

    Attributes:
        operand: the value's name in the graph under construction.
        steps: the operations so far.
        factors: see ``scaled.Float32Steps``.
        axis: along which constants and factors with several entries go.
        shape: that of the operand.
        source: the tensor of the user's model.
        node: the user's node, for the graph.
        label: the user's node, for messages.
    """

    operand: str
    steps: tuple[Step, ...]
    factors: tuple[Float32, ...]
    axis: int | None
    shape: Shape
    source: str
    node: str
    label: str


@dataclass(frozen=True, slots=True)
class Tail:
    """A float32 value of the graph behind its last codes, which only an output can be."""

    name: str
    shape: Shape
    source: str
    label: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """What a refused node would have computed; the shape is known only if the file tells it."""

    shape: Shape | None


Real = Quantized | QuantizedConstant | FloatInput | Computed | Clipped | Moved | Stepped | Tail
Meaning = Static | Unknown | Real


def as_real(value: Quantized) -> Quantized:
    """The codes dequantized."""
    return replace(value, real=True)
