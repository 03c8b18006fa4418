# SPDX-License-Identifier: Apache-2.0
"""Bounds that came out equal for all channels become a Clip again, which quantization absorbs."""

import numpy as np
import onnx_ir as ir

from intaglio.compiler.real.clips.clips import channels_of, read_cap
from intaglio.compiler.real.editing import (
    Names,
    add_initializer,
    name_of,
    remove_unused,
    sole_consumer,
    take_over,
)
from intaglio.compiler.real.outcome import Note, Outcome


def restore_clips(model: ir.Model) -> Outcome:
    """Replace Relu or Max, then Min, by one Clip where each bound is one number.

    min(max(x, low), high) = Clip(x, low, high) to the last bit, Relu being max(x, 0). A Min or
    Max that stands alone with one number becomes a Clip with one bound; a Relu alone stays.

    A Clip needs no codes of its own before it, and ONNX Runtime runs it within the convolution.

    Args:
        model: a normalized model; it stays as it is.

    Source: ONNX operators Clip-13, Min-13 and Max-13.
    """
    model = model.clone()
    names = Names(model.graph)
    notes: list[Note] = []
    changed = 0
    for node in reversed(list(model.graph)):
        found = _number(node)
        if found is None or not (node.outputs[0].uses() or node.outputs[0].is_graph_output()):
            continue  # what nothing reads any more has become part of a Clip
        source, bound = found
        bounds = {node.op_type: bound}
        earlier = _lower_bound(source, node) if node.op_type == "Min" else None
        if earlier is not None:
            source, bounds["Max"] = earlier
        _replace(model.graph, names, node, source, bounds)
        notes.append(Note(name_of(node), "one pair of bounds for all channels", bounds))
        changed += channels_of(node.outputs[0]) or 0
    remove_unused(model)
    notes.reverse()
    return Outcome(model, changed, "Clip where all channels have the same bounds", tuple(notes))


def _number(node: ir.Node) -> tuple[ir.Value, float] | None:
    """What a Min or Max with one number reads, and the number, if it doesn't widen that value."""
    cap = read_cap(node)
    if cap is None or cap.source.shape is None or cap.bound.ndim > len(cap.source.shape):
        return None
    alike = cap.bound.size == 1 or cap.by_channel(cap.source) is not None
    if not alike or np.ptp(cap.bound) != 0:
        return None
    return cap.source, float(cap.bound.reshape(-1)[0])


def _lower_bound(value: ir.Value, reader: ir.Node) -> tuple[ir.Value, float] | None:
    """What a Relu or Max before ``reader`` reads, and its bound."""
    producer = value.producer()
    if producer is None or producer.domain != "" or sole_consumer(value) is not reader:
        return None
    if producer.op_type == "Relu" and producer.inputs[0] is not None:
        return producer.inputs[0], 0.0
    return _number(producer) if producer.op_type == "Max" else None


def _replace(
    graph: ir.Graph, names: Names, node: ir.Node, source: ir.Value, bounds: dict[str, float]
) -> None:
    result = node.outputs[0]
    inputs: list[ir.Value | None] = [source]
    for op, end in (("Max", "lowest"), ("Min", "highest")):
        bound = bounds.get(op)
        number = None
        if bound is not None:
            array = np.array(bound, dtype=np.float32)
            number = add_initializer(graph, names, f"{result.name}_{end}", array)
        inputs.append(number)
    if inputs[-1] is None:
        inputs.pop()
    clip = ir.node("Clip", inputs, name=names.fresh(f"{name_of(node)}_Clip"))
    graph.insert_after(node, clip)
    take_over(result, clip.outputs[0])
    graph.remove(node, safe=True)
