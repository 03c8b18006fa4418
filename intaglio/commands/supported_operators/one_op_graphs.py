# SPDX-License-Identifier: Apache-2.0
"""A scaled graph of one op, for each word of the profiles' rules and each element type.

Scales are powers of two, which every profile can multiply by, and zero points those that runtimes
demand where they demand any (softmax, tanh, 16 bits).
"""

from collections.abc import Mapping
from math import prod

from intaglio.compiler.ir.graph import Graph
from intaglio.compiler.ir.text import parse_graph
from intaglio.compiler.ir.verify import check
from intaglio.numerics.integers import INT32, IntType
from intaglio.numerics.profile.rules import Granularity

_PLANE = "1,4,4,2"
_ROW = "1,4"

# By word: shape of the operand, shape of the result, and the op.
_OF_ONE: Mapping[str, tuple[str, str, str]] = {
    "average_pool2d": (_PLANE, "1,2,2,2", "average_pool2d(%x) kernel=[2,2] strides=[2,2]"),
    "reduce_mean": (_PLANE, "1,4,2", "reduce_mean(%x) axes=[1] keep_dimensions=false"),
    "plane_mean": (_PLANE, "1,1,1,2", "reduce_mean(%x) axes=[1,2] keep_dimensions=true"),
    "global_average_pool": (
        _PLANE,
        "1,1,1,2",
        "reduce_mean(%x) axes=[1,2] keep_dimensions=true global_pool=true",
    ),
    "reduce_sum": (_PLANE, "1,4,2", "reduce_sum(%x) axes=[1] keep_dimensions=false"),
    "resize_linear": (
        _PLANE,
        "1,8,8,2",
        "resize_linear(%x) half_pixel=false align_corners=false",
    ),
    "requantize": (_ROW, _ROW, "requantize(%x)"),
    "clip": (_ROW, _ROW, "requantize(%x) activation=clip(low=[f32(0.0)])"),
    "joined": (_ROW, _ROW, "requantize(%x) joined=true"),
    "softmax": (_ROW, _ROW, "softmax(%x) axis=1"),
    "log_softmax": (_ROW, _ROW, "log_softmax(%x) axis=1"),
    "l2_normalization": (_ROW, _ROW, "l2_normalization(%x) axis=1"),
}
_PARAMETERS = {
    "leaky-relu": " alpha=f32(0.25)",
    "elu": " alpha=f32(1.0)",
    "hard-sigmoid": " alpha=f32(0.25) beta=f32(0.5)",
}
_PAIRS = ("add", "subtract", "multiply", "minimum", "maximum", "squared_difference")
# By word: shapes of operand, weights and result, and the axis of the weights' scales.
_WEIGHTED: Mapping[str, tuple[str, str, str, int, str]] = {
    "conv2d": (_PLANE, "2,1,1,2", _PLANE, 0, "conv2d(%x, %w)"),
    "depthwise_conv2d": (_PLANE, "2,1,1,1", _PLANE, 0, "conv2d(%x, %w) groups=2"),
    "conv_transpose2d": (_PLANE, "2,1,1,2", _PLANE, 0, "conv_transpose2d(%x, %w)"),
    "fully_connected": (_ROW, "4,2", "1,2", 1, "fully_connected(%x, %w)"),
}
_UNIT = ("softmax", "sigmoid", "hard-sigmoid")
"""Functions whose results lie within 0 and 1."""
_SIGNED_UNIT = ("tanh", "l2_normalization")
"""Functions whose results lie within -1 and 1."""
_SAME_SCALE = ("average_pool2d", "resize_linear")
"""Ops that some runtimes do on raw codes."""


def one_op_graph(
    word: str,
    element: IntType,
    granularity: Granularity,
    weights: IntType,
    result: IntType | None = None,
    biases: tuple[int, int] | None = None,
    bias: IntType = INT32,
) -> Graph:
    """A graph of the op that is called ``word`` in rules, from ``element`` to ``element``.

    Args:
        word: one of ``RULE_OPS``.
        element: of the operands and the result.
        granularity: of the weights, where there are some.
        weights: their type.
        result: of the result, where it isn't ``element``.
        biases: of the two channels of an op with weights, where it has any.
        bias: their type.
    """
    lines = _lines(word, element, granularity, weights, result or element)
    if biases is not None and word in _WEIGHTED:
        lines = _with_bias(lines, granularity, biases, bias)
    text = f"graph {word.replace('-', '_')} scaled\n{lines}"
    graph = parse_graph(f"{text}return %y\n")
    check(graph)
    return graph


