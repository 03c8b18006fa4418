# SPDX-License-Identifier: Apache-2.0
"""Convolutions and matrix products with constant weights, seen in one layout."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from intaglio.compiler.real.editing import (
    Names,
    float_constant,
    input_at,
    int_attribute,
    write_float_input,
)

Weights = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Linear:
    """The numbers of a Conv, ConvTranspose or Gemm: y[m] = sum over c of W[m, c] * x[c] + b[m].

    Attributes:
        weight: float64 ``[outputs, inputs / groups, *kernel]``, whatever the operator stores.
        bias: float64 ``[outputs]``, zeros where the operator has none.
        groups: how many groups the channels fall into; the outputs of group g read its inputs.
    """

    weight: Weights
    bias: Weights
    groups: int

    @property
    def outputs(self) -> int:
        """How many channels come out."""
        return int(self.weight.shape[0])

    @property
    def inputs(self) -> int:
        """How many channels go in."""
        return int(self.weight.shape[1]) * self.groups


def read_linear(node: ir.Node) -> Linear | None:
    """The numbers of a linear node; None for other nodes, or if they aren't constant vectors."""
    if node.domain != "" or node.op_type not in ("Conv", "ConvTranspose", "Gemm"):
        return None
    stored, bias = float_constant(node.inputs[1]), float_constant(input_at(node, 2))
    if stored is None or (bias is None and input_at(node, 2) is not None):
        return None
    groups = int_attribute(node, "group", 1)
    weight = in_canonical_layout(node, stored)
    if bias is None:
        bias = np.zeros(weight.shape[0])
    if bias.shape != weight.shape[:1]:
        return None
    return Linear(weight, bias, groups)


def write_linear(
    graph: ir.Graph, names: Names, node: ir.Node, weight: Weights, bias: Weights
) -> None:
    """Give a linear node new numbers, in the layout of ``Linear``, stored as float32.

    A constant that other nodes read too is left as it is for them.
    """
    groups = int_attribute(node, "group", 1)
    stored = _from_canonical(node, weight, groups)
    write_float_input(graph, names, node, 1, stored, f"{node.outputs[0].name}_weight")
    write_bias(graph, names, node, bias)


def write_bias(graph: ir.Graph, names: Names, node: ir.Node, bias: Weights) -> None:
    """Give a linear node a new bias, stored as float32, and leave its weights alone."""
    if len(node.inputs) < 3:
        node.resize_inputs(3)
    write_float_input(graph, names, node, 2, bias, f"{node.outputs[0].name}_bias")


def in_canonical_layout(node: ir.Node, stored: Weights) -> Weights:
    """A linear node's weights, as it stores them, in the layout of ``Linear``."""
    match node.op_type:
        case "ConvTranspose":
            return _swap_within_groups(stored, int_attribute(node, "group", 1))
        case "Gemm":
            return stored if int_attribute(node, "transB", 0) else stored.T
        case _:
            return stored


def _from_canonical(node: ir.Node, weight: Weights, groups: int) -> Weights:
    match node.op_type:
        case "ConvTranspose":
            return _swap_within_groups(weight, groups)
        case "Gemm":
            return weight if int_attribute(node, "transB", 0) else weight.T
        case _:
            return weight


def _swap_within_groups(array: NDArray[Any], groups: int) -> NDArray[Any]:
    """``[g * a, b, ...]`` to ``[g * b, a, ...]``: ConvTranspose's layout to Conv's and back."""
    split = array.reshape(groups, array.shape[0] // groups, *array.shape[1:])
    swapped = np.swapaxes(split, 1, 2)
    return swapped.reshape(groups * swapped.shape[1], *swapped.shape[2:])
