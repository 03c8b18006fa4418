# SPDX-License-Identifier: Apache-2.0
"""Operators that take parts: slices, splits, and one index of an axis."""

from dataclasses import dataclass

from intaglio.compiler.ir import scaled
from intaglio.frontends.axes import normalized
from intaglio.frontends.refusal import Refusal
from intaglio.frontends.tflite.expectations import constant, option
from intaglio.frontends.tflite.model import Shape
from intaglio.frontends.tflite.moving import move, moved
from intaglio.frontends.tflite.site import Site
from intaglio.frontends.tflite.values import Known

SLICE = (constant(1, "starts"), constant(2, "sizes"))
SPLIT = (constant(0, "axis"),)
SPLIT_V = (constant(1, "sizes"), constant(2, "axis"))
STRIDED_SLICE = (
    constant(1, "starts"),
    constant(2, "ends"),
    constant(3, "steps"),
    option("Offset", 0, "ends that are indices, not offsets"),
)


def slice_(site: Site) -> Known:
    """SLICE; a size of -1 reaches to the end."""
    x = site.operand(0)
    starts, sizes = site.integers(1, "starts"), site.integers(2, "sizes")
    if not len(starts) == len(sizes) == x.type.rank:
        raise Refusal(f"has {len(starts)} starts and {len(sizes)} sizes for {x.type.rank} axes")
    shape = tuple(
        extent - start if size == -1 else size
        for extent, start, size in zip(x.type.shape, starts, sizes, strict=True)
    )
    return move(site, scaled.Slice(starts, (1,) * x.type.rank), (x,), shape)


