# SPDX-License-Identifier: Apache-2.0
"""Shapes of elementwise ops, reductions and softmax."""

from collections.abc import Mapping, Sequence

from intaglio.compiler.ir.infer.mismatch import (
    Mismatch,
    Shape,
    require,
    require_axis,
    written,
)


def broadcast(left: Shape, right: Shape) -> Shape:
    """NumPy's broadcasting: align at the last axis; 1 stretches."""
    rank = max(len(left), len(right))
    pairs = zip(_to_rank(left, rank), _to_rank(right, rank), strict=True)
    extents: list[int] = []
    for a, b in pairs:
        if a != b and 1 not in (a, b):
            found = f"operands of shapes {written(left)} and {written(right)}"
            raise Mismatch(found, "extents that are equal or 1, from the last axis on")
        extents.append(b if a == 1 else a)
    return tuple(extents)


def _to_rank(shape: Shape, rank: int) -> Shape:
    return (1,) * (rank - len(shape)) + shape


def by_channel(x: Shape, lists: Mapping[str, Sequence[object]], optional: bool = False) -> Shape:
    """The shape of x, whose last axis is as long as each list that has more than one entry."""
    for name, values in lists.items():
        channels = x[-1] if x else 1
        lengths = {1, channels} | ({0} if optional else set[int]())
        require(
            len(values) in lengths,
            f"{len(values)} {name} for shape {written(x)}",
            " or ".join(str(length) for length in sorted(lengths)),
        )
    return x


def reduced(x: Shape, axes: Sequence[int], keep_dimensions: bool) -> Shape:
    """The shape of x without the axes, or with extent 1 there."""
    for axis in axes:
        require_axis(axis, x)
    require(
        len(axes) > 0 and list(axes) == sorted(set(axes)),
        f"axes {list(axes)}",
        "at least one axis, sorted, each once",
    )
    kept = ((1 if axis in axes else extent) for axis, extent in enumerate(x))
    if keep_dimensions:
        return tuple(kept)
    return tuple(extent for axis, extent in enumerate(x) if axis not in axes)


def along(x: Shape, axis: int) -> Shape:
    """The shape of x, which has the axis."""
    require_axis(axis, x)
    return x


def looked_up(x: Shape, table: Shape, bits: int) -> Shape:
    """The shape of x; the table is ``[2**bits]`` or ``[C, 2**bits]`` with C the last axis."""
    entries = 1 << bits
    allowed = [(entries,), (x[-1], entries)] if x else [(entries,)]
    require(
        table in allowed,
        f"a table of shape {written(table)}",
        " or ".join(written(shape) for shape in allowed),
    )
    return x


def sloped(x: Shape, slope: Shape) -> Shape:
    """The shape of x; the slope is ``[1]`` or ``[C]`` with C the last axis."""
    allowed = [(1,), (x[-1],)] if x else [(1,)]
    require(
        slope in allowed,
        f"a slope of shape {written(slope)}",
        " or ".join(written(shape) for shape in dict.fromkeys(allowed)),
    )
    return x
