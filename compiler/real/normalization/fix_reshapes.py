# SPDX-License-Identifier: Apache-2.0
"""Shapes that a model computes from its batch become constants that hold for every batch."""

import onnx_ir as ir

from intaglio.compiler.real.editing import Names, add_initializer, constant, remove_unused
from intaglio.compiler.real.load import infer_shapes

# A batch that no other dimension of a real network is a multiple of.
_MARKED_BATCH = 7919


def fix_reshapes(model: ir.Model) -> ir.Model:
    """Give each Reshape to a computed shape that shape as a constant, -1 for the batch.

    Exporters write ``x.reshape(x.shape[0], -1)`` as Shape, Gather, Concat and Reshape. With the
    batch set to a number that divides no other dimension, ONNX's shape inference resolves the
    chain, and the dimension that is a multiple of that number is the one that follows the batch.
    A Reshape that this doesn't resolve stays as it is.

    Source: ONNX operator Reshape-21.
    """
    if not any(_is_computed(node) for node in model.graph):
        return model
    marked = _with_marked_batch(model)
    shapes = {v.name: v.shape for node in marked.graph for v in node.outputs}
    model = model.clone()
    names = Names(model.graph)
    for node in model.graph:
        if _is_computed(node):
            _fix(model.graph, names, node, shapes[node.outputs[0].name])
    remove_unused(model)
    return model


def _is_computed(node: ir.Node) -> bool:
    return node.op_type == "Reshape" and node.domain == "" and constant(node.inputs[1]) is None


def _with_marked_batch(model: ir.Model) -> ir.Model:
    marked = model.clone()
    for node in marked.graph:
        for value in node.outputs:
            value.shape = None
    for value in marked.graph.inputs:
        if value.shape is not None and len(value.shape) and not isinstance(value.shape[0], int):
            value.shape = ir.Shape([_MARKED_BATCH, *value.shape[1:]])
    return infer_shapes(marked)


def _fix(graph: ir.Graph, names: Names, node: ir.Node, shape: ir.Shape | None) -> None:
    target = node.inputs[1]
    if target is None or shape is None or not all(isinstance(dim, int) for dim in shape):
        return
    dims = [-1 if dim % _MARKED_BATCH == 0 else dim for dim in shape.numpy()]
    if dims.count(-1) > 1:
        return
    array = ir.tensor(dims, dtype=ir.DataType.INT64).numpy()
    node.replace_input_with(1, add_initializer(graph, names, f"{target.name}_fixed", array))
