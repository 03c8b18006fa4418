# SPDX-License-Identifier: Apache-2.0
"""Averages over all positions of a map yield one position instead."""

from collections.abc import Sequence

import numpy as np
import onnx_ir as ir

from intaglio.compiler.real.editing import (
    Names,
    add_initializer,
    constant,
    input_at,
    int_attribute,
    take_over,
)


def keep_positions(model: ir.Model) -> ir.Model:
    """The network with the middle position in place of the average over all of them.

    An average over random positions varies too little: what a photograph shows fills much of it,
    so that its average varies nearly as much as one position does. Behind averages, this network's
    answers to random images have variances that are an upper bound, and means as before where
    positions are alike.

    GlobalAveragePool, AveragePool over the whole map, and ReduceMean over all positions count. A
    mean that is subtracted again (a normalization) stays, as do values, names and shapes.

    Args:
        model: a normalized model; it stays as it is.
    """
    model = model.clone()
    names = Names(model.graph)
    for node in list(model.graph):
        axes = _averaged_axes(node)
        if axes:
            _replace(model.graph, names, node, axes)
    return model


def _averaged_axes(node: ir.Node) -> tuple[int, ...]:
    """The axes of positions that a node averages away; none for other nodes."""
    source, result = (_dims(value) for value in (input_at(node, 0), node.outputs[0]))
    if node.domain != "" or source is None or result is None:
        return ()
    positions = tuple(range(2, len(source)))
    match node.op_type:
        case "GlobalAveragePool":
            found = positions
        case "AveragePool" if all(result[axis] == 1 for axis in positions):
            found = positions
        case "ReduceMean":
            found = _reduced(node, len(source))
        case _:
            return ()
    extents = [source[axis] for axis in found]
    return found if None not in extents and any(extent != 1 for extent in extents) else ()


def _reduced(node: ir.Node, rank: int) -> tuple[int, ...]:
    stored = constant(input_at(node, 1))
    if stored is None or any(use.node.op_type == "Sub" for use in node.outputs[0].uses()):
        return ()
    axes = tuple(sorted(int(axis) % rank for axis in stored.ravel()))
    return () if 0 in axes or len(axes) >= rank - 1 else axes


def _dims(value: ir.Value | None) -> list[int | None] | None:
    """Extents, None where one is open."""
    if value is None or value.shape is None:
        return None
    return [dim if isinstance(dim, int) else None for dim in value.shape]


def _replace(graph: ir.Graph, names: Names, node: ir.Node, axes: Sequence[int]) -> None:
    source, result = node.inputs[0], node.outputs[0]
    extents = _dims(source) or []
    middles = np.array([(extents[axis] or 1) // 2 for axis in axes])
    constants = [
        add_initializer(graph, names, f"{result.name}_{name}", array)
        for name, array in (("start", middles), ("end", middles + 1), ("axes", np.array(axes)))
    ]
    chosen = ir.node("Slice", [source, *constants], name=names.fresh(f"{result.name}_position"))
    nodes = [chosen]
    if node.op_type == "ReduceMean" and not int_attribute(node, "keepdims", 1):
        chosen.outputs[0].name = names.fresh(f"{result.name}_kept")
        nodes.append(ir.node("Squeeze", [chosen.outputs[0], constants[-1]]))
        nodes[-1].name = names.fresh(f"{result.name}_squeezed")
    graph.insert_after(node, nodes)
    take_over(result, nodes[-1].outputs[0])
    graph.remove(node, safe=True)
