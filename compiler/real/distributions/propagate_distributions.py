# SPDX-License-Identifier: Apache-2.0
"""The clipped normal distribution of every value, from notes and what each operator does."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import onnx_ir as ir

from intaglio.compiler.real.distributions.distributions import ChannelDistribution
from intaglio.compiler.real.distributions.elementwise import computed_operand
from intaglio.compiler.real.distributions.gaps import (
    Gap,
    gap_of_input,
    gap_of_rule,
    gap_passed_on,
)
from intaglio.compiler.real.distributions.propagate_elementwise import (
    OF_TWO,
    propagate_function,
    propagate_two,
)
from intaglio.compiler.real.distributions.propagate_linear import PRODUCTS, propagate_linear
from intaglio.compiler.real.distributions.propagate_moves import MOVED, propagate_move
from intaglio.compiler.real.distributions.shaped_distribution import Ruled, ShapedDistribution
from intaglio.compiler.real.editing import describe, float_constant
from intaglio.compiler.real.roles import data_inputs
from intaglio.compiler.real.statistics import read_channel_statistics
from intaglio.errors import InvalidData

NO_INPUTS: Mapping[str, ChannelDistribution] = MappingProxyType({})

# On SqueezeNet (no BatchNorm) the std comes out at 1.5, 0.5, 0.5 and 0.3 of the true one after one,
# two, three and four products, and at a hundredth in the end.
PRODUCTS_IN_A_ROW = 3
_TOO_DEEP = "it and the {} linear operations before it have no noted statistics"

_Found = dict[ir.Value, ShapedDistribution]


@dataclass(frozen=True, slots=True)
class Propagated:
    """What is known of each value without running the network.

    Attributes:
        distributions: by value name, one channel for each index along axis 1 (a single one for a
            vector or number). Where elements of one channel differ, they are thrown together.
        missing: by value name, why the distribution of an input or computed value is unknown; where
            that is because another is, the first such is named.
    """

    distributions: Mapping[str, ChannelDistribution]
    missing: Mapping[str, str]


def propagate_distributions(
    model: ir.Model,
    inputs: Mapping[str, ChannelDistribution] = NO_INPUTS,
    products: float = PRODUCTS_IN_A_ROW,
) -> Propagated:
    """Follow distributions through the network, in its order.

    - What is noted under ``intaglio.statistics`` wins: a normal without ends.
    - Relu, Clip, Min and Max with constants clip exactly; Add, Sub and Mul with constants are
      exact. LeakyRelu and PRelu have the moments of their two pieces. Every other function of one
      value has its moments at equally likely quantiles, and its true ends. Two functions of the
      same value (x * sigmoid(x)) are taken together.
    - Add, Sub and Mul of two values assume that they are independent, as does a Conv,
      ConvTranspose, Gemm or MatMul without noted statistics of its input elements; zero padding
      widens its ends and leaves its moments alone. Since they aren't independent in truth, the
      error grows with each such product, and after ``products`` of them in a row nothing is known.
    - Averages keep the mean, the ends and, as an upper bound, the variance; MaxPool keeps
      everything, although a maximum is larger. Padding widens the ends.
    - What moves elements (Concat, Split, Slice, Reshape, Flatten, Transpose, ...) moves theirs.

    Whatever isn't exactly a clipped normal becomes the one with the same moments and ends.

    Source: Data-Free Quantization (Nagel et al. 2019), section 4.2 and appendix C.

    Args:
        model: a normalized model; it stays as it is.
        inputs: of graph inputs, along their axis 1 or, if that doesn't fit, their last axis.
        products: how many linear operations without noted statistics may follow each other.

    Raises:
        InvalidData: a distribution of an input has another number of channels than the input.
    """
    found: _Found = {}
    gaps: dict[ir.Value, Gap] = {}
    for value in model.graph.inputs:
        given = inputs.get(value.name or "")
        if given is None:
            gaps[value] = gap_of_input(value)
        else:
            found[value] = _given(value, given)
    depths: dict[ir.Value | None, int] = {}
    for node in model.graph:
        depth = max(depths.get(value, 0) for value in (None, *node.inputs))
        depth += node.op_type in PRODUCTS
        for value, outcome in zip(node.outputs, _outputs(node, found), strict=True):
            depths[value] = depth if _noted(value) is None else 0
            if depths[value] > products and not isinstance(outcome, str):
                gaps[value] = gap_of_rule(f"{describe(node)}: {_TOO_DEEP.format(products)}")
            elif isinstance(outcome, str):
                gaps[value] = gap_passed_on(node, gaps, PRODUCTS) or gap_of_rule(outcome)
            else:
                found[value] = outcome
    return Propagated(
        {value.name or "": _along_axis_1(value, shaped) for value, shaped in found.items()},
        {value.name or "": gap.reason for value, gap in gaps.items()},
    )


def _given(value: ir.Value, given: ChannelDistribution) -> ShapedDistribution:
    dims = list(value.shape) if value.shape is not None else []
    for axis in (1, len(dims) - 1):
        if len(dims) > axis > 0 and dims[axis] == given.channels:
            return ShapedDistribution.along(given, axis, len(dims))
    if given.channels == 1:
        return ShapedDistribution(given, (1,) * len(dims))
    raise InvalidData(
        f"the distribution of input {value.name}",
        f"{given.channels} channels",
        f"as many as along an axis of its shape {dims}",
        "give one for each channel, or one for all of them",
    )


def _along_axis_1(value: ir.Value, shaped: ShapedDistribution) -> ChannelDistribution:
    extent = value.shape[1] if value.shape is not None and len(value.shape) > 1 else 1
    if not isinstance(extent, int):
        extent = shaped.shape[1]
    axis = 1 if len(shaped.shape) > 1 else len(shaped.shape)
    return shaped.channels(axis, extent)


def _outputs(node: ir.Node, found: _Found) -> Iterator[ShapedDistribution | str]:
    ruled: Ruled | None = None
    for index, value in enumerate(node.outputs):
        noted = _noted(value)
        if noted is not None:
            yield noted
            continue
        ruled = _rule(node, found) if ruled is None else ruled
        yield ruled if isinstance(ruled, str) else ruled[index]


def _noted(value: ir.Value) -> ShapedDistribution | None:
    statistics = read_channel_statistics(value)
    if statistics is None or value.shape is None or len(value.shape) < 2:
        return None
    flat = ChannelDistribution.normal(np.array(statistics.mean), np.array(statistics.std))
    if value.shape[1] != flat.channels:
        return None
    return ShapedDistribution.along(flat, 1, len(value.shape))


def _rule(node: ir.Node, found: _Found) -> Ruled:
    for value in node.inputs:
        if value is not None and value not in found and float_constant(value) is None:
            return f"the distribution of {value.name} is missing"
    index = computed_operand(node)
    if index is not None:
        return [propagate_function(node, index, found)]
    operands = [
        _operand(value, found) for _, value in data_inputs(node) if not _is_matrix(node, value)
    ]
    if node.op_type in OF_TWO:
        return propagate_two(node, operands, found)
    if node.op_type in MOVED:
        return propagate_move(node, operands)
    return propagate_linear(node, operands)


def _is_matrix(node: ir.Node, value: ir.Value) -> bool:
    """Whether an operand is the constant factor of a matrix product."""
    return node.op_type == "MatMul" and float_constant(value) is not None


def _operand(value: ir.Value, found: _Found) -> ShapedDistribution:
    stored = float_constant(value)
    return found[value] if stored is None else ShapedDistribution.constant(stored, stored.ndim)
