# SPDX-License-Identifier: Apache-2.0
"""Operators that move values without computing: shapes, order, joining, padding."""

from math import prod

import numpy as np

from intaglio.compiler.ir import scaled
from intaglio.compiler.ir.moves import PadMode
from intaglio.compiler.ir.types import FLOAT32, TensorType
from intaglio.frontends.axes import normalized
from intaglio.frontends.constraints import expects
from intaglio.frontends.refusal import Refusal
from intaglio.frontends.tflite.axes import distinct
from intaglio.frontends.tflite.expectations import constant, one_element, option
from intaglio.frontends.tflite.model import Shape
from intaglio.frontends.tflite.moving import move, moved
from intaglio.frontends.tflite.site import Site, same_codes
from intaglio.frontends.tflite.tensors import type_of
from intaglio.frontends.tflite.values import Known, Stored
from intaglio.numerics.integers import IntType

_UINT8 = IntType(8, signed=False)
_INT32 = TensorType(IntType(32, signed=True), ())


@expects("operands in the result's scale, but for uint8")
def ONE_SCALE(site: Site) -> str | None:
    """Kernels refuse others, or take them for the same, but for uint8, which they rescale."""
    type = type_of(site.result, site.result.shape)
    if type.element == _UINT8:
        return None
    target = type.quantization
    for value in site.operands:
        found = None if value is None else value.type.quantization
        if value is not None and found is not None and not same_codes(found, target):
            return f"joins {value.label}, which has another scale or zero point than the result"
    return None


CONCATENATION = (option("FusedActivationFunction", 0, "no fused activation"), ONE_SCALE)
EXPAND_DIMS = (constant(1, "axis"),)
PAD = (constant(1, "paddings"),)
MIRROR_PAD = (*PAD, one_element(0))
GATHER = (constant(1, "indices"), option("BatchDims", 0, "no batch axes"))
PADV2 = (*PAD, constant(2, "value"))
RESHAPE = (constant(1, "shape"),)
TRANSPOSE = (constant(1, "permutation"),)


def reshape(site: Site) -> Known:
    """RESHAPE to a shape that an operand or the options state; -1 stands for what is left."""
    x = site.operand(0)
    stated = site.optional(1)
    if stated is not None:
        wanted = site.integers(1, "a shape")
    else:
        stored = site.operator.options["NewShape"]
        wanted = stored if isinstance(stored, tuple) else ()
    return move(site, scaled.Reshape(), (x,), _filled(x.type.shape, wanted))


