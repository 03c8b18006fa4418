# SPDX-License-Identifier: Apache-2.0
"""Distributions through elementwise operators, of one value or of two."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial

import numpy as np
import onnx_ir as ir

from intaglio.compiler.real.distributions.distribution_arithmetic import (
    add,
    leaky,
    multiply,
    subtract,
    through,
)
from intaglio.compiler.real.distributions.distributions import ChannelDistribution, Reals
from intaglio.compiler.real.distributions.elementwise import (
    Function,
    clip_ends,
    computed_operand,
    elementwise,
    with_constant,
)
from intaglio.compiler.real.distributions.shaped_distribution import (
    Ruled,
    ShapedDistribution,
    together,
)
from intaglio.compiler.real.editing import describe, float_attribute, float_constant, input_at

Found = Mapping[ir.Value, ShapedDistribution]
Combine = Callable[[ChannelDistribution, ChannelDistribution], ChannelDistribution]
# Of independent operands; Max and Min of those have no rule.
OF_TWO: Mapping[str, Combine | None] = {
    "Add": add,
    "Max": None,
    "Min": None,
    "Mul": multiply,
    "Sub": subtract,
}
_FUNCTIONS: Mapping[str, Callable[[Reals, Reals], Reals]] = {
    "Add": np.add,
    "Max": np.maximum,
    "Min": np.minimum,
    "Mul": np.multiply,
    "Sub": np.subtract,
}


def propagate_function(node: ir.Node, index: int, found: Found) -> ShapedDistribution:
    """An elementwise function of one value, other operands being constant.

    Args:
        node: one that has a ``computed_operand``.
        index: which input that is.
        found: what is known of values before the node.
    """
    x, stored = found[_input(node, index)], _stored(node, index)
    match node.op_type:
        case "Relu":
            return ShapedDistribution(x.flat.clipped(0.0, np.inf), x.shape)
        case "Clip":
            return ShapedDistribution(x.flat.clipped(*clip_ends(node)), x.shape)
        case "LeakyRelu":
            slope = np.full(x.flat.channels, float_attribute(node, "alpha", 0.01))
            return ShapedDistribution(leaky(x.flat, slope), x.shape)
        case "Max":
            return together(lambda x, c: x.clipped(c.mean, np.inf), x, stored)
        case "Min":
            return together(lambda x, c: x.clipped(-np.inf, c.mean), x, stored)
        case "PRelu":
            return together(lambda x, c: leaky(x, c.mean), x, stored)
        case "Mul":
            return together(multiply, x, stored)
        case "Add":
            return together(add, x, stored)
        case "Sub":
            return together(subtract, *((x, stored) if index == 0 else (stored, x)))
        case _:
            function = elementwise(node)
            assert function is not None
            return ShapedDistribution(through(x.flat, function), x.shape)


def propagate_two(node: ir.Node, operands: Sequence[ShapedDistribution], found: Found) -> Ruled:
    """An elementwise operation of two computed values, or why there is no rule.

    Where both are elementwise functions of one value they are taken together, else they are
    assumed to be independent.

    Args:
        node: one of ``OF_TWO``.
        operands: the distributions of its operands.
        found: what is known of values before the node.
    """
    if len(operands) == 1:
        return list(operands)
    if len(operands) > 2:
        return f"{describe(node)} joins more than two values"
    first, second = _input(node, 0), _input(node, 1)
    ancestors = list(_elementwise_ancestors(second))
    root = next((value for value in _elementwise_ancestors(first) if value in ancestors), None)
    if root is not None:
        return [_of_one_root(node, root, found)]
    combine = OF_TWO[node.op_type]
    if combine is None:
        return f"{describe(node)} chooses between two computed values"
    return [together(combine, *operands)]


def _elementwise_ancestors(value: ir.Value) -> Iterator[ir.Value]:
    """The value, and those that each element of it is a function of, nearest first."""
    yield value
    producer = value.producer()
    index = None if producer is None else computed_operand(producer)
    if producer is not None and index is not None:
        yield from _elementwise_ancestors(_input(producer, index))


def _of_one_root(node: ir.Node, root: ir.Value, found: Found) -> ShapedDistribution:
    """An operation on two values that are functions of the same one."""
    shapes = [found[value].shape for value in (root, _input(node, 0), _input(node, 1))]
    dims = np.broadcast_shapes(*shapes)
    first, second = (_composed(_input(node, i), root, dims) for i in (0, 1))
    combine = _FUNCTIONS[node.op_type]
    lead = (1,) * (len(dims) - len(shapes[0]))
    spread = ShapedDistribution(found[root].flat, lead + shapes[0]).expanded(dims)
    return ShapedDistribution(
        through(spread.flat, lambda x: combine(first(x), second(x))), spread.shape
    )


def _composed(value: ir.Value, root: ir.Value, dims: tuple[int, ...]) -> Function:
    """The value as a function of ``root``, on rows that are the elements of ``dims``."""
    if value is root:
        return lambda x: x
    node = value.producer()
    index = None if node is None else computed_operand(node)
    assert node is not None
    assert index is not None
    inner, outer = _composed(_input(node, index), root, dims), elementwise(node)
    if outer is None:
        stored = _stored(node, index)
        padded = ShapedDistribution(
            stored.flat, (1,) * (len(dims) - len(stored.shape)) + stored.shape
        )
        outer = with_constant(node, index, padded.expanded(dims).flat.mean[:, None])
    return partial(_after, outer, inner)


def _after(outer: Function, inner: Function, x: Reals) -> Reals:
    return outer(inner(x))


def _stored(node: ir.Node, index: int) -> ShapedDistribution:
    """The constant operand beside the computed one; a single zero where there is none."""
    array = float_constant(input_at(node, 1 - index)) if len(node.inputs) == 2 else None
    array = np.zeros(()) if array is None else array
    return ShapedDistribution.constant(array, array.ndim)


def _input(node: ir.Node, index: int) -> ir.Value:
    value = node.inputs[index]
    assert value is not None
    return value
