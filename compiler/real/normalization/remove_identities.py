# SPDX-License-Identifier: Apache-2.0
"""Identity and inference-time Dropout leave the graph: y = x."""

import onnx_ir as ir

from intaglio.compiler.real.editing import constant, input_at, remove_unused, take_over


def remove_identities(model: ir.Model) -> ir.Model:
    """Remove every node that only passes its input on: y = x.

    A node stays where the graph's own interface needs it: its output is a graph output and its
    input already is an input, a constant or another output of the graph.

    Source: ONNX operators Identity-21 and Dropout-13 (training_mode false).
    """
    model = model.clone()
    for node in list(model.graph):
        if not passes_on(node):
            continue
        source, result = node.inputs[0], node.outputs[0]
        if source is None:
            continue
        if not result.is_graph_output():
            result.replace_all_uses_with(source)
        elif source.producer() is None or source.is_graph_output():
            continue
        else:
            take_over(result, source)
        model.graph.remove(node, safe=True)
    remove_unused(model)
    return model


def passes_on(node: ir.Node) -> bool:
    """Whether a node returns its first input unchanged."""
    if node.domain != "":
        return False
    if node.op_type == "Dropout":
        training = input_at(node, 2)
        inference = training is None or not _is_true(training)
        return inference and (len(node.outputs) < 2 or not node.outputs[1].uses())
    return node.op_type == "Identity"


def _is_true(value: ir.Value) -> bool:
    """Whether a flag may be true: everything that isn't the constant false may be."""
    array = constant(value)
    return array is None or bool(array.any())
