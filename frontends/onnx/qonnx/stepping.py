# SPDX-License-Identifier: Apache-2.0
"""Float32 operations with constants, noted down behind what they start from."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from intaglio.compiler.ir import scaled
from intaglio.compiler.ir.graph import Array
from intaglio.compiler.ir.moves import Pad, PadMode
from intaglio.frontends.onnx.bounds import Bounds
from intaglio.frontends.onnx.emitter import Emitter
from intaglio.frontends.onnx.meanings import (
    Clipped,
    Computed,
    FloatInput,
    Moved,
    Quantized,
    QuantizedConstant,
    Real,
    Rearrangement,
    Shape,
    Stepped,
    Tail,
)
from intaglio.frontends.onnx.moving import axis_before
from intaglio.frontends.onnx.qonnx.accumulators import accumulated
from intaglio.frontends.refusal import Refusal
from intaglio.numerics.float32 import Float32
from intaglio.numerics.float_steps import Apply, Step, StepFunction, rises


@dataclass(frozen=True, slots=True)
class Steps:
    """Some operations, and the axis along which their constants go; None for single constants."""

    steps: tuple[Step, ...]
    axis: int | None = None


def along(array: Array, shape: Shape, what: str) -> tuple[tuple[Float32, ...], int | None]:
    """A constant that is broadcast to a value of ``shape``: its entries, and their axis.

    Raises:
        Refusal: it isn't float32, varies along more than one axis, or enlarges the value.
    """
    if array.dtype != np.float32:
        raise Refusal(f"{what} is of type {array.dtype}, float32 is expected")
    reals = array.astype(np.float32)
    if not reals.size or not np.isfinite(reals).all():
        raise Refusal(f"{what} is empty, infinite or not a number")
    extents = (1,) * (len(shape) - reals.ndim) + reals.shape
    if len(extents) != len(shape) or any(
        extent not in (1, size) for extent, size in zip(extents, shape, strict=True)
    ):
        raise Refusal(f"{what} of shape {reals.shape} doesn't fit a value of {shape}")
    flat = reals.ravel()
    if (flat == flat[0]).all():
        return (Float32.from_value(float(flat[0])),), None
    wide = [axis for axis, extent in enumerate(extents) if extent > 1]
    if len(wide) > 1:
        raise Refusal(f"{what} varies along more than one axis")
    return tuple(Float32.from_value(float(value)) for value in flat), wide[0]


def apply(function: StepFunction, array: Array, shape: Shape, what: str) -> Steps:
    """One operation with a constant that is broadcast to a value of ``shape``.

    Raises:
        Refusal: as ``along``, or the constant divides by zero.
    """
    constants, axis = along(array, shape, what)
    if function is StepFunction.DIVIDE and any(each.fraction == 0 for each in constants):
        raise Refusal(f"{what} divides by 0")
    return Steps((Apply(function, constants),), axis)


def number(function: StepFunction, value: float) -> Step:
    """One operation with one constant."""
    return Apply(function, (Float32.from_value(value),))


@dataclass(frozen=True, slots=True)
class Origin:
    """The tensor and the node of the user's model that a result stems from."""

    source: str
    node: str
    label: str


def stepped(emitter: Emitter, value: Real, steps: Steps, origin: Origin) -> Real:
    """What ``steps`` make of a value.

    Rearrangements go element by element, so the steps may come before them.

    Raises:
        Refusal: the value is nothing that steps can follow, or constants go along other axes.
    """
    if isinstance(value, Moved):
        require_before(value.move, steps, value)
        parts = tuple(
            stepped(emitter, part, before(value.move, steps, part, value), origin)
            for part in value.parts
        )
        return replace(value, parts=parts, source=origin.source, label=origin.label)
    start = start_of(emitter, value, origin)
    axis = joined_axis(start.axis, steps.axis)
    both = (*start.steps, *steps.steps)
    return Stepped(
        start.operand,
        both,
        start.factors,
        axis,
        start.shape,
        origin.source,
        origin.node,
        origin.label,
    )


def joined_axis(first: int | None, second: int | None) -> int | None:
    """The axis of constants of which some go along ``first`` and some along ``second``.

    Raises:
        Refusal: they differ.
    """
    if first is not None and second is not None and first != second:
        raise Refusal("works by channel along two different axes")
    return second if first is None else first


def before(move: Rearrangement, steps: Steps, part: Real, whole: Moved) -> Steps:
    """The steps on a rearranged value as steps on one of its parts.

    Raises:
        Refusal: constants go along an axis that the move doesn't keep.
    """
    if steps.axis is None:
        return steps
    return replace(steps, axis=axis_before(move, steps.axis, part, whole))


def require_before(move: Rearrangement, steps: Steps, value: Moved) -> None:
    """Refuse steps that mean something else before the move than after it.

    Raises:
        Refusal: they turn the order around whose largest is taken, or miss what is padded.
    """
    if isinstance(move, scaled.MaxPool2d) and not all(rises(step) for step in steps.steps):
        raise Refusal(f"turns the order of the numbers around whose largest {value.label} takes")
    if isinstance(move, Pad) and move.mode is PadMode.CONSTANT:
        raise Refusal(f"computes with what {value.label} padded; put a Quant in front of the Pad")


def start_of(emitter: Emitter, value: Real, origin: Origin) -> Stepped:
    """A value as something that steps follow.

    Raises:
        Refusal: nothing can follow it, or it has a scale for each channel.
    """
    match value:
        case Stepped():
            return value
        case Quantized() | FloatInput():
            if isinstance(value, Quantized) and not value.type.scaled.per_tensor:
                raise Refusal(f"{value.source} has a scale for each channel; quantize it with one")
            return Stepped(
                value.name, (), (), None, value.shape, value.source, origin.node, origin.label
            )
        case QuantizedConstant():
            return start_of(emitter, emitter.constant(value), origin)
        case Computed():
            return accumulated(emitter, value)
        case Clipped():
            start = start_of(emitter, value.value, origin)
            axis = joined_axis(start.axis, value.bounds.axis)
            return replace(start, steps=(*start.steps, *bound_steps(value.bounds)), axis=axis)
        case Moved():
            raise Refusal(f"computes with what {value.label} rearranged; put a Quant between")
        case Tail():
            raise Refusal(f"reads the float result of {value.label}; only an output can be that")


def bound_steps(bounds: Bounds) -> Sequence[Step]:
    """A lower bound first, then an upper one."""
    low = [Apply(StepFunction.MAXIMUM, bounds.low)] if bounds.low else []
    high = [Apply(StepFunction.MINIMUM, bounds.high)] if bounds.high else []
    return [*low, *high]
