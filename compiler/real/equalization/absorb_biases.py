# SPDX-License-Identifier: Apache-2.0
"""High biases move on to the next layer, where they widen no range of activations."""

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from intaglio.compiler.real.clips.clips import read_cap
from intaglio.compiler.real.distributions.distributions import ChannelDistribution
from intaglio.compiler.real.editing import Names, describe, name_of, write_float_input
from intaglio.compiler.real.equalization.follow_offsets import OffsetPaths, Receiver, follow_offset
from intaglio.compiler.real.linear import Linear, read_linear, write_bias
from intaglio.compiler.real.outcome import Note, Outcome
from intaglio.compiler.real.statistics import (
    ChannelStatistics,
    read_channel_statistics,
    write_channel_statistics,
)
from intaglio.compiler.real.tap_presence import tap_presence
from intaglio.errors import InvalidOption

Reals = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class AbsorptionOptions:
    """What may move.

    Attributes:
        sigmas: n in c = max(0, mean - n * std): how much of a channel's tail may be cut off.
        padded: whether layers that pad with zeros take part, where this is wrong at the border.
    """

    sigmas: float = 3.0
    padded: bool = False

    def __post_init__(self) -> None:
        """Refuse what has no meaning."""
        if not self.sigmas >= 0:
            advice = "choose a number from 0 on; 3 cuts off one element in a thousand"
            raise InvalidOption("absorption sigmas", self.sigmas, "it is negative", advice)


DEFAULTS = AbsorptionOptions()


def absorb_biases(model: ir.Model, options: AbsorptionOptions = DEFAULTS) -> Outcome:
    """Move what a channel exceeds almost always from a layer's bias into the biases behind it.

    With z ~ N(mean, std) the noted distribution of a layer's output, and z >= c >= 0:

        relu(z - c) = relu(z) - c,   min(x, cap) - c = min(x - c, cap - c)
        c = max(0, mean - n * std), at most the cap
        b1' = b1 - c,  cap' = cap - c,  mean' = mean - c,  b2' = b2 + (sum of W2's taps) c

    Without a Relu between the layers c = mean, and nothing changes. Else the function changes
    where z < c; the notes estimate how often that is and by how much. Real distributions have
    heavier tails than normal ones: with n = 3, not 0.13 % but 0.05 % to 2.3 % of the elements of
    MobileNetV1-0.25's layers are below c (16 images). LeakyRelu and PRelu are like Relu. Pools,
    means, concatenation and moves may lie between; every reader must take part.

    A layer that pads with zeros should pad with -c from then on, which it can't: it is left alone
    and noted, or with ``padded`` it takes the bias that is right inside, and the note says what is
    missing at the border. A transposed convolution never takes part: its outputs lie under
    different taps.

    Args:
        model: a normalized model, best after ``per_channel_caps``; it stays as it is.
        options: how much of the tail may go, and whether padded layers take part.

    Source: Nagel et al., Data-Free Quantization Through Weight Equalization and Bias Correction
    (2019), section 4.1.3; the whole mean without an activation as in AIMET.
    """
    model = model.clone()
    names, notes, changed = Names(model.graph), list[Note](), 0
    for node in model.graph:
        linear, statistics = read_linear(node), read_channel_statistics(node.outputs[0])
        if linear is None or statistics is None:
            continue
        move = _planned(model.graph, node, statistics, options)
        if move is None:
            continue
        if isinstance(move, Note):
            notes.append(move)
            continue
        figures = {
            "channels": int(np.count_nonzero(move.offset)),
            "largest": float(np.abs(move.offset).max()),
            **_tail_error(move, statistics, options.sigmas),
            **_border_error(move),
        }
        _perform(model.graph, names, node, linear, move)
        mean = np.array(statistics.mean) - move.offset
        write_channel_statistics(node.outputs[0], mean, np.array(statistics.std))
        changed += int(np.count_nonzero(move.offset))
        takers = ", ".join(name_of(receiver.node) for receiver in move.paths.layers)
        notes.append(Note(name_of(node), f"absorbed by {takers}", figures))
    return Outcome(model, changed, "high biases moved to the layers behind", tuple(notes))


@dataclass(frozen=True, slots=True, eq=False)
class _Move:
    """What one layer gives away: ``offset`` for each of its channels, along ``paths``."""

    offset: Reals
    cap: Reals
    paths: OffsetPaths


def _planned(
    graph: ir.Graph, node: ir.Node, statistics: ChannelStatistics, options: AbsorptionOptions
) -> _Move | Note | None:
    """What to move, why that can't be, or None where there is nothing to move."""
    mean, std = np.array(statistics.mean), np.array(statistics.std)
    offset = np.maximum(0.0, mean - options.sigmas * std)
    paths = follow_offset(graph, node.outputs[0], mean.size)
    if not isinstance(paths, str) and not paths.keeps_positive:
        offset = mean
    cap = np.full(mean.size, np.inf)
    if not isinstance(paths, str):
        cap = _caps(paths, mean.size)
        offset = np.minimum(offset, np.maximum(cap, 0.0))
        paths = _checked(paths, options)
    if not offset.any():
        return None
    if isinstance(paths, str):
        figures = {
            "channels": int(np.count_nonzero(offset)),
            "largest": float(np.abs(offset).max()),
        }
        return Note(name_of(node), f"left alone: {paths}", figures)
    return _Move(offset, cap, paths)


