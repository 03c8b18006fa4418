# SPDX-License-Identifier: Apache-2.0
"""What the model is given: shapes made static, and codes whose scale a DequantizeLinear tells."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import onnx_ir as ir

from intaglio.compiler.ir.types import FLOAT32, Quantization, TensorType
from intaglio.frontends.onnx.codes import PLAIN
from intaglio.frontends.onnx.emitter import Emitter, checked
from intaglio.frontends.onnx.folding import fold
from intaglio.frontends.onnx.meanings import FloatInput, Meaning, Quantized, Shape, Static
from intaglio.frontends.onnx.parameters import (
    marked_width,
    quantization,
    storage_type,
    true_type,
)
from intaglio.frontends.onnx.qoperator.places import operands_of
from intaglio.frontends.onnx.site import Site
from intaglio.frontends.refusal import Refusal
from intaglio.numerics.integers import IntType


@dataclass
class Extents:
    """Static shapes for what the file leaves open.

    Attributes:
        batch: what a symbolic leading dimension becomes.
        shapes: the shapes that the caller states, by input.
        symbols: what each named dimension turned out to be.
    """

    batch: int
    shapes: Mapping[str, Sequence[int]]
    symbols: dict[str, int] = field(default_factory=dict[str, int])

    def of_input(self, value: ir.Value) -> Shape:
        """The static shape of an input.

        Raises:
            Refusal: a dimension is neither a number, nor batch, nor stated by the caller.
        """
        name, stated = value.name or "", self.shapes.get(value.name or "")
        found = value.shape
        if found is None:
            if stated is None:
                raise Refusal(f"has no shape; state it with --shape {name}=...")
            return checked(tuple(stated))
        if stated is not None and len(stated) != len(found):
            raise Refusal(f"has {len(found)} axes, but --shape states {list(stated)}")
        result: list[int] = []
        for axis, extent in enumerate(found):
            wanted = None if stated is None else stated[axis]
            result.append(self._extent(name, axis, extent, wanted))
        return checked(tuple(result))

    def _extent(
        self, name: str, axis: int, extent: int | ir.SymbolicDim, stated: int | None
    ) -> int:
        if isinstance(extent, int):
            if stated not in (None, extent):
                raise Refusal(f"has extent {extent} along axis {axis}, but --shape states {stated}")
            return extent
        symbol = extent.value
        known = None if symbol is None else self.symbols.get(symbol)
        if stated is None:
            stated = known if known is not None else self.batch if axis == 0 else None
        if stated is None:
            raise Refusal(
                f"leaves its extent along axis {axis} open ({symbol or 'unnamed'}); "
                f"state its shape with --shape {name}=..."
            )
        if symbol is not None:
            self.symbols[symbol] = stated
        return stated

    def noted(self, value: ir.Value) -> Shape | None:
        """The shape that the file notes for a value, None where it isn't known in full."""
        if value.shape is None:
            return None
        extents = [
            extent if isinstance(extent, int) else self.symbols.get(extent.value or "")
            for extent in value.shape
        ]
        known = [extent for extent in extents if extent is not None and extent > 0]
        return tuple(known) if len(known) == len(extents) else None


def initializer(value: ir.Value) -> Static | None:
    """What the file stores for a value, None where it is computed or given."""
    tensor = value.const_value
    if tensor is None:
        return None
    width = marked_width(value.metadata_props)
    return Static(value.name or "", tensor.numpy(), tensor.dtype, width)


def read_input(emitter: Emitter, value: ir.Value, extents: Extents, opset: int) -> Meaning:
    """Add one input of the model to the graph.

    Raises:
        Refusal: its type or shape can't be taken.
    """
    name, shape = value.name or "", extents.of_input(value)
    if value.dtype == ir.DataType.FLOAT:
        return FloatInput(emitter.builder.input(name, TensorType(FLOAT32, shape)), shape, name)
    if value.dtype is None:
        raise Refusal("has no element type; export the model again")
    element = true_type(storage_type(value.dtype), marked_width(value.metadata_props))
    type = TensorType(element, shape, _told_by_reader(emitter, value, element, opset))
    return Quantized(emitter.builder.input(name, type), type, name, real=False)


def _told_by_reader(
    emitter: Emitter, value: ir.Value, element: IntType, opset: int
) -> Quantization:
    """The one scale that a reader of these codes states; without any they stand for themselves.

    What a reader states amiss, it is refused for itself later on.
    """
    for user in value.uses():
        for place in operands_of(user.node):
            if place.codes != user.idx or place.scale is None:
                continue
            inputs = user.node.inputs
            stated = [
                _known(inputs[index], emitter, opset) if index < len(inputs) else None
                for index in (place.scale, place.zero_point)
            ]
            scale, zero_point = (s.array if isinstance(s, Static) else None for s in stated)
            if scale is None or scale.size != 1:
                continue
            try:
                return quantization(scale, zero_point, 0, (), element)
            except Refusal:
                continue
    return PLAIN


def _known(value: ir.Value | None, emitter: Emitter, opset: int) -> Meaning | None:
    if value is None:
        return None
    node = value.producer()
    if node is not None and node.op_type == "Constant":
        return fold(Site(node, (), emitter, opset))
    return initializer(value)