def _with_bias(lines: str, granularity: Granularity, biases: tuple[int, int], bias: IntType) -> str:
    """A third operand in the scale of the products."""
    several = granularity is Granularity.PER_CHANNEL
    scales = "axis=0, scale=[f32(0.015625), f32(0.03125)]" if several else "scale=f32(0.015625)"
    constant = f"%b: {bias}[2]{{{scales}}} = constant [{biases[0]}, {biases[1]}]\n"
    before, y, after = lines.partition("%y")
    return before + constant + y + after.replace("(%x, %w)", "(%x, %w, %b)")


def _lines(
    word: str, element: IntType, granularity: Granularity, weights: IntType, result_type: IntType
) -> str:
    if word in _PAIRS:
        operands = _value("a", element, _ROW, 0.125) + _value("b", element, _ROW, 0.125)
        return operands + _value("y", result_type, _ROW, 0.25, f"{word}(%a, %b)")
    if word == "mat_mul":
        operands = _value("a", element, "1,2,4", 0.125) + _value("b", element, "1,4,2", 0.125)
        return operands + _value("y", result_type, "1,2,2", 0.25, "mat_mul(%a, %b)")
    if word in _WEIGHTED:
        given, stored, result, axis, op = _WEIGHTED[word]
        count = 2 if granularity is Granularity.PER_CHANNEL else 1
        constant = _constant(weights, stored, axis, count)
        return (
            _value("x", element, given, 0.125)
            + constant
            + _value("y", result_type, result, 1.0, op)
        )
    if word == "prelu":
        slope = "%s: i8[1]{scale=f32(0.015625)} = constant [16]\n"
        x = _value("x", element, _ROW, 0.125)
        return x + slope + _value("y", result_type, _ROW, 0.25, "prelu(%x, %s)")
    function = f"unary(%x) function={word}{_PARAMETERS.get(word, '')}"
    given, result, op = _OF_ONE.get(word, (_ROW, _ROW, function))
    x = _value("x", element, given, 0.125)
    return x + _result(word, result_type, result, op)


def _result(word: str, element: IntType, shape: str, op: str) -> str:
    bits = element.bits
    if word in _UNIT:
        # TensorFlow Lite's 16 bits have no zero point.
        symmetric = element.signed and bits > 8
        scale = 2.0 ** (1 - bits if symmetric else -bits)
        return _value("y", element, shape, scale, op, 0 if symmetric else element.minimum)
    if word == "log_softmax":
        return _value("y", element, shape, 0.0625, op, element.maximum)
    if word in _SIGNED_UNIT:
        middle = 0 if element.signed else 1 << (bits - 1)
        return _value("y", element, shape, 2.0 ** (1 - bits), op, middle)
    return _value("y", element, shape, 0.125 if word in _SAME_SCALE else 0.25, op)


def _value(
    name: str,
    element: IntType,
    shape: str,
    scale: float,
    op: str = "input",
    zero_point: int | None = None,
) -> str:
    if zero_point is None:
        middle = 0 if element.signed else 1 << (element.bits - 1)
        zero_point = middle + (1 if element.bits <= 8 else 0)
    return f"%{name}: {element}[{shape}]{{scale=f32({scale!r}), zero_point={zero_point}}} = {op}\n"


def _constant(element: IntType, shape: str, axis: int, count: int) -> str:
    scales = ", ".join(["f32(0.125)", "f32(0.25)"][:count])
    several = f"axis={axis}, scale=[{scales}]" if count > 1 else f"scale={scales}"
    return f"%w: {element}[{shape}]{{{several}}} = constant [{_ones(shape)}]\n"


def _ones(shape: str) -> str:
    return ", ".join(["1"] * prod(int(extent) for extent in shape.split(",")))
