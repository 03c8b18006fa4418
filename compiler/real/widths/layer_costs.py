# SPDX-License-Identifier: Apache-2.0
"""What the layers with weights cost: codes to store, products to compute."""

from dataclasses import dataclass
from math import prod

import onnx_ir as ir

from intaglio.compiler.real.editing import constant, name_of
from intaglio.compiler.real.roles import weight_input
from intaglio.errors import InvalidData

_COUNTED = frozenset({"Conv", "ConvTranspose", "Gemm", "MatMul"})


@dataclass(frozen=True, slots=True)
class LayerCost:
    """A layer with constant weights.

    Attributes:
        name: its node's name, or that of the node's first output.
        weights: how many there are.
        products: multiplications of a weight and an activation for one sample.
        source: the value that the weights are multiplied with.
    """

    name: str
    weights: int
    products: int
    source: str


def layer_costs(model: ir.Model) -> tuple[LayerCost, ...]:
    """Every Conv, ConvTranspose, Gemm and MatMul with constant weights, in the model's order.

    A weight is used once for each position that it yields (ConvTranspose: that it reads), padding
    included: products = weights * positions of one sample.

    Args:
        model: a normalized model; the first dimension of activations is the batch.

    Raises:
        InvalidData: a shape isn't known.
    """
    found: list[LayerCost] = []
    for node in model.graph:
        weight = weight_input(node) if node.op_type in _COUNTED else None
        if weight is None:
            continue
        index, value = weight
        array = constant(value)
        source = node.inputs[0 if index else 1]
        assert array is not None
        assert source is not None
        size = int(array.size)
        products = size * _positions(node, source, index)
        found.append(LayerCost(name_of(node), size, products, source.name or ""))
    return tuple(found)


def _positions(node: ir.Node, source: ir.Value, index: int) -> int:
    """How often one sample uses each weight."""
    match node.op_type:
        case "Conv":
            return prod(_dims(node, node.outputs[0])[2:])
        case "ConvTranspose":
            return prod(_dims(node, source)[2:])
        case "Gemm":
            return 1
        case _:
            dims = _dims(node, source)
            return prod(dims[1:-1]) if index else prod((*dims[1:-2], dims[-1]))


def _dims(node: ir.Node, value: ir.Value) -> tuple[int, ...]:
    """The dimensions of a value; that of the batch counts as one."""
    dims = [1, *list(value.shape)[1:]] if value.shape else []
    known = tuple(dim for dim in dims if isinstance(dim, int))
    if not dims or len(known) < len(dims):
        raise InvalidData(
            f"value {value.name}",
            f"the shape {value.shape or 'unknown'}",
            f"one that says how often {name_of(node)} uses its weights",
            "fix the dimensions of the inputs",
        )
    return known
