# SPDX-License-Identifier: Apache-2.0
"""What depends on constants alone becomes a constant."""

from math import prod

import onnx_ir as ir
from onnx_ir.passes.common import LiftConstantsToInitializersPass

from intaglio.compiler.real.editing import Names, add_initializer, constant, remove_unused
from intaglio.compiler.real.onnx_runtime import Session

# Larger results are left alone: folding an expansion can make a small file huge.
MAXIMUM_FOLDED_ELEMENTS = 2**26
_RANDOM = frozenset(
    {"RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike", "Bernoulli"}
    | {"Multinomial"}
)


def fold_constants(model: ir.Model) -> ir.Model:
    """Turn Constant nodes into initializers and evaluate nodes whose inputs are all constant.

    Each node is evaluated by ONNX Runtime, in a model of its own.
    """
    model = model.clone()
    LiftConstantsToInitializersPass(lift_all_constants=True, size_limit=0)(model)
    for node in list(model.graph):
        if _can_fold(node):
            _evaluate(model.graph, node)
    remove_unused(model)
    return model


def _can_fold(node: ir.Node) -> bool:
    if node.domain != "" or node.op_type in _RANDOM or not node.inputs:
        return False
    if any(attribute.type == ir.AttributeType.GRAPH for attribute in node.attributes.values()):
        return False
    if any(output.is_graph_output() or not _is_small(output) for output in node.outputs):
        return False
    return all(value is None or constant(value) is not None for value in node.inputs)


def _is_small(value: ir.Value) -> bool:
    if value.shape is None:
        return False
    dims = [dim for dim in value.shape if isinstance(dim, int)]
    return len(dims) == len(value.shape) and prod(dims) <= MAXIMUM_FOLDED_ELEMENTS


def _evaluate(graph: ir.Graph, node: ir.Node) -> None:
    operands = {value.name: value for value in node.inputs if value is not None}
    copies = {
        name: ir.Value(name=name, type=value.type, shape=value.shape, const_value=value.const_value)
        for name, value in operands.items()
    }
    outputs = [ir.Value(name=v.name, type=v.type, shape=v.shape) for v in node.outputs]
    alone = ir.Node(
        node.domain,
        node.op_type,
        [None if value is None else copies[value.name] for value in node.inputs],
        node.attributes.values(),
        outputs=outputs,
    )
    body = ir.Graph(
        [],
        [output for output in outputs if output.name],
        nodes=[alone],
        initializers=list(copies.values()),
        opset_imports=graph.opset_imports,
        name="constant",
    )
    results = Session(ir.Model(body, ir_version=10)).run({})
    for output in node.outputs:
        if not output.name:
            continue
        name, output.name = output.name, None
        value = add_initializer(graph, Names(graph), name, results[name])
        output.replace_all_uses_with(value)
    graph.remove(node, safe=True)
