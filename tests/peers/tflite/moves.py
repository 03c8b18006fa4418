# SPDX-License-Identifier: Apache-2.0
"""Moves whose meaning isn't plain from their names, and choices of an element."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from intaglio.compiler.ir import scaled
from intaglio.compiler.ir.moves import PadMode
from tests.peers.tflite.draw import Draw
from tests.peers.tflite.single_op import Array, Case, Operator, Tensor, case, plain

_MIRRORS = (PadMode.REFLECT, PadMode.SYMMETRIC)


def mirrored_pads(draw: Draw) -> Iterator[Case]:
    """MIRROR_PAD in both modes, as far as each one reaches."""
    x = draw.activation(draw.codes(1, 4, 3, 2))
    for number, mode in enumerate(_MIRRORS):
        edge = 1 - number
        before, after = (0, 4 - edge, 1, 0), (0, 2, 3 - edge, 2 - edge)
        shape = tuple(a + n + b for a, n, b in zip(before, x.codes.shape, after, strict=True))
        result = replace(x, codes=np.zeros(shape, draw.dtype))
        widths = np.stack([before, after], axis=1).astype(np.int32)
        operands = (x, Tensor(widths, constant=True))
        operator = Operator("MIRROR_PAD", operands, result, "MirrorPadOptions", {"mode": number})
        yield case(mode.value, scaled.Pad(before, after, mode), (x,), result, operator)


def gathers(draw: Draw) -> Iterator[Case]:
    """GATHER by constant indices: a nearest resize of the axis, seen as the rows of a plane."""
    x = draw.activation(draw.codes(1, 6, 1, 10))
    indices = (5, 0, 0, 3)
    result = replace(x, codes=np.zeros((1, len(indices), 1, 10), draw.dtype))
    operator = Operator("GATHER", (x, plain(indices)), result, "GatherOptions", {"axis": 1})
    yield case("rows", scaled.ResizeNearest(indices, (0,)), (x,), result, operator)


def choices(draw: Draw) -> Iterator[Case]:
    """ARG_MAX and ARG_MIN to int32."""
    yield from _choices(draw, "ARG_MAX", scaled.ArgMax, np.int32)
    yield from _choices(draw, "ARG_MIN", scaled.ArgMin, np.int32)


def wide_choices(draw: Draw) -> Iterator[Case]:
    """ARG_MAX and ARG_MIN to int64."""
    yield from _choices(draw, "ARG_MAX", scaled.ArgMax, np.int64)
    yield from _choices(draw, "ARG_MIN", scaled.ArgMin, np.int64)


def _choices(
    draw: Draw, name: str, choice: type[scaled.ArgMax] | type[scaled.ArgMin], dtype: Any
) -> Iterator[Case]:
    """Few different codes, so that equal ones abound; long and short axes, the last among them."""
    for axis, shape in _ROWS:
        x = draw.activation(_few_codes(draw, shape))
        result = Tensor(np.zeros((*shape[:axis], *shape[axis + 1 :]), dtype))
        operator = Operator(
            name,
            (x, plain((axis,))),
            result,
            f"{_CAMEL[name]}Options",
            {"outputType": 2 if dtype is np.int32 else 4},
        )
        label = f"{name} along {axis} of {shape}"
        yield case(label, choice(axis, False), (x,), result, operator)


_ROWS = ((3, (1, 5, 4, 37)), (3, (2, 9, 1, 3)), (1, (2, 70, 3, 5)), (2, (1, 3, 1, 4)))
_CAMEL = {"ARG_MAX": "ArgMax", "ARG_MIN": "ArgMin"}


def _few_codes(draw: Draw, shape: tuple[int, ...]) -> Array:
    info = np.iinfo(draw.dtype)
    known = np.array([info.min, info.min + 1, 0, info.max - 1, info.max])
    return draw.rng.choice(known, shape).astype(draw.dtype)
