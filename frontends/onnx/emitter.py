# SPDX-License-Identifier: Apache-2.0
"""Adds nodes to the integer graph, and keeps tensors within a size that can be held."""

from dataclasses import dataclass, field, replace
from math import prod

import numpy as np

from intaglio.compiler.ir import scaled
from intaglio.compiler.ir.builder import Builder
from intaglio.compiler.ir.infer import Mismatch, result_shape
from intaglio.compiler.ir.types import FLOAT32, Quantization, TensorType
from intaglio.frontends.onnx.meanings import (
    Quantized,
    QuantizedConstant,
    Rearrangement,
    Shape,
    Static,
)
from intaglio.frontends.refusal import Refusal

MAXIMUM_ELEMENTS = 2**31 - 1


def checked(shape: Shape) -> Shape:
    """The shape, if each extent is positive and the tensor is of a size that can be held.

    Raises:
        Refusal: it isn't.
    """
    if any(extent < 1 for extent in shape):
        raise Refusal(f"its result would have the shape {shape}, without elements")
    if prod(shape) > MAXIMUM_ELEMENTS:
        raise Refusal(f"its result would have the shape {shape}, more than 2**31 - 1 elements")
    return shape


@dataclass
class Emitter:
    """The graph under construction."""

    builder: Builder
    moved: dict[tuple[Rearrangement, tuple[str, ...]], str] = field(
        default_factory=dict[tuple[Rearrangement, tuple[str, ...]], str]
    )

    def node(
        self, wanted: str, type: TensorType, op: scaled.Op, operands: tuple[str, ...], source: str
    ) -> str:
        """Add a node; the name it got.

        Raises:
            Refusal: the operands don't fit, or the result has no elements or too many.
        """
        checked(type.shape)
        types = tuple(self.builder.type_of(operand) for operand in operands)
        try:
            shape = result_shape(op, types, type.shape)
        except Mismatch as mismatch:
            raise Refusal(f"has {mismatch.found}; {mismatch.expected} is expected") from None
        if shape != type.shape:
            raise AssertionError(f"{wanted} has the shape {shape}, not {type.shape}")
        return self.builder.node(wanted, type, op, operands, source)

    def rearranged(
        self,
        wanted: str,
        type: TensorType,
        move: Rearrangement,
        operands: tuple[str, ...],
        source: str,
    ) -> str:
        """Add a move, or find the same one done before."""
        key = (move, operands)
        found = self.moved.get(key)
        if found is not None and self.builder.type_of(found) == type:
            return found
        self.moved[key] = self.node(wanted, type, move, operands, source)
        return self.moved[key]

    def reinterpreted(self, value: Quantized, parameters: Quantization, node: str) -> Quantized:
        """The same codes with one other scale and zero point."""
        if value.type.scaled == parameters:
            return value
        type = replace(value.type, quantization=parameters)
        wanted = f"{value.source}.codes"
        name = self.node(wanted, type, scaled.Reinterpret(), (value.name,), node)
        return replace(value, name=name, type=type)

    def constant(self, value: QuantizedConstant) -> Quantized:
        """The codes of the file as a constant of the graph."""
        name = self.builder.constant(value.name, value.type, value.array, value.name)
        return Quantized(name, value.type, value.name, value.real)

    def float_constant(self, value: Static, shape: Shape) -> Quantized:
        """A float32 array of the file, in ``shape``, as a constant of the graph."""
        type = TensorType(FLOAT32, shape)
        array = np.broadcast_to(value.array.reshape(-1), shape)
        name = self.builder.constant(value.name, type, array, value.name)
        return Quantized(name, type, value.name, real=True)