def split(site: Site) -> tuple[Known, ...]:
    """SPLIT into equal parts."""
    x = site.operand(1)
    axis = _axis(site, 0, x)
    count = len(site.results)
    extent = x.type.shape[axis]
    if count != site.integer("NumSplits") or not count or extent % count:
        raise Refusal(
            f"splits {extent} elements into {site.integer('NumSplits')} parts for {count} results"
        )
    return _parts(site, x, axis, (extent // count,) * count)


def split_v(site: Site) -> tuple[Known, ...]:
    """SPLIT_V into parts of stated sizes, one of which may be -1 for what is left."""
    x, sizes = site.operand(0), site.integers(1, "sizes")
    axis = _axis(site, 2, x)
    extent = x.type.shape[axis]
    if sizes.count(-1) == 1:
        rest = extent - sum(size for size in sizes if size != -1)
        sizes = tuple(rest if size == -1 else size for size in sizes)
    if sum(sizes) != extent or len(sizes) != len(site.results):
        raise Refusal(
            f"splits {extent} elements into {list(sizes)} for {len(site.results)} results"
        )
    return _parts(site, x, axis, sizes)


def _axis(site: Site, index: int, x: Known) -> int:
    named = site.integers(index, "an axis")
    if len(named) != 1:
        raise Refusal(f"names the axes {list(named)}; one is expected")
    return normalized(named[0], x.type.rank)


def _parts(site: Site, x: Known, axis: int, sizes: tuple[int, ...]) -> tuple[Known, ...]:
    shape, rank = x.type.shape, x.type.rank
    found: list[Known] = []
    start = 0
    for size, result in zip(sizes, site.results, strict=True):
        op = scaled.Slice(tuple(start if at == axis else 0 for at in range(rank)), (1,) * rank)
        part = (*shape[:axis], size, *shape[axis + 1 :])
        found.append(move(site, op, (x,), part, result))
        start += size
    return tuple(found)


def unpack(site: Site) -> tuple[Known, ...]:
    """UNPACK: a result for each index of an axis, without that axis."""
    x = site.operand(0)
    axis = normalized(site.integer("Axis"), x.type.rank)
    shape, rank = x.type.shape, x.type.rank
    if shape[axis] != len(site.results):
        raise Refusal(
            f"has {len(site.results)} results for {shape[axis]} elements along axis {axis}"
        )
    found: list[Known] = []
    for index, result in enumerate(site.results):
        op = scaled.Slice(tuple(index if at == axis else 0 for at in range(rank)), (1,) * rank)
        part = (*shape[:axis], 1, *shape[axis + 1 :])
        label = result.label
        cut = moved(site, op, (x,), part, f"{label}.cut", label)
        whole = (*shape[:axis], *shape[axis + 1 :])
        found.append(move(site, scaled.Reshape(), (cut,), whole, result))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class _Cut:
    """What STRIDED_SLICE takes along one axis of its operand; a shrunk axis disappears."""

    start: int
    step: int
    extent: int
    shrunk: bool


def strided_slice(site: Site) -> Known:
    """STRIDED_SLICE with its masks: open begins and ends, an ellipsis, new and shrunk axes."""
    x = site.operand(0)
    cuts, shape = _cuts(site, x.type.shape)
    op = scaled.Slice(tuple(cut.start for cut in cuts), tuple(cut.step for cut in cuts))
    extents = tuple(cut.extent for cut in cuts)
    if extents == shape:
        return move(site, op, (x,), shape)
    label = site.result.label
    cut = moved(site, op, (x,), extents, f"{label}.cut", label)
    return move(site, scaled.Reshape(), (cut,), shape)


def _cuts(site: Site, shape: Shape) -> tuple[list[_Cut], Shape]:
    """A cut for each axis of the operand, and the result's shape.

    Raises:
        Refusal: the specification doesn't fit the operand, or leaves nothing.
    """
    lists = [site.integers(index, what) for index, what in enumerate(_LISTS, start=1)]
    if len({len(each) for each in lists}) != 1:
        raise Refusal("has starts, ends and steps of different lengths")
    entries = list(zip(*lists, strict=True))
    bits = {name: site.integer(name) for name in _MASKS}

    def has(name: str, at: int) -> bool:
        return bool(bits[name] >> at & 1)

    new = sum(has("NewAxisMask", at) for at in range(len(entries)))
    ellipses = [at for at in range(len(entries)) if has("EllipsisMask", at)]
    if len(ellipses) > 1:
        raise Refusal("has more than one ellipsis")
    skipped = len(shape) - (len(entries) - new - len(ellipses))
    if skipped < 0:
        raise Refusal(f"slices {len(shape) - skipped} axes of shape {list(shape)}")
    cuts: list[_Cut] = []
    result: list[int] = []
    for at, entry in enumerate(entries):
        if has("EllipsisMask", at):
            whole = shape[len(cuts) : len(cuts) + skipped]
            cuts += [_Cut(0, 1, extent, False) for extent in whole]
            result += whole
        elif has("NewAxisMask", at):
            result.append(1)
        else:
            open_ends = (has("BeginMask", at), has("EndMask", at))
            cut = _cut(shape[len(cuts)], entry, open_ends, has("ShrinkAxisMask", at))
            cuts.append(cut)
            result += [] if cut.shrunk else [cut.extent]
    rest = shape[len(cuts) :]
    cuts += [_Cut(0, 1, extent, False) for extent in rest]
    return cuts, (*result, *rest)


_LISTS = ("starts", "ends", "steps")
_MASKS = ("BeginMask", "EndMask", "EllipsisMask", "NewAxisMask", "ShrinkAxisMask")


def _cut(extent: int, entry: tuple[int, ...], open_ends: tuple[bool, bool], shrunk: bool) -> _Cut:
    start, end, step = entry
    if step == 0:
        raise Refusal("has a step of 0")
    if shrunk:
        index = start + extent if start < 0 else start
        if not 0 <= index < extent:
            raise Refusal(f"takes index {start} of {extent} elements")
        return _Cut(index, 1, 1, True)
    # Python's own slices clamp as TensorFlow Lite does.
    chosen = range(extent)[None if open_ends[0] else start : None if open_ends[1] else end : step]
    if not chosen:
        raise Refusal(f"takes nothing of {extent} elements: {start} to {end} by {step}")
    return _Cut(chosen[0], step, len(chosen), False)
