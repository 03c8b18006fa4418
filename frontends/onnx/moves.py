# SPDX-License-Identifier: Apache-2.0
"""Ops that only move values: reshaping, cutting, joining and padding."""

from dataclasses import replace
from fractions import Fraction
from math import prod

import numpy as np

from intaglio.compiler.ir import scaled
from intaglio.compiler.ir.moves import PadMode
from intaglio.frontends.axes import normalized
from intaglio.frontends.onnx.emitter import checked
from intaglio.frontends.onnx.expectations import constant, one_of
from intaglio.frontends.onnx.meanings import Moved, Real, Shape
from intaglio.frontends.onnx.moving import permuted, rearrange
from intaglio.frontends.onnx.site import Site, distinct_axes
from intaglio.frontends.readers import MOVE, Reader
from intaglio.frontends.refusal import Refusal
from intaglio.numerics.slicing import slice_range

_MODES = {"constant": PadMode.CONSTANT, "edge": PadMode.EDGE, "reflect": PadMode.REFLECT}


def identity(site: Site) -> Real:
    """Identity, and Dropout at inference."""
    return site.rearrangeable(0)


def transpose(site: Site) -> Real:
    """Transpose; without a permutation it reverses the axes."""
    x = site.rearrangeable(0)
    rank = len(x.shape)
    permutation = site.numbers("perm", tuple(reversed(range(rank))))
    if sorted(permutation) != list(range(rank)):
        raise Refusal(f"perm is {list(permutation)}; a permutation of {rank} axes is expected")
    return site.move(scaled.Transpose(permutation), x, permuted(x.shape, permutation))


def reshape(site: Site) -> Real:
    """Reshape to a known shape; 0 keeps an extent (unless allowzero), one -1 takes what is left."""
    x = site.rearrangeable(0)
    wanted = list(site.integers(1))
    if not site.flag("allowzero"):
        for axis, extent in enumerate(wanted):
            if extent == 0 and axis < len(x.shape):
                wanted[axis] = x.shape[axis]
    if wanted.count(-1) == 1:
        rest = -prod(wanted)
        wanted[wanted.index(-1)] = prod(x.shape) // rest if rest > 0 else 0
    if min(wanted, default=1) < 1 or prod(wanted) != prod(x.shape):
        raise Refusal(f"reshapes {x.shape} to {list(site.integers(1))}, which doesn't fit")
    return _reshaped(site, x, tuple(wanted))


def flatten(site: Site) -> Real:
    """Flatten to two axes, those before ``axis`` and the others."""
    x = site.rearrangeable(0)
    rank, axis = len(x.shape), site.integer("axis", 1)
    if not -rank <= axis <= rank:
        raise Refusal(f"names axis {axis} of a tensor with {rank} axes")
    axis = axis + rank if axis < 0 else axis
    return _reshaped(site, x, (prod(x.shape[:axis]), prod(x.shape[axis:])))


def squeeze(site: Site) -> Real:
    """Squeeze: leave out axes of extent 1, the named ones or all."""
    x = site.rearrangeable(0)
    named = site.listed("axes", 1)
    if named is None:
        return _reshaped(site, x, tuple(extent for extent in x.shape if extent != 1))
    axes = {normalized(axis, len(x.shape)) for axis in named}
    if any(x.shape[axis] != 1 for axis in axes):
        raise Refusal(f"squeezes axes {list(named)} of {x.shape}, not all of which have extent 1")
    kept = tuple(extent for axis, extent in enumerate(x.shape) if axis not in axes)
    return _reshaped(site, x, kept)


def unsqueeze(site: Site) -> Real:
    """Unsqueeze: put in axes of extent 1."""
    x = site.rearrangeable(0)
    named = site.listed("axes", 1)
    if not named:
        raise Refusal("names no axes to put in")
    rank = len(x.shape) + len(named)
    axes = distinct_axes(named, rank)
    rest = iter(x.shape)
    return _reshaped(site, x, tuple(1 if axis in axes else next(rest) for axis in range(rank)))


def _reshaped(site: Site, x: Real, shape: Shape) -> Real:
    return site.move(scaled.Reshape(), x, shape)


def concat(site: Site) -> Real:
    """Concat along one axis; operands in different scales are requantized to that of the result."""
    return rearrange(site.emitter, joined(site))


def joined(site: Site) -> Moved:
    """All operands one after another along the attribute ``axis``.

    Raises:
        Refusal: their shapes don't fit.
    """
    parts = tuple(site.rearrangeable(index) for index in range(max(len(site.operands), 1)))
    first = parts[0].shape
    axis = normalized(site.integer("axis", 0), len(first))
    for part in parts:
        others = zip(first, part.shape, strict=False)
        same = all(a == b for i, (a, b) in enumerate(others) if i != axis)
        if len(part.shape) != len(first) or not same:
            raise Refusal(
                f"joins {part.shape} to {first} along axis {axis}; the rest must be equal"
            )
    shape = (*first[:axis], sum(part.shape[axis] for part in parts), *first[axis + 1 :])
    whole = Moved(scaled.Concat(axis), parts, shape, site.source, site.name, site.label)
    return whole


