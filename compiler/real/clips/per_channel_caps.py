# SPDX-License-Identifier: Apache-2.0
"""Clip becomes bounds channel by channel, which equalization can scale without changing values."""

from math import inf

import numpy as np
import onnx_ir as ir

from intaglio.compiler.real.clips.clips import along_channels, channels_of, clip_bounds, clips_of
from intaglio.compiler.real.editing import Names, add_float_initializer, name_of, take_over
from intaglio.compiler.real.outcome import Note, Outcome


def per_channel_caps(model: ir.Model) -> Outcome:
    """Replace each Clip by standard operators that hold a bound for each channel.

    Clip(x, low, high) = min(max(x, low), high), with max(x, 0) written as Relu and any other
    bound as a Max or Min with a constant ``[1, C, 1, ...]``. The function stays the same to the
    last bit. A Clip without bounds, or whose number of channels is open, stays and is noted.

    ReLU6 is not positively homogeneous, so scaling a channel by 1/s must scale its bound too.

    Args:
        model: a normalized model; it stays as it is.

    Source: ONNX operators Clip-13, Min-13 and Max-13; a cap for each channel as the way to
    equalize ReLU6 exactly: Nagel et al., A White Paper on Neural Network Quantization (2021),
    section 3.2.
    """
    model = model.clone()
    names = Names(model.graph)
    notes: list[Note] = []
    changed = 0
    for node in clips_of(model.graph):
        count = channels_of(node.outputs[0])
        low, high = clip_bounds(node)
        if count is None or (low, high) == (-inf, inf):
            why = "it has no bounds" if count is not None else "its number of channels is open"
            notes.append(Note(name_of(node), f"left as it is: {why}", {}))
            continue
        _replace(model.graph, names, node, count)
        notes.append(
            Note(name_of(node), f"bounds {low:g} and {high:g} by channel", {"channels": count})
        )
        changed += count
    return Outcome(model, changed, "a bound for each channel instead of Clip", tuple(notes))


def _replace(graph: ir.Graph, names: Names, clip: ir.Node, count: int) -> None:
    result, current = clip.outputs[0], clip.inputs[0]
    assert result.shape is not None
    rank = len(result.shape)
    low, high = clip_bounds(clip)
    steps: list[tuple[str, float]] = []
    if low != -inf:
        steps.append(("Relu" if low == 0 else "Max", low))
    if high != inf:
        steps.append(("Min", high))
    nodes: list[ir.Node] = []
    for op, bound in steps:
        inputs = [current]
        if op != "Relu":
            vector = along_channels(np.full(count, bound), rank)
            inputs.append(add_float_initializer(graph, names, f"{result.name}_{op}_bound", vector))
        node = ir.node(op, inputs, name=names.fresh(f"{name_of(clip)}_{op}"))
        current = node.outputs[0]
        current.name = names.fresh(f"{result.name}_{op}")
        current.type, current.shape = result.type, result.shape
        nodes.append(node)
    graph.insert_after(clip, nodes)
    take_over(result, nodes[-1].outputs[0])
    graph.remove(clip, safe=True)
