# SPDX-License-Identifier: Apache-2.0
"""Rules of each value by itself: its shape, its quantization, a constant's elements."""

from collections.abc import Iterator

import numpy as np

from intaglio.compiler.ir.graph import Definition, Graph, Input, Level
from intaglio.compiler.ir.infer.mismatch import written
from intaglio.compiler.ir.types import Quantization, TensorType
from intaglio.compiler.ir.verify.rules import Rule, violation
from intaglio.compiler.ir.verify.structure import definitions
from intaglio.numerics.integers import IntType

MOST_ELEMENTS = (1 << 31) - 1
HIGHEST_RANK = 16


def sizes_are_sane(graph: Graph) -> Iterator[str]:
    """A value has at most 16 dimensions, each of 1 or more, and fewer than 2**31 elements."""
    for each in definitions(graph):
        shape = each.type.shape
        if len(shape) > HIGHEST_RANK:
            yield violation(each, f"{len(shape)} dimensions", f"at most {HIGHEST_RANK}")
        elif any(extent < 1 for extent in shape):
            yield violation(each, f"shape {written(shape)}", "extents of 1 or more")
        elif each.type.size > MOST_ELEMENTS:
            found = f"{each.type.size} elements in shape {written(shape)}"
            yield violation(each, found, "fewer than 2**31")


def scaled_integers_alone_are_quantized(graph: Graph) -> Iterator[str]:
    """Float32 has no scale; integers have one at the scaled level, at the fixed one inputs may."""
    for each in definitions(graph):
        has_scale = each.type.quantization is not None
        integer = isinstance(each.type.element, IntType)
        if has_scale and not integer:
            yield violation(each, "a scale on float32", "none")
        elif has_scale and graph.level is Level.FIXED and not isinstance(each, Input):
            yield violation(each, "a scale at the fixed level", "none: the ops hold it")
        elif integer and not has_scale and graph.level is Level.SCALED:
            yield violation(each, f"{each.type.element} without a scale", "a scale")


def quantizations_fit(graph: Graph) -> Iterator[str]:
    """Scales are positive, one or one for each index of the axis; zero points are codes."""
    for each in definitions(graph):
        if each.type.quantization is not None and isinstance(each.type.element, IntType):
            yield from _quantization_problems(each, each.type.quantization)


def _quantization_problems(each: Definition, quantization: Quantization) -> Iterator[str]:
    yield from _axis_problems(each, quantization)
    if any(scale.negative or scale.fraction == 0 for scale in quantization.scales):
        lowest = min(quantization.scales, key=lambda scale: scale.fraction)
        yield violation(each, f"the scale {lowest}", "a positive one")
    element = each.type.integer
    outside = [code for code in quantization.zero_points if not element.contains(code)]
    if outside:
        yield violation(each, f"the zero point {outside[0]}", f"a code of {element}")


def _axis_problems(each: Definition, quantization: Quantization) -> Iterator[str]:
    axis, shape = quantization.axis, each.type.shape
    if axis is not None and not 0 <= axis < len(shape):
        found = f"scales along axis {axis} of shape {written(shape)}"
        yield violation(each, found, f"an axis from 0 to {len(shape) - 1}")
        return
    allowed = {1} if axis is None else {1, shape[axis]}
    for what, count in (
        ("scales", len(quantization.scales)),
        ("zero points", len(quantization.zero_points)),
    ):
        if count not in allowed:
            where = "without an axis" if axis is None else f"along axis {axis}"
            expected = " or ".join(str(length) for length in sorted(allowed))
            yield violation(each, f"{count} {what} {where}", expected)


def constants_hold_their_type(graph: Graph) -> Iterator[str]:
    """Every element of a constant is a value of its type; a float32 is finite."""
    for each in graph.constants:
        problem = _element_problem(each.type, each.array)
        if problem:
            yield violation(each, problem, f"values of {each.type.element}")


def _element_problem(
    tensor: TensorType, array: np.ndarray[tuple[int, ...], np.dtype[np.generic]]
) -> str:
    if not isinstance(tensor.element, IntType):
        return "" if np.isfinite(array).all() else "an element that is infinite or not a number"
    low, high = int(np.min(array)), int(np.max(array))
    outside = [value for value in (low, high) if not tensor.element.contains(value)]
    return f"the element {outside[0]}" if outside else ""


RULES: tuple[Rule, ...] = (
    sizes_are_sane,
    scaled_integers_alone_are_quantized,
    quantizations_fit,
    constants_hold_their_type,
)
