# SPDX-License-Identifier: Apache-2.0
"""Distributions through convolutions and matrix products of which no statistics are noted."""

from collections.abc import Iterator, Sequence
from itertools import product

import numpy as np
import onnx_ir as ir

from intaglio.compiler.real.distributions.distribution_arithmetic import inner_product, mixture
from intaglio.compiler.real.distributions.distributions import ChannelDistribution, Reals
from intaglio.compiler.real.distributions.shaped_distribution import Ruled, ShapedDistribution
from intaglio.compiler.real.editing import describe, float_constant
from intaglio.compiler.real.linear import Linear, read_linear

PRODUCTS = frozenset({"Conv", "ConvTranspose", "Gemm", "MatMul"})


def propagate_linear(node: ir.Node, operands: Sequence[ShapedDistribution]) -> Ruled:
    """The result's moments, all input elements being independent; or why there are none.

    Args:
        node: any node; what isn't linear with constant weights has no rule.
        operands: the distributions of its computed operands.
    """
    if node.op_type == "MatMul":
        return _matrix_product(node, operands)
    if node.op_type not in PRODUCTS:
        return f"{describe(node)}: there is no rule for this operator"
    linear = read_linear(node)
    if linear is None or len(operands) != 1:
        return f"{describe(node)}: its weights or its bias are no constant vectors"
    x = operands[0].channels(1, linear.inputs)
    found = (
        _transposed(node, x, linear) if node.op_type == "ConvTranspose" else _plain(node, x, linear)
    )
    return [ShapedDistribution.along(found, 1, len(operands[0].shape))]


def _plain(node: ir.Node, x: ChannelDistribution, linear: Linear) -> ChannelDistribution:
    automatic = node.attributes.get_string("auto_pad", "NOTSET")
    padded = automatic.startswith("SAME") or any(node.attributes.get_ints("pads", ()))
    return inner_product(x, linear.weight, linear.bias, linear.groups, misses_taps=padded)


def _transposed(node: ir.Node, x: ChannelDistribution, linear: Linear) -> ChannelDistribution:
    """Each position between two strides meets other taps; they are thrown together."""
    ones = [1] * (linear.weight.ndim - 2)
    strides = tuple(node.attributes.get_ints("strides", ones))
    dilations = tuple(node.attributes.get_ints("dilations", ones))
    found = [
        inner_product(x, taps, linear.bias, linear.groups, misses_taps=True)
        for taps in _phases(linear.weight, strides, dilations)
    ]
    rows = ChannelDistribution(
        np.stack([phase.mean for phase in found], axis=1).ravel(),
        np.stack([phase.std for phase in found], axis=1).ravel(),
        np.stack([phase.low for phase in found], axis=1).ravel(),
        np.stack([phase.high for phase in found], axis=1).ravel(),
    )
    return mixture(rows, (linear.outputs, len(found)))


def _phases(weight: Reals, strides: tuple[int, ...], dilations: tuple[int, ...]) -> Iterator[Reals]:
    """The taps of a transposed convolution that meet at each kind of output position.

    Tap k lands dilation * k positions on, so those with the same remainder by the stride meet.
    """
    for phase in product(*(range(stride) for stride in strides)):
        taps = weight
        for axis, (remainder, stride, dilation) in enumerate(
            zip(phase, strides, dilations, strict=True), start=2
        ):
            met = [dilation * tap % stride == remainder for tap in range(weight.shape[axis])]
            taps = taps.compress(met, axis=axis)
        yield taps


def _matrix_product(node: ir.Node, operands: Sequence[ShapedDistribution]) -> Ruled:
    left, right = (float_constant(value) for value in node.inputs)
    stored = left if right is None else right
    if len(operands) != 1 or stored is None or stored.ndim != 2 or len(operands[0].shape) < 2:
        return f"{describe(node)}: neither factor is a constant matrix"
    if right is not None:
        return [_by_rows(operands[0], right.T)]
    turned = operands[0].moved(lambda indices: np.swapaxes(indices, -1, -2))
    found = _by_rows(turned, stored)
    return [found.moved(lambda indices: np.swapaxes(indices, -1, -2))]


def _by_rows(x: ShapedDistribution, weight: Reals) -> ShapedDistribution:
    """``weight``, which is ``[outputs, inputs]``, times each vector along the last axis."""
    full = x.expanded((*x.shape[:-1], weight.shape[1])).flat
    fields = np.stack([full.mean, full.std, full.low, full.high])
    bias = np.zeros(weight.shape[0])
    found = [
        inner_product(ChannelDistribution(*row), weight, bias, 1, misses_taps=False)
        for row in np.swapaxes(fields.reshape(4, -1, weight.shape[1]), 0, 1)
    ]
    flat = ChannelDistribution(
        np.concatenate([row.mean for row in found]),
        np.concatenate([row.std for row in found]),
        np.concatenate([row.low for row in found]),
        np.concatenate([row.high for row in found]),
    )
    return ShapedDistribution(flat, (*x.shape[:-1], weight.shape[0]))
