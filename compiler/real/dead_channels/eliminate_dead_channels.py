# SPDX-License-Identifier: Apache-2.0
"""Channels that are as good as constant lose their weights, and those of their readers."""

from collections.abc import Iterator
from math import inf

import numpy as np
import onnx_ir as ir

from intaglio.compiler.real.dead_channels.contrary_evidence import contrary_evidence
from intaglio.compiler.real.dead_channels.dead_channels import (
    DeadChannels,
    Flags,
    clamp_of,
    find_dead_channels,
)
from intaglio.compiler.real.dead_channels.fold_constant_channels import (
    channels_read,
    fold_constant_channels,
)
from intaglio.compiler.real.distributions.distributions import ChannelDistribution, Reals
from intaglio.compiler.real.distributions.propagate_distributions import propagate_distributions
from intaglio.compiler.real.editing import Names, name_of
from intaglio.compiler.real.linear import Linear, read_linear, write_linear
from intaglio.compiler.real.outcome import Note, Outcome
from intaglio.compiler.real.statistics import read_channel_statistics, write_channel_statistics

DEVIATIONS = 4.0
# The std of an input of which nothing is known, so wide that what it reaches isn't constant.
_ANYTHING = 1e6


def eliminate_dead_channels(model: ir.Model, deviations: float = DEVIATIONS) -> Outcome:
    """Make channels constant that are estimated to be, and fold them into what reads them.

    1. A channel of a linear layer with noted mean and std is taken for constant if, behind the
       clamps that alone read it, it is at their lower end (mean + k std <= low), at their upper
       end (mean - k std >= high), or has no spread (std < 1e-3 of its mean or of the layer's
       stds). Its weights become zero and its bias the constant. This is an estimate: the notes
       say which channels, how probable an exception is, and the expected error E|x - constant|.
       Channels stay whose depthwise reader was noted with a spread: tails were longer than that.
    2. A reader's weights on a constant channel become zero and its bias takes the constant over,
       exactly; through whatever lies between them (Concat, pooling, a sum of constants). Readers
       that pad with zeros, or are transposed, keep their weights unless the constant is zero. A
       reader's channel that is thereby constant, as in a depthwise convolution, goes on likewise.
    3. A channel that only linear layers read, and with zero weights, becomes zero: exact.

    Such channels carry no information, but their weights, folded with a variance near zero, may be
    huge and set the scale of the whole tensor.

    Args:
        model: a normalized model; it stays as it is.
        deviations: k, how many standard deviations away from the clamp's end.

    Source: an experiment of our own on MobileNets that were trained with ReLU6.
    """
    model = model.clone()
    names = Names(model.graph)
    notes = [
        note for node in model.graph if (note := _eliminate(model.graph, names, node, deviations))
    ]
    dead = sum(int(note.figures["channels"]) for note in notes)
    notes.extend(_fold(model, names))
    unread = [
        note for node in reversed(model.graph) if (note := _clear_unread(model.graph, names, node))
    ]
    notes.extend(reversed(unread))
    cleared = sum(int(note.figures["channels"]) for note in unread)
    said = f"{dead} channels estimated constant (k = {deviations:g}), {cleared} not read"
    return Outcome(model, dead + cleared, said, tuple(notes))


def _eliminate(graph: ir.Graph, names: Names, node: ir.Node, deviations: float) -> Note | None:
    linear, noted = read_linear(node), read_channel_statistics(node.outputs[0])
    if linear is None or noted is None or len(noted.mean) != linear.outputs:
        return None
    mean, std = np.array(noted.mean), np.array(noted.std)
    low, high, clamped = clamp_of(node.outputs[0], linear.outputs)
    estimated = find_dead_channels(mean, std, low, high, deviations)
    if not estimated.dead.any():
        return None
    kept = estimated.dead & contrary_evidence(clamped, estimated.value)
    found = estimated.without(kept)
    if found.dead.any():
        _write(graph, names, node, linear, found.dead, found.value)
    figures = {
        "channels": float(found.dead.sum()),
        "at the lower end": float(found.at_low.sum()),
        "at the upper end": float(found.at_high.sum()),
        "constant": float(found.constant.sum()),
        "kept": float(kept.sum()),
        "deviations": deviations,
        "largest probability": float(found.probability.max()),
        "largest error": float(found.error.max()),
    }
    return Note(name_of(node), _said(found, kept), figures)


