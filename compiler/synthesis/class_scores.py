# SPDX-License-Identifier: Apache-2.0
"""Where a network says which class an input is of."""

from dataclasses import dataclass
from math import prod

import onnx_ir as ir

_RESHAPES = frozenset({"Flatten", "Reshape", "Squeeze"})


@dataclass(frozen=True, slots=True)
class ClassScores:
    """A value with a score for each class, and how many classes there are."""

    value: str
    classes: int


def find_class_scores(model: ir.Model) -> ClassScores | None:
    """The value that holds a score for each class, before any softmax.

    It is the first output with two numbers or more for each sample, all along axis 1, that doesn't
    have the extent of an input: what rebuilds its input has no classes.

    Args:
        model: a prepared or normalized model.
    """
    sizes = {_size(value) for value in model.graph.inputs}
    for value in model.graph.outputs:
        classes = _classes(value)
        if classes is not None and classes >= 2 and classes not in sizes:
            return ClassScores(_before_softmax(value).name or "", classes)
    return None


def _before_softmax(value: ir.Value) -> ir.Value:
    """What the softmax behind ``value`` reads, or ``value`` itself."""
    behind: ir.Value | None = value
    while behind is not None and (node := behind.producer()) is not None:
        behind = node.inputs[0]
        if node.op_type == "Softmax" and behind is not None and _classes(behind) is not None:
            return behind
        if node.op_type not in _RESHAPES:
            break
    return value


def _size(value: ir.Value) -> int | None:
    dims = [] if value.shape is None else list(value.shape)[1:]
    return prod(dim for dim in dims if isinstance(dim, int)) if dims else None


def _classes(value: ir.Value) -> int | None:
    """How many numbers a sample has, if all of them lie along axis 1."""
    dims = [] if value.shape is None else list(value.shape)[1:]
    if not dims or not all(isinstance(dim, int) for dim in dims):
        return None
    extent = dims[0]
    return extent if isinstance(extent, int) and all(dim == 1 for dim in dims[1:]) else None
