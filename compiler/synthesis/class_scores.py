# SPDX-License-Identifier: Apache-2.0
"""Where a network says which class an input is of."""

from dataclasses import dataclass
from math import prod

import onnx_ir as ir

_SOFTMAX = frozenset({"Softmax", "LogSoftmax"})
_RESHAPES = frozenset({"Flatten", "Reshape", "Squeeze"})


@dataclass(frozen=True, slots=True)
class ClassScores:
    """A value with a score for each class, and how many classes there are."""

    value: str
    classes: int


def find_class_scores(model: ir.Model) -> ClassScores | None:
    """The value that holds a score for each class, before any softmax.

    It is what a softmax reads, or else the first output, of those with two numbers or more for each
    sample, all along axis 1. An output that no softmax makes and that has the extent of an input
    may rebuild it: it has no classes.

    Args:
        model: a prepared or normalized model.
    """
    outputs = [(value, _classes(value)) for value in model.graph.outputs]
    found = [(value, classes) for value, classes in outputs if classes is not None and classes >= 2]
    for value, classes in found:
        scores = _before_softmax(value)
        if scores is not None:
            return ClassScores(scores.name or "", classes)
    sizes = {_size(value) for value in model.graph.inputs}
    unlike = (ClassScores(value.name or "", n) for value, n in found if n not in sizes)
    return next(unlike, None)


def _before_softmax(value: ir.Value) -> ir.Value | None:
    """What the softmax behind ``value`` reads, if there is one."""
    behind: ir.Value | None = value
    while behind is not None and (node := behind.producer()) is not None:
        behind = node.inputs[0]
        if node.op_type in _SOFTMAX and behind is not None and _classes(behind) is not None:
            return behind
        if node.op_type not in _RESHAPES:
            break
    return None


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
