# SPDX-License-Identifier: Apache-2.0
"""Small graphs that put ties everywhere: powers of two as scales, odd zero points, every code.

Where real numbers lie halfway between two codes, each rounding shows itself; with scales drawn at
random, profiles that round differently agree on nearly every value.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from intaglio.compiler.ir.graph import Array, Graph
from intaglio.compiler.ir.text import parse_graph
from intaglio.compiler.ir.verify import check
from intaglio.numerics.integers import IntType

ELEMENTS = ("i8", "u8", "i16")
_ZERO_POINTS = {"i8": (3, -5), "u8": (131, 117), "i16": (0, 0)}

Scales = Callable[[float], float]
"""A scale near a power of two, or that power itself."""


@dataclass(frozen=True, slots=True)
class Case:
    """One op of one element type.

    Attributes:
        table: the table of the profile that has its rule.
        label: the op and the type.
        graph: at the scaled level.
        feeds: every code, or every pair of codes where there are few.
    """

    table: str
    label: str
    graph: Graph
    feeds: dict[str, Array]


def uneven(power: float) -> float:
    """A scale near ``power`` whose products and quotients float32 has to round."""
    return float(np.float32(power * (0.7 if np.log2(power) % 2 else 1.1)))


def corpus(scale: Scales = lambda power: power) -> Iterator[Case]:
    """Every op that rounds, for each element type; ``scale`` is given the powers of two."""
    for element in ELEMENTS:
        yield from _contractions(element, scale)
        yield from _pairs(element, scale)
        yield from _planes(element, scale)
        yield from _functions(element, scale)
        yield from _borders(element, scale)


def _case(table: str, label: str, element: str, lines: str, feeds: dict[str, Array]) -> Case:
    x, y = _ZERO_POINTS[element]
    text = f"graph ties scaled\n{lines}return %y\n"
    text = text.replace("ELEMENT", element).replace("ZX", str(x)).replace("ZY", str(y))
    graph = parse_graph(text)
    check(graph)
    return Case(table, f"{label} {element}", graph, feeds)


def _codes(element: str) -> Array:
    """Every code of 8 bits; of 16 bits every 37th, both parities among them."""
    word = IntType.parse(element)
    step = 1 if word.bits <= 8 else 37
    return np.arange(word.minimum, word.maximum + 1, step).astype(word.dtype)


def _every_pair(element: str) -> tuple[Array, Array]:
    codes = _codes(element)[:: 1 if element != "i16" else 7]
    left, right = np.meshgrid(codes, codes)
    return left.reshape(1, -1), right.reshape(1, -1)


def _type(name: str, element: str, shape: str, scale: float, zero: str, value: str) -> str:
    return f"%{name}: {element}[{shape}]{{scale=f32({scale!r}), zero_point={zero}}} = {value}\n"


def _contractions(element: str, scale: Scales) -> Iterator[Case]:
    x = _codes(element)
    # A channel for each shift; wide codes need larger ones to come down to 16 bits.
    powers = [scale(2.0**-k) for k in range(3, 9)]
    scales = ", ".join(f"f32({power!r})" for power in powers)
    weights = "[1, -3, 5, 57, -89, 127]"
    given = _type("x", "ELEMENT", f"1,1,{x.size},1", scale(0.0625), "ZX", "input")
    result = _type("y", "ELEMENT", f"1,1,{x.size},6", scale(0.125), "ZY", "RESULT")
    convolved = (
        given
        + f"%w: i8[6,1,1,1]{{axis=0, scale=[{scales}]}} = constant {weights}\n"
        + result.replace("RESULT", "conv2d(%x, %w)")
    )
    feeds = {"x": x.reshape(1, 1, -1, 1)}
    yield _case("contraction", "conv2d", element, convolved, feeds)
    multiplied = (
        given
        + f"%w: i8[1,6]{{axis=1, scale=[{scales}]}} = constant {weights}\n"
        + result.replace("RESULT", "fully_connected(%x, %w)")
    )
    yield _case("contraction", "fully_connected", element, multiplied, feeds)
    left, right = x.reshape(1, -1, 1), x[::17].reshape(1, 1, -1)
    product = (
        _type("a", "ELEMENT", f"1,{left.size},1", scale(0.0625), "ZX", "input")
        + _type("b", "ELEMENT", f"1,1,{right.size}", scale(0.0078125), "ZX", "input")
        + _type(
            "y", "ELEMENT", f"1,{left.size},{right.size}", scale(0.125), "ZY", "mat_mul(%a, %b)"
        )
    )
    yield _case("contraction", "mat_mul", element, product, {"a": left, "b": right})


def _pairs(element: str, scale: Scales) -> Iterator[Case]:
    left, right = _every_pair(element)
    shape = f"1,{left.size}"
    for op, output in (
        ("add", 0.25),
        ("subtract", 0.25),
        ("multiply", 0.5),
        ("minimum", 0.25),
        ("maximum", 0.25),
        ("squared_difference", 4.0),
    ):
        lines = (
            _type("a", "ELEMENT", shape, scale(0.125), "ZX", "input")
            + _type("b", "ELEMENT", shape, scale(0.0625), "ZX", "input")
            + _type("y", "ELEMENT", shape, scale(output), "ZY", f"{op}(%a, %b)")
        )
        yield _case("pair", op, element, lines, {"a": left, "b": right})
    if element == "i16":
        yield _recurrent_add()


def _recurrent_add() -> Case:
    """A gate of 16 bits, and what is added to it before it is saturated."""
    word = IntType.parse("i16")
    gate = np.array([word.minimum, -20000, 0, 20000, word.maximum], np.int16)
    added = np.array([-100000, word.minimum, -3, word.maximum, 100000], np.int32)
    left, right = (codes.reshape(1, -1) for codes in np.meshgrid(gate, added))
    shape = f"1,{left.size}"
    lines = (
        _type("a", "i16", shape, 0.000244140625, "0", "input")
        + _type("b", "i32", shape, 0.000244140625, "0", "input")
        + _type("y", "i16", shape, 0.000244140625, "0", "add(%a, %b) recurrent=true")
    )
    return _case("pair", "recurrent_add", "i16", lines, {"a": left, "b": right})


def _planes(element: str, scale: Scales) -> Iterator[Case]:
    rng = np.random.default_rng(3)
    word = IntType.parse(element)
    plane = rng.integers(word.minimum, word.maximum, (1, 12, 12, 8), endpoint=True)
    given = _type("x", "ELEMENT", "1,12,12,8", scale(0.0625), "ZX", "input")
    feeds = {"x": plane.astype(word.dtype)}
    for label, shape, output, op in (
        ("average_pool2d 2", "1,6,6,8", 0.0625, "average_pool2d(%x) kernel=[2,2] strides=[2,2]"),
        ("average_pool2d 6", "1,6,4,8", 0.125, "average_pool2d(%x) kernel=[2,3] strides=[2,3]"),
        ("reduce_mean", "1,12,8", 0.03125, "reduce_mean(%x) axes=[2] keep_dimensions=false"),
        (
            "global_average_pool",
            "1,1,1,8",
            0.0078125,
            "reduce_mean(%x) axes=[1,2] keep_dimensions=true global_pool=true",
        ),
        ("reduce_sum", "1,12,8", 0.25, "reduce_sum(%x) axes=[2] keep_dimensions=false"),
    ):
        lines = given + _type("y", "ELEMENT", shape, scale(output), "ZY", op)
        yield _case("mean", label, element, lines, feeds)
    for half_pixel in ("true", "false"):
        op = f"resize_linear(%x) half_pixel={half_pixel} align_corners=false"
        lines = given + _type("y", "ELEMENT", "1,24,18,8", scale(0.0625), "ZX", op)
        yield _case("resize", f"resize_linear {half_pixel}", element, lines, feeds)


def _functions(element: str, scale: Scales) -> Iterator[Case]:
    if element == "i16":
        # Tables of 65,536 entries tell nothing of rounding that those of 256 don't.
        return
    x = _codes(element)
    given = _type("x", "ELEMENT", f"1,{x.size}", scale(0.0625), "ZX", "input")
    feeds = {"x": x.reshape(1, -1)}
    for function, output in (
        ("leaky-relu alpha=f32(0.25)", 0.125),
        ("sigmoid", 0.0078125),
        ("tanh", 0.0078125),
        ("hard-swish", 0.125),
        ("gelu", 0.125),
        ("elu alpha=f32(1.0)", 0.125),
        ("exp", 1.0),
    ):
        op = f"unary(%x) function={function}"
        lines = given + _type("y", "ELEMENT", f"1,{x.size}", scale(output), "ZY", op)
        yield _case("unary", function.split()[0], element, lines, feeds)
    slope = f"%s: i8[1]{{scale=f32({scale(0.015625)!r})}} = constant [16]\n"
    lines = (
        given + slope + _type("y", "ELEMENT", f"1,{x.size}", scale(0.125), "ZY", "prelu(%x, %s)")
    )
    yield _case("unary", "prelu", element, lines, feeds)
    yield from _softmaxes(element, scale)


def _softmaxes(element: str, scale: Scales) -> Iterator[Case]:
    x, word = _codes(element), IntType.parse(element)
    # Of 512 equal values each has half a code, and so have nearly equal ones.
    level = np.full((64, 512), x[200], x.dtype)
    level[1:, 0] = x[:63]
    rolled = [np.stack([np.roll(x, 7 * shift)[:n] for shift in range(256)]) for n in (2, 10, 40)]
    drawn = np.random.default_rng(5).choice(x, (1500, 20))
    powers = (0.0625, 0.125, 0.25, 0.03125, 0.03125)
    for rows, power in zip((*rolled, level, drawn), powers, strict=True):
        columns = rows.shape[1]
        shape = f"{len(rows)},{columns}"
        lowest = str(word.minimum)
        lines = _type("x", "ELEMENT", shape, scale(power), "ZX", "input")
        lines += _type("y", "ELEMENT", shape, 2.0**-8, lowest, "softmax(%x) axis=1")
        yield _case("softmax", f"softmax {columns}", element, lines, {"x": rows})


def _borders(element: str, scale: Scales) -> Iterator[Case]:
    x = _codes(element)
    given = _type("x", "ELEMENT", f"1,{x.size}", scale(0.0625), "ZX", "input")
    feeds = {"x": x.reshape(1, -1)}
    for power in (0.125, 0.25, 1.0):
        lines = given + _type("y", "ELEMENT", f"1,{x.size}", scale(power), "ZY", "requantize(%x)")
        yield _case("rescale", f"requantize {power}", element, lines, feeds)
    # Bounds halfway between two codes, one for each channel; every code in every channel.
    bounds = [scale(0.0625) * (k + 0.5) for k in range(10, 26)]
    high = ", ".join(f"f32({bound!r})" for bound in bounds)
    low = ", ".join(f"f32({-bound!r})" for bound in bounds)
    shape = f"{x.size},{len(bounds)}"
    op = f"requantize(%x) activation=clip(low=[{low}], high=[{high}])"
    lines = _type("x", "ELEMENT", shape, scale(0.0625), "ZX", "input")
    lines += _type("y", "ELEMENT", shape, scale(0.0625), "ZX", op)
    repeated = np.repeat(x.reshape(-1, 1), len(bounds), axis=1)
    yield _case("bound", "clip", element, lines, {"x": repeated})
    step = np.float32(0.7)
    halves = ((np.arange(-140, 140) + 0.5).astype(np.float32) * step)[None]
    lines = f"%x: f32[1,{halves.size}] = input\n" + _type(
        "y", "ELEMENT", f"1,{halves.size}", float(step), "ZX", "quantize(%x)"
    )
    yield _case("quantize", "quantize", element, lines, {"x": halves})