def _filled(shape: Shape, wanted: Shape) -> Shape:
    """The wanted shape with its -1, if it has one, replaced."""
    if wanted.count(-1) > 1:
        raise Refusal(f"reshapes to {list(wanted)}, with more than one -1")
    rest = prod(extent for extent in wanted if extent != -1)
    if -1 in wanted and rest > 0 and prod(shape) % rest == 0:
        return tuple(prod(shape) // rest if extent == -1 else extent for extent in wanted)
    return wanted


def squeeze(site: Site) -> Known:
    """SQUEEZE: axes of extent 1 are left out, all of them or those that the options name."""
    x = site.operand(0)
    stored = site.operator.options["SqueezeDims"]
    named = distinct(stored if isinstance(stored, tuple) else (), x.type.rank)
    ones = [axis for axis, extent in enumerate(x.type.shape) if extent == 1]
    if not set(named) <= set(ones):
        raise Refusal(f"leaves out axes {list(named)} of shape {list(x.type.shape)}")
    dropped = named or tuple(ones)
    shape = tuple(extent for axis, extent in enumerate(x.type.shape) if axis not in dropped)
    return move(site, scaled.Reshape(), (x,), shape)


def expand_dims(site: Site) -> Known:
    """EXPAND_DIMS: a new axis of extent 1."""
    x, named = site.operand(0), site.integers(1, "an axis")
    if len(named) != 1:
        raise Refusal(f"names the axes {list(named)}; one is expected")
    axis = normalized(named[0], x.type.rank + 1)
    shape = x.type.shape
    return move(site, scaled.Reshape(), (x,), (*shape[:axis], 1, *shape[axis:]))


def transpose(site: Site) -> Known:
    """TRANSPOSE."""
    x = site.operand(0)
    named = site.integers(1, "a permutation")
    order = tuple(normalized(axis, x.type.rank) for axis in named)
    return move(site, scaled.Transpose(order), (x,))


def concatenation(site: Site) -> Known:
    """CONCATENATION of operands in the result's scale, to which uint8 ones are rescaled first."""
    operands = [_in_result(site, index) for index in range(len(site.operands))]
    if not operands:
        raise Refusal("joins nothing")
    axis = normalized(site.integer("Axis"), operands[0].type.rank)
    return move(site, scaled.Concat(axis), operands)


def _in_result(site: Site, index: int) -> Known:
    value = site.operand(index)
    if value.type.element != _UINT8 or value.type.quantization is None:
        return value
    target = site.result_type
    if target.element != _UINT8 or same_codes(value.type.quantization, target.quantization):
        return value
    type = TensorType(_UINT8, value.type.shape, target.quantization)
    return site.step(f"joined_{index}", scaled.Requantize(joined=True), (site.codes(index),), type)


def pad(site: Site) -> Known:
    """PAD with a real zero, PADV2 with a constant code."""
    x = site.operand(0)
    before, after = _amounts(site, x)
    return move(site, scaled.Pad(before, after, value=_padding(site, x)), (x,))


def mirror_pad(site: Site) -> Known:
    """MIRROR_PAD, without the edge or with it."""
    x = site.operand(0)
    before, after = _amounts(site, x)
    mode = (PadMode.REFLECT, PadMode.SYMMETRIC)[site.integer("Mode") & 1]
    return move(site, scaled.Pad(before, after, mode), (x,))


def _amounts(site: Site, x: Known) -> tuple[Shape, Shape]:
    """What is added before and after each axis."""
    amounts = site.integers(1, "paddings")
    if len(amounts) != 2 * x.type.rank:
        raise Refusal(f"has {len(amounts)} paddings for {x.type.rank} axes")
    return amounts[0::2], amounts[1::2]


def _padding(site: Site, x: Known) -> int:
    # The result's zero point is the real zero: operands are read with its scale.
    quantization = type_of(site.result, site.result.shape).quantization
    if site.operator.kind == "PAD" or site.optional(2) is None:
        return 0 if quantization is None else quantization.zero_point
    if x.type.element == FLOAT32:
        raise Refusal("pads float32 with a value of its own")
    value = site.operand(2)
    if not same_codes(value.type.quantization, quantization):
        raise Refusal("pads with a value of another scale or zero point")
    codes = site.integers(2, "a value")
    if len(codes) != 1:
        raise Refusal(f"pads with {len(codes)} values; one is expected")
    return codes[0]


def pack(site: Site) -> Known:
    """PACK: operands side by side along a new axis."""
    operands = [site.operand(index) for index in range(len(site.operands))]
    if not operands:
        raise Refusal("joins nothing")
    shape = operands[0].type.shape
    axis = normalized(site.integer("Axis"), len(shape) + 1)
    wanted = (*shape[:axis], 1, *shape[axis:])
    parts = [
        _reshaped(site, operand, wanted, f"operand_{index}")
        for index, operand in enumerate(operands)
    ]
    if len(parts) == 1:
        return move(site, scaled.Reshape(), operands, wanted)
    return move(site, scaled.Concat(axis), parts)


def _reshaped(site: Site, value: Known, shape: Shape, suffix: str) -> Known:
    if value.type.shape == shape:
        return value
    label = site.results[0].label
    return moved(site, scaled.Reshape(), (value,), shape, f"{label}.{suffix}", label)


def gather(site: Site) -> Known:
    """GATHER by constant indices: a nearest resize of the axis, seen as the rows of a plane."""
    x, indices = site.operand(0), site.integers(1, "indices")
    axis = normalized(site.integer("Axis"), x.type.rank)
    shape = x.type.shape
    wrong = [index for index in indices if not 0 <= index < shape[axis]]
    if wrong or not indices:
        raise Refusal(f"gathers {wrong[:3]} of {shape[axis]} elements")
    inserted = site.operand(1).type.shape
    wanted = (*shape[:axis], *inserted, *shape[axis + 1 :])
    plane = (prod(shape[:axis]), shape[axis], 1, prod(shape[axis + 1 :]))
    rows = (plane[0], len(indices), 1, plane[3])
    op = scaled.ResizeNearest(indices, (0,))
    if shape == plane and wanted == rows:
        return move(site, op, (x,))
    label = site.results[0].label
    whole = _reshaped(site, x, plane, "plane")
    taken = moved(site, op, (whole,), None, f"{label}.rows", label)
    return move(site, scaled.Reshape(), (taken,), wanted)


def shape_of(site: Site) -> Known:
    """SHAPE, which is known."""
    shape = np.array(site.operand(0).type.shape, np.int32)
    return Stored(shape, _INT32.with_shape(shape.shape), site.result.label)
