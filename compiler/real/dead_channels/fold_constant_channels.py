# SPDX-License-Identifier: Apache-2.0
"""Channels that are constant become part of their readers' biases, where that is exact."""

from collections.abc import Mapping

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from intaglio.compiler.real.distributions.distributions import ChannelDistribution, Reals
from intaglio.compiler.real.editing import Names
from intaglio.compiler.real.linear import Linear, read_linear, write_linear
from intaglio.compiler.real.statistics import read_channel_statistics, write_channel_statistics


def fold_constant_channels(
    graph: ir.Graph,
    names: Names,
    node: ir.Node,
    distributions: Mapping[str, ChannelDistribution],
) -> int:
    """Zero a linear node's weights on inputs that are constant, in place.

    With x[c] = v on every element: b' = b + (sum of W[:, c] over the kernel) v and W[:, c] = 0.
    Where the kernel may miss the input (zero padding, a ConvTranspose) this is exact only for
    v = 0, so other constants are left alone there. An output whose weights have all become zero is
    itself constant, and is noted so.

    Args:
        graph: to edit.
        names: of the graph.
        node: any node; nodes that aren't linear with constant weights are left alone.
        distributions: of values, by name; a std of zero means exactly constant.

    Returns:
        How many input channels were newly folded.
    """
    linear, source = read_linear(node), node.inputs[0]
    known = None if source is None else distributions.get(source.name or "")
    if linear is None or known is None or known.channels != linear.inputs:
        return 0
    mean, _ = known.moments()
    folded = known.std == 0
    if may_miss_taps(node):
        folded &= mean == 0
    read = channels_read(linear)
    if not (folded & read).any():
        return 0
    moved = _without(linear, folded, np.where(folded, mean, 0.0))
    write_linear(graph, names, node, moved.weight, moved.bias)
    _note_constant_outputs(node.outputs[0], moved)
    return int((folded & read).sum())


def may_miss_taps(node: ir.Node) -> bool:
    """Whether some output positions read fewer taps than others."""
    if node.op_type == "ConvTranspose":
        return True
    automatic = node.attributes.get_string("auto_pad", "NOTSET")
    return automatic.startswith("SAME") or any(node.attributes.get_ints("pads", ()))


def channels_read(linear: Linear) -> NDArray[np.bool_]:
    """``[inputs]``: whether any weight on an input channel isn't zero."""
    grouped = linear.weight.reshape(linear.groups, -1, *linear.weight.shape[1:])
    others = (1, *range(3, grouped.ndim))
    read: NDArray[np.bool_] = (grouped != 0).any(axis=others)
    return read.reshape(-1)


def _without(linear: Linear, folded: NDArray[np.bool_], values: Reals) -> Linear:
    """The same function where the folded inputs hold their values, which are zero elsewhere."""
    each = linear.outputs // linear.groups
    gone = np.repeat(folded.reshape(linear.groups, -1), each, axis=0)
    held = np.repeat(values.reshape(linear.groups, -1), each, axis=0)
    kernel = tuple(range(2, linear.weight.ndim))
    moved = (linear.weight.sum(axis=kernel) * held).sum(axis=1)
    kept = ~gone.reshape(*gone.shape, *[1] * len(kernel))
    return Linear(np.where(kept, linear.weight, 0.0), linear.bias + moved, linear.groups)


def _note_constant_outputs(value: ir.Value, linear: Linear) -> None:
    noted = read_channel_statistics(value)
    if noted is None:
        return
    constant = ~(linear.weight != 0).any(axis=tuple(range(1, linear.weight.ndim)))
    write_channel_statistics(
        value,
        np.where(constant, linear.bias, np.array(noted.mean)),
        np.where(constant, 0.0, np.array(noted.std)),
    )
