# SPDX-License-Identifier: Apache-2.0
"""What one node computes, and how its attributes and stored inputs are read."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx_ir as ir
import torch
from numpy.typing import NDArray

from intaglio.compiler.real.editing import constant, input_at

Operand = ir.Value | NDArray[Any] | None
Results = torch.Tensor | tuple[torch.Tensor, ...]


class Refusal(Exception):
    """A node can't be computed; the words say why, to be put behind the node's name."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One node as a function of tensors.

    Attributes:
        function: of a tensor for each operand (None for an absent one); it returns a tensor for
            each output of the node.
        operands: values of the graph, stored or computed, and arrays that are prepared once.
    """

    function: Callable[..., Results]
    operands: tuple[Operand, ...]


Builder = Callable[[ir.Node], Operation]


def operand(node: ir.Node, index: int) -> ir.Value:
    """An input that must be there."""
    value = input_at(node, index)
    if value is None:
        raise Refusal(f"it lacks its input {index + 1}")
    return value


def stored(node: ir.Node, index: int) -> NDArray[Any] | None:
    """The array of an optional input, which must be stored where it is present."""
    value = input_at(node, index)
    if value is None:
        return None
    array = constant(value)
    if array is None:
        raise Refusal(f"its input {value.name} is computed; it must be a stored constant")
    return array


def stored_integers(node: ir.Node, index: int) -> list[int] | None:
    """The numbers of an optional stored input."""
    array = stored(node, index)
    return None if array is None else [int(number) for number in array.ravel()]


def stored_number(node: ir.Node, index: int) -> float | None:
    """The one number of an optional stored input."""
    array = stored(node, index)
    if array is None:
        return None
    if array.size != 1:
        raise Refusal(f"its input {index + 1} has the shape {list(array.shape)}, not one number")
    return float(array.ravel()[0])


def integers(node: ir.Node, name: str, default: Sequence[int]) -> tuple[int, ...]:
    """An attribute of as many integers as its default has."""
    numbers = tuple(node.attributes.get_ints(name, list(default)))
    if len(numbers) != len(default):
        raise Refusal(f"its {name} has {len(numbers)} numbers, not {len(default)}")
    return numbers


def text(node: ir.Node, name: str, default: str, allowed: Sequence[str]) -> str:
    """A text attribute, one of those allowed."""
    value = node.attributes.get_string(name, default)
    if value not in allowed:
        raise Refusal(f"its {name} is {value}, not one of {', '.join(allowed)}")
    return value


def float32(array: NDArray[np.float64]) -> NDArray[np.float32]:
    """As stored constants are: float32."""
    return array.astype(np.float32)
