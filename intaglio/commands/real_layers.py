# SPDX-License-Identifier: Apache-2.0
"""Layers and interface of a float ONNX model, and what an inspection says of a layer."""

from dataclasses import dataclass
from math import prod

import onnx_ir as ir

Shape = tuple[int | None, ...]
"""None stands for a dimension that the file leaves open."""


@dataclass(frozen=True, slots=True)
class Layer:
    """One node.

    Attributes:
        name: the value it defines.
        source: the node's name in the user's model.
        op: its kind.
        shape: of its (first) result.
        parameters: elements of the constants that it reads.
        multiply_accumulates: products of its sums; an open batch counts as 1.
        declared_bits: width of its accumulator, where it has one.
        needed_bits: what suffices for every partial sum in any order, whatever the input, by proof.
        final_bits: what suffices for the final sum.
    """

    name: str
    source: str
    op: str
    shape: Shape
    parameters: int
    multiply_accumulates: int
    declared_bits: int | None = None
    needed_bits: int | None = None
    final_bits: int | None = None


@dataclass(frozen=True, slots=True)
class Port:
    """An input or output of a model: what the user calls it, and what codes mean.

    Attributes:
        name: in the user's model.
        type: of what the caller gives or takes.
        shape: of what the caller gives or takes.
        code_type: of the codes behind a float border, or of the value itself.
        scale: real value of one step of the code, where it is known.
        zero_point: the code of real zero, where it is known.
    """

    name: str
    type: str
    shape: Shape
    code_type: str | None = None
    scale: float | None = None
    zero_point: int | None = None


def real_layers(model: ir.Model) -> tuple[Layer, ...]:
    """The nodes of a float model in order."""
    return tuple(
        Layer(
            name=node.outputs[0].name or "",
            source=node.name or "",
            op=node.op_type,
            shape=_shape(node.outputs[0]),
            parameters=sum(_stored(value) for value in dict.fromkeys(node.inputs)),
            multiply_accumulates=_products(node),
        )
        for node in model.graph
    )


def real_ports(model: ir.Model) -> tuple[tuple[Port, ...], tuple[Port, ...]]:
    """Inputs and outputs of a float model."""
    inputs, outputs = (
        tuple(_port(value) for value in values)
        for values in (model.graph.inputs, model.graph.outputs)
    )
    return inputs, outputs


def real_parameters(model: ir.Model) -> int:
    """The elements of everything that the model stores."""
    return sum(_stored(value) for value in model.graph.initializers.values())


def _port(value: ir.Value) -> Port:
    dtype = value.dtype
    return Port(value.name or "", "?" if dtype is None else dtype.name.lower(), _shape(value))


def _shape(value: ir.Value) -> Shape:
    return tuple(dim if isinstance(dim, int) else None for dim in value.shape or ())


def _stored(value: ir.Value | None) -> int:
    if value is None or value.const_value is None:
        return 0
    return value.const_value.size


def _products(node: ir.Node) -> int:
    """As ``work.multiply_accumulates`` counts them; shapes that stay open count as 1."""
    if node.op_type not in ("Conv", "ConvTranspose", "Gemm", "MatMul") or None in node.inputs[:2]:
        return 0
    data, weights = node.inputs[:2]
    if data is None or weights is None:
        return 0
    result, kernel = _extent(node.outputs[0]), _shape(weights)[1:]
    match node.op_type:
        case "Conv":  # [O, C / groups, kh, kw]
            return result * prod(dim or 1 for dim in kernel)
        case "ConvTranspose":  # [C, O / groups, kh, kw]
            return _extent(data) * prod(dim or 1 for dim in kernel)
        case _:
            transposed = node.attributes.get_int("transA", 0)
            return result * (_shape(data)[-2 if transposed else -1] or 1)


def _extent(value: ir.Value) -> int:
    return prod(dim or 1 for dim in _shape(value))
