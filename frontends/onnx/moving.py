# SPDX-License-Identifier: Apache-2.0
"""Rearranging what is known to be codes at once, and noting it down for what still waits."""

from dataclasses import replace
from fractions import Fraction

import numpy as np

from intaglio.compiler.ir import scaled
from intaglio.compiler.ir.moves import PadMode
from intaglio.compiler.ir.types import Quantization, TensorType
from intaglio.frontends.onnx.bounds import Bounds, code_of, on_grid
from intaglio.frontends.onnx.emitter import Emitter, checked
from intaglio.frontends.onnx.meanings import (
    Clipped,
    Moved,
    Quantized,
    QuantizedConstant,
    Real,
    Rearrangement,
    Shape,
)
from intaglio.frontends.refusal import Refusal
from intaglio.numerics.integers import IntType

NCHW_TO_NHWC = (0, 2, 3, 1)
NHWC_TO_NCHW = (0, 3, 1, 2)


def permuted(shape: Shape, permutation: tuple[int, ...]) -> Shape:
    """The shape of a transposed tensor."""
    return tuple(shape[axis] for axis in permutation)


def to_last(axis: int, rank: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The permutation that moves an axis to the end, and the one that undoes it."""
    there = (*(i for i in range(rank) if i != axis), axis)
    return there, tuple(there.index(i) for i in range(rank))


def set_padding(
    move: Rearrangement, padding: Fraction, element: IntType, quantization: Quantization
) -> Rearrangement:
    """The move, and if it is a constant ``Pad``, with the code of the real number it puts in.

    Raises:
        Refusal: no code stands for that number.
    """
    if not isinstance(move, scaled.Pad) or move.mode is not PadMode.CONSTANT:
        return move
    code = code_of(padding, element, quantization)
    if code is None:
        raise Refusal(
            f"pads with {float(padding)}, for which no code of {element} with scale "
            f"{quantization.scale} and zero point {quantization.zero_point} stands"
        )
    return replace(move, value=code)


def settled(emitter: Emitter, value: Real, node: str) -> Real:
    """A clip of codes at what some code stands for, done on the codes; else ``value``."""
    if not isinstance(value, Clipped):
        return value
    if codes_behind(value) is None:
        return value
    inner = settled(emitter, value.value, node)
    assert isinstance(inner, Quantized)
    op = scaled.Requantize(value.bounds.clip())
    name = emitter.node(value.source, inner.type, op, (inner.name,), node)
    return Quantized(name, inner.type, value.source, real=True)


def codes_behind(value: Real) -> Quantized | QuantizedConstant | None:
    """Codes of the type that ``settled`` gives, None where it gives none."""
    match value:
        case Quantized() | QuantizedConstant():
            return value
        case Clipped(bounds=bounds) if bounds.scalar:
            inner = codes_behind(value.value)
            if not isinstance(inner, Quantized):
                return None
            return inner if on_grid(bounds, inner.type.integer, inner.type.scaled) else None
        case _:
            return None


def rearrange(emitter: Emitter, value: Moved) -> Real:
    """Do the move on codes if every part is codes of one type; else keep it for later.

    Raises:
        Refusal: the result has no elements or too many, a part has a scale for each channel, or no
            code stands for what is padded.
    """
    checked(value.shape)
    kinds = {_is_real(part) for part in value.parts}
    if len(kinds) > 1:
        raise Refusal("joins codes to real numbers")
    if len(value.parts) == 1 and isinstance(value.parts[0], QuantizedConstant):
        constant = _rearranged_constant(value, value.parts[0])
        if constant is not None:
            return constant
    parts: list[Quantized] = []
    for part in value.parts:
        codes = emitter.constant(part) if isinstance(part, QuantizedConstant) else part
        done = settled(emitter, codes, value.node)
        if not isinstance(done, Quantized):
            return value
        parts.append(done)
    first = parts[0]
    if not first.real:
        # Raw codes are joined as they are, whatever they stood for.
        parts = [emitter.reinterpreted(part, first.type.scaled, value.node) for part in parts]
        if any(part.type.element != first.type.element for part in parts):
            raise Refusal("joins codes of different types")
    if any(_kind(part) != _kind(first) for part in parts):
        return value
    if not first.type.scaled.per_tensor:
        raise Refusal(f"rearranges {first.source}, which has a scale for each channel")
    move = set_padding(value.move, value.padding, first.type.integer, first.type.scaled)
    name = emitter.rearranged(
        value.source + value.suffix,
        first.type.with_shape(value.shape),
        move,
        tuple(part.name for part in parts),
        value.node,
    )
    return Quantized(name, emitter.builder.type_of(name), value.source, first.real)


def _is_real(part: Real) -> bool:
    return part.real if isinstance(part, Quantized | QuantizedConstant) else True


def _kind(part: Quantized) -> tuple[TensorType, bool]:
    return part.type.with_shape(()), part.real


def _rearranged_constant(value: Moved, part: QuantizedConstant) -> QuantizedConstant | None:
    """A constant transposed or reshaped in the file's stead, None where the graph must do it."""
    axis = part.quantization.axis
    match value.move:
        case scaled.Transpose(permutation):
            moved = None if axis is None else permutation.index(axis)
            array = np.transpose(part.array, permutation)
        case scaled.Reshape() if axis is None:
            array, moved = part.array.reshape(value.shape), None
        case _:
            return None
    quantization = replace(part.quantization, axis=moved)
    return replace(part, array=array, quantization=quantization, name=value.source + value.suffix)


def channel_axis_before(move: Rearrangement, bounds: Bounds, part: Real, whole: Moved) -> Bounds:
    """Bounds of a rearranged value as bounds of one of its parts.

    Raises:
        Refusal: bounds by channel go along an axis that the move doesn't keep.
    """
    if bounds.axis is None:
        return bounds
    return bounds.along(axis_before(move, bounds.axis, part, whole))


def axis_before(move: Rearrangement, axis: int, part: Real, whole: Moved) -> int:
    """The axis of a part that an axis of the rearranged value was.

    Raises:
        Refusal: the move doesn't keep it.
    """
    match move:
        case scaled.Transpose(permutation):
            return permutation[axis]
        case scaled.Reshape():
            last = len(part.shape) - 1
            if axis == len(whole.shape) - 1 and part.shape[last] == whole.shape[axis]:
                return last
        case scaled.ResizeNearest() | scaled.MaxPool2d():
            if axis == 3:
                return axis
        case scaled.Concat() | scaled.Slice() | scaled.Pad():
            pass
    raise Refusal(f"works by channel after {whole.label} rearranged the channels")


def move(
    emitter: Emitter,
    op: Rearrangement,
    part: Real,
    shape: Shape,
    *,
    source: str,
    node: str,
    label: str,
    suffix: str = "",
) -> Real:
    """Rearrange one value.

    Raises:
        Refusal: as ``rearrange``.
    """
    return rearrange(emitter, Moved(op, (part,), shape, source, node, label, suffix=suffix))


def only_codes(value: Real) -> Quantized:
    """A rearrangement of codes, which are codes."""
    if not isinstance(value, Quantized):
        raise AssertionError("codes with one scale are rearranged at once")
    return value