def _said(found: DeadChannels, kept: Flags) -> str:
    kinds = (
        ("always at the lower end", found.at_low),
        ("always at the upper end", found.at_high),
        ("constant", found.constant),
    )
    listed = [f"{kind}: {_numbers(flags)}" for kind, flags in kinds if flags.any()]
    parts = [f"channels estimated {'; '.join(listed)}"] if listed else []
    if kept.any():
        parts.append(
            f"channels kept, though estimated constant, since their readers' noted statistics "
            f"have a spread: {_numbers(kept)}"
        )
    return "; ".join(parts)


def _numbers(flags: Flags) -> str:
    return ", ".join(str(index) for index in np.flatnonzero(flags).tolist())


def _write(
    graph: ir.Graph, names: Names, node: ir.Node, linear: Linear, chosen: Flags, value: Reals
) -> None:
    """Zero weights, and ``value`` as bias and noted mean, for the chosen outputs."""
    kept = ~chosen.reshape(-1, *[1] * (linear.weight.ndim - 1))
    weight = np.where(kept, linear.weight, 0.0)
    write_linear(graph, names, node, weight, np.where(chosen, value, linear.bias))
    noted = read_channel_statistics(node.outputs[0])
    if noted is not None and len(noted.mean) == linear.outputs:
        write_channel_statistics(
            node.outputs[0],
            np.where(chosen, value, np.array(noted.mean)),
            np.where(chosen, 0.0, np.array(noted.std)),
        )


def _fold(model: ir.Model, names: Names) -> Iterator[Note]:
    """Until nothing new is constant; each round reaches one layer further at least."""
    folded: dict[ir.Node, int] = {}
    anything = ChannelDistribution.normal(np.zeros(1), np.full(1, _ANYTHING))
    inputs = {value.name or "": anything for value in model.graph.inputs}
    while True:
        known = propagate_distributions(model, inputs, products=inf).distributions
        round_ = {n: fold_constant_channels(model.graph, names, n, known) for n in model.graph}
        if not any(round_.values()):
            break
        folded = {node: folded.get(node, 0) + count for node, count in round_.items()}
    for node, count in folded.items():
        if count:
            said = f"{count} constant inputs folded into the bias, exactly"
            yield Note(name_of(node), said, {"inputs": float(count)})


def _clear_unread(graph: ir.Graph, names: Names, node: ir.Node) -> Note | None:
    linear = read_linear(node)
    unread = None if linear is None else _unread(node.outputs[0], linear.outputs)
    if linear is None or unread is None:
        return None
    used = (linear.weight != 0).any(axis=tuple(range(1, linear.weight.ndim))) | (linear.bias != 0)
    cleared = unread & used
    if not cleared.any():
        return None
    _write(graph, names, node, linear, cleared, np.zeros(linear.outputs))
    said = f"channels that nothing reads: {_numbers(cleared)}"
    return Note(name_of(node), said, {"channels": float(cleared.sum())})


def _unread(value: ir.Value, channels: int) -> Flags | None:
    """The channels on which all readers' weights are zero; None if other nodes read too."""
    _, _, clamped = clamp_of(value, channels)
    readers = [(use.node, use.idx) for use in clamped.uses()]
    if not readers or clamped.is_graph_output():
        return None
    unread = np.full(channels, True)
    for node, index in readers:
        linear = read_linear(node) if index == 0 else None
        if linear is None or linear.inputs != channels:
            return None
        unread &= ~channels_read(linear)
    return unread