def _checked(paths: OffsetPaths, options: AbsorptionOptions) -> OffsetPaths | str:
    """The paths, unless a layer at their end can't take the offset."""
    for receiver in paths.layers:
        if receiver.node.op_type == "ConvTranspose":
            return f"outputs of {describe(receiver.node)} lie under different taps"
        if _pads(receiver.node) and not options.padded:
            return f"{describe(receiver.node)} pads with zeros"
    return paths


def _pads(node: ir.Node) -> bool:
    return any(node.attributes.get_ints("pads", ())) or node.attributes.get_string(
        "auto_pad", "NOTSET"
    ) not in ("NOTSET", "VALID")


def _caps(paths: OffsetPaths, channels: int) -> Reals:
    """For each channel the least bound that a Min sets it."""
    caps = np.full(channels + 1, np.inf)
    for receiver in paths.bounds:
        cap = read_cap(receiver.node)
        if cap is not None and receiver.node.op_type == "Min":
            slots, bound = np.broadcast_arrays(receiver.slots, cap.bound)
            np.minimum.at(caps, slots.reshape(-1), bound.reshape(-1))
    return caps[:channels]


def _perform(graph: ir.Graph, names: Names, node: ir.Node, linear: Linear, move: _Move) -> None:
    """Take the offset here, from bounds on the way, and give it back behind."""
    write_bias(graph, names, node, linear.bias - move.offset)
    for receiver in move.paths.bounds:
        cap = read_cap(receiver.node)
        assert cap is not None
        lowered = cap.bound - _offset_at(move, receiver)
        write_float_input(graph, names, receiver.node, cap.index, lowered, "")
    for receiver in move.paths.layers:
        reader = read_linear(receiver.node)
        assert reader is not None
        moved = _by_tap(move, receiver, reader)
        bias = reader.bias + moved.reshape(reader.outputs, -1).sum(axis=1)
        write_bias(graph, names, receiver.node, bias)


def _offset_at(move: _Move, receiver: Receiver) -> Reals:
    """The offset of each element there, zero where it is another value's."""
    return np.append(move.offset, 0.0)[receiver.slots]


def _by_tap(move: _Move, receiver: Receiver, reader: Linear) -> Reals:
    """``[outputs, *kernel]``: what each tap of a reader makes of the offset."""
    offset = np.broadcast_to(_offset_at(move, receiver), reader.inputs)
    grouped = reader.weight.reshape(reader.groups, -1, *reader.weight.shape[1:])
    spread = offset.reshape(reader.groups, 1, -1, *[1] * (reader.weight.ndim - 2))
    summed: Reals = (grouped * spread).sum(axis=2)
    return summed.reshape(reader.outputs, *reader.weight.shape[2:])


def _tail_error(move: _Move, statistics: ChannelStatistics, sigmas: float) -> dict[str, float]:
    """What the function loses where z < c, by the noted distribution, in the worst channel."""
    if not move.paths.keeps_positive:
        return {}
    moved = move.offset > 0
    mean, std = np.array(statistics.mean)[moved], np.array(statistics.std)[moved]
    offset, cap = move.offset[moved], move.cap[moved]
    before = ChannelDistribution.normal(mean, std)
    error = before.clipped(offset, cap).moments()[0] - before.clipped(0.0, cap).moments()[0]
    with np.errstate(divide="ignore", invalid="ignore"):
        depth = np.nan_to_num((offset - mean) / std, nan=-np.inf)
    # Where std is lost beside mean, so is the difference; it is n sigmas or more.
    highest = min(float(depth.max(initial=-np.inf)), -sigmas)
    return {
        "share below": NormalDist().cdf(highest),
        "mean error": float(np.abs(error).max(initial=0.0)),
    }


def _border_error(move: _Move) -> dict[str, float]:
    """What is wrong at the borders of padded readers, by output position on average."""
    worst, missing = 0.0, 0.0
    for receiver in move.paths.layers:
        reader = read_linear(receiver.node)
        if reader is None or not _pads(receiver.node):
            continue
        absent = 1.0 - tap_presence(receiver.node, reader.weight.shape[2:])
        error = (_by_tap(move, receiver, reader) * absent).reshape(reader.outputs, -1).sum(axis=1)
        worst, missing = max(worst, float(np.abs(error).max())), max(missing, float(absent.mean()))
    return {"border error": worst, "share of padding": missing} if missing else {}
