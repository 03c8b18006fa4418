# SPDX-License-Identifier: Apache-2.0
"""Moves of values: nodes of the graph, or done at once where all operands are constants."""

from collections.abc import Sequence
from dataclasses import replace
from math import prod
from typing import assert_never

import numpy as np

from intaglio.compiler.ir.graph import Array
from intaglio.compiler.ir.infer import Mismatch, result_shape
from intaglio.compiler.ir.moves import (
    Concat,
    Move,
    Pad,
    PadMode,
    Reshape,
    ResizeNearest,
    Slice,
    Transpose,
)
from intaglio.compiler.ir.types import FLOAT32, TensorType
from intaglio.frontends.refusal import Refusal
from intaglio.frontends.tflite.model import Shape, StoredTensor
from intaglio.frontends.tflite.site import Site, same_codes
from intaglio.frontends.tflite.tensors import type_of
from intaglio.frontends.tflite.values import Computed, Known, Stored

_MOST_FOLDED = 1 << 24


def move(
    site: Site,
    op: Move,
    operands: Sequence[Known],
    declared: Shape | None = None,
    result: StoredTensor | None = None,
) -> Known:
    """A result of the operator: by default its only one.

    Kernels move codes as they stand: operands are read with the result's scale and zero point.

    Raises:
        Refusal: operands don't fit.
    """
    target = site.result if result is None else result
    first = operands[0].type
    noted = type_of(target, target.shape)
    if noted.element != first.element:
        raise Refusal(f"moves {first.element} into {target.label} of type {noted.element}")
    if first.quantization is not None and noted.quantization is None:
        raise Refusal(f"moves codes into {target.label}, which has no scale")
    label = target.label
    parts = [
        operand
        if first.quantization is None
        else site.reinterpreted(operand, noted.quantization, f"operand_{index}")
        for index, operand in enumerate(operands)
    ]
    return moved(site, op, parts, declared, label, label)


def moved(
    site: Site,
    op: Move,
    operands: Sequence[Known],
    declared: Shape | None,
    wanted: str,
    source: str,
) -> Known:
    """One move on the way to a result.

    Raises:
        Refusal: operands don't fit.
    """
    first = operands[0].type
    for operand in operands[1:]:
        if operand.type.element != first.element:
            raise Refusal(f"joins {first.element} with {operand.label} of {operand.type.element}")
        if not same_codes(operand.type.quantization, first.quantization):
            raise Refusal(f"joins codes with {operand.label} of another scale or zero point")
    constants = [operand for operand in operands if isinstance(operand, Stored)]
    if len(constants) == len(operands) and (first.quantization is None or _small(op, constants)):
        return _folded(op, constants, declared, source)
    if first.element != FLOAT32 and first.quantization is None:
        raise Refusal("moves integers without a scale that are computed at run time")
    emitted = site.emitter.node(wanted, op, operands, first, source, declared)
    given = all(isinstance(operand, Computed) and operand.given for operand in operands)
    return replace(emitted, given=given)


def _small(op: Move, constants: Sequence[Stored]) -> bool:
    if not all(constant.type.scaled.per_tensor for constant in constants):
        raise Refusal(f"moves {constants[0].label}, which has several scales; use one")
    return not isinstance(op, Pad)


def _folded(op: Move, constants: Sequence[Stored], declared: Shape | None, label: str) -> Stored:
    first = constants[0].type
    try:
        shape = result_shape(op, [constant.type for constant in constants], declared or ())
    except Mismatch as mismatch:
        raise Refusal(f"has {mismatch.found}; {mismatch.expected} is expected") from None
    if prod(shape) > _MOST_FOLDED:
        raise Refusal(f"makes a constant of shape {list(shape)}, which is too large")
    array = _apply(op, [constant.array for constant in constants], shape)
    type = TensorType(first.element, shape, first.quantization)
    return Stored(np.ascontiguousarray(array), type, label)


def _apply(op: Move, arrays: Sequence[Array], shape: Shape) -> Array:
    match op:
        case Transpose(permutation=permutation):
            return arrays[0].transpose(permutation)
        case Reshape():
            return arrays[0].reshape(shape)
        case Slice(starts=starts, steps=steps):
            indices = [
                start + step * np.arange(extent)
                for start, step, extent in zip(starts, steps, shape, strict=True)
            ]
            return arrays[0][np.ix_(*indices)] if indices else arrays[0]
        case Concat(axis=axis):
            return np.concatenate(arrays, axis)
        case ResizeNearest(rows=rows, columns=columns):
            return arrays[0][:, list(rows)][:, :, list(columns)]
        case Pad(before=before, after=after, mode=PadMode.CONSTANT, value=value):
            widths = list(zip(before, after, strict=True))
            return np.pad(arrays[0], widths, constant_values=value)
        case Pad():
            raise Refusal("pads a constant")
        case _:
            assert_never(op)