def slice_(site: Site) -> Real:
    """Slice with known starts, ends, axes and steps."""
    x = site.rearrangeable(0)
    rank = len(x.shape)
    given, ends = site.integers(1), site.integers(2)
    axes = distinct_axes(site.integers(3) if site.has(3) else range(len(given)), rank)
    strides = site.integers(4) if site.has(4) else (1,) * len(given)
    if not len(given) == len(ends) == len(axes) == len(strides) or 0 in strides:
        raise Refusal("its starts, ends, axes and steps differ in number, or a step is 0")
    starts, steps, shape = [0] * rank, [1] * rank, list(x.shape)
    for start, end, axis, step in zip(given, ends, axes, strides, strict=True):
        taken = slice_range(start, end, step, x.shape[axis])
        starts[axis], steps[axis], shape[axis] = taken.start, taken.step, len(taken)
    op = scaled.Slice(tuple(starts), tuple(steps))
    return site.move(op, x, checked(tuple(shape)))


def split(site: Site) -> tuple[Real, ...]:
    """Split along one axis into parts of stated sizes, or as equal ones as can be."""
    x = site.rearrangeable(0)
    rank = len(x.shape)
    axis = normalized(site.integer("axis", 0), rank)
    count = len(site.node.outputs)
    sizes = site.listed("split", 1)
    if sizes is None:
        chunk = -(-x.shape[axis] // count)
        sizes = (*(chunk,) * (count - 1), x.shape[axis] - chunk * (count - 1))
    if len(sizes) != count or sum(sizes) != x.shape[axis] or min(sizes) < 1:
        raise Refusal(f"splits {x.shape[axis]} elements into {list(sizes)}")
    results: list[Real] = []
    begin = 0
    for output, size in zip(site.node.outputs, sizes, strict=True):
        starts = tuple(begin if i == axis else 0 for i in range(rank))
        shape = (*x.shape[:axis], size, *x.shape[axis + 1 :])
        op = scaled.Slice(starts, (1,) * rank)
        part = Moved(op, (x,), shape, output.name or site.source, site.name, site.label)
        results.append(rearrange(site.emitter, part))
        begin += size
    return tuple(results)


def pad(site: Site) -> Real:
    """Pad with a constant, the edge or the mirror image."""
    x = site.real(0)
    rank = len(x.shape)
    mode = site.text("mode", "constant")
    listed = site.listed("pads", 1) or ()
    axes = distinct_axes(site.integers(3) if site.has(3) else range(rank), rank)
    if len(listed) != 2 * len(axes) or min(listed, default=0) < 0:
        raise Refusal(f"pads is {list(listed)}; two numbers from 0 on for each axis are expected")
    before, after = [0] * rank, [0] * rank
    for position, axis in enumerate(axes):
        before[axis], after[axis] = listed[position], listed[len(axes) + position]
    if mode == "reflect" and any(
        max(b, a) >= n for b, a, n in zip(before, after, x.shape, strict=True)
    ):
        raise Refusal("mirrors more elements than there are")
    shape = tuple(b + n + a for b, n, a in zip(before, x.shape, after, strict=True))
    op = scaled.Pad(tuple(before), tuple(after), _MODES[mode])
    whole = Moved(op, (x,), shape, site.source, site.name, site.label)
    return rearrange(site.emitter, replace(whole, padding=_padding(site)))


def _padding(site: Site) -> Fraction:
    """The real number to pad with: an operand, or an attribute before opset 11."""
    if site.has(2):
        array = site.static(2)
    else:
        array = np.array(site.number("value", 0.0), np.float32)
    if array.size != 1 or array.dtype != np.float32 or not np.isfinite(array).all():
        raise Refusal("pads with something other than one finite float32 number")
    return Fraction(float(array.reshape(())))


_AXES = constant(1, "axes")
_CUT = (constant(1, "starts"), constant(2, "ends"), constant(3, "axes"), constant(4, "steps"))
_PADDED = (
    one_of("mode", "constant", tuple(_MODES)),
    constant(1, "pads"),
    constant(2, "value"),
    constant(3, "axes"),
)

CONCAT = Reader(concat, (MOVE, "requantize"))
FLATTEN = Reader(flatten, (MOVE,))
IDENTITY = Reader(identity, ())
PAD = Reader(pad, (MOVE,), _PADDED)
RESHAPE = Reader(reshape, (MOVE,), (constant(1, "shape"),))
SLICE = Reader(slice_, (MOVE,), _CUT)
SPLIT = Reader(split, (MOVE,), (constant(1, "sizes"),))
SQUEEZE = Reader(squeeze, (MOVE,), (_AXES,))
TRANSPOSE = Reader(transpose, (MOVE,))
UNSQUEEZE = Reader(unsqueeze, (MOVE,), (_AXES,))
