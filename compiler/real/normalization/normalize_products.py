# SPDX-License-Identifier: Apache-2.0
"""Matrix products take one form: Gemm with factors 1, constant weights and a bias vector."""

import numpy as np
import onnx_ir as ir

from intaglio.compiler.real.editing import (
    Names,
    add_float_initializer,
    constant,
    float_attribute,
    float_constant,
    input_at,
    int_attribute,
    note_folded,
    remove_unused,
    sole_consumer,
    take_over,
)


def normalize_products(model: ir.Model) -> ir.Model:
    """Fold Gemm's factors into its constants, and turn a matrix product of matrices into a Gemm.

    - alpha * A @ B + beta * C = A @ (alpha * B) + (beta * C), C broadcast to a vector;
    - MatMul(A, B) = Gemm(A, B) where A is a matrix and B a constant matrix;
    - Gemm(A, B) + c = Gemm(A, B, c) where c is a constant scalar or row.

    Source: ONNX operators Gemm-13 and MatMul-13.
    """
    model = model.clone()
    names = Names(model.graph)
    for node in list(model.graph):
        if node.domain != "":
            continue
        if node.op_type == "MatMul" and _is_matrix_by_constant(node):
            node = _as_gemm(model.graph, node)
        if node.op_type == "Gemm":
            _fold_factors(model.graph, names, node)
            _absorb_bias(model.graph, names, node)
    remove_unused(model)
    return model


def _is_matrix_by_constant(node: ir.Node) -> bool:
    left, right = node.inputs[0], constant(node.inputs[1])
    if left is None or right is None or constant(left) is not None:
        return False
    return right.ndim == 2 and left.shape is not None and len(left.shape) == 2


def _as_gemm(graph: ir.Graph, node: ir.Node) -> ir.Node:
    output = ir.Value()
    gemm = ir.Node("", "Gemm", node.inputs, outputs=[output], name=node.name)
    graph.insert_after(node, gemm)
    take_over(node.outputs[0], output)
    graph.remove(node, safe=True)
    return gemm


def outputs_of(gemm: ir.Node) -> int | None:
    """How many columns a Gemm with constant weights yields."""
    weight = constant(gemm.inputs[1])
    if weight is None or weight.ndim != 2:
        return None
    return int(weight.shape[0 if int_attribute(gemm, "transB", 0) else 1])


def _fold_factors(graph: ir.Graph, names: Names, gemm: ir.Node) -> None:
    weight, bias = float_constant(gemm.inputs[1]), float_constant(input_at(gemm, 2))
    columns = outputs_of(gemm)
    if weight is None or columns is None or gemm.inputs[1] is None:
        return
    alpha, beta = float_attribute(gemm, "alpha", 1.0), float_attribute(gemm, "beta", 1.0)
    if alpha != 1.0:
        gemm.replace_input_with(
            1, add_float_initializer(graph, names, f"{gemm.inputs[1].name}_scaled", alpha * weight)
        )
        gemm.attributes["alpha"] = ir.AttrFloat32("alpha", 1.0)
    source = input_at(gemm, 2)
    if bias is None or source is None or not _is_row(bias.shape, columns):
        return
    if beta != 1.0 or bias.shape != (columns,):
        vector = np.broadcast_to(beta * bias.reshape(-1), (columns,))
        gemm.replace_input_with(
            2, add_float_initializer(graph, names, f"{source.name}_vector", vector)
        )
        gemm.attributes["beta"] = ir.AttrFloat32("beta", 1.0)


def _absorb_bias(graph: ir.Graph, names: Names, gemm: ir.Node) -> None:
    add, columns = sole_consumer(gemm.outputs[0]), outputs_of(gemm)
    if add is None or add.op_type != "Add" or columns is None or input_at(gemm, 2) is not None:
        return
    addend = add.inputs[1] if add.inputs[0] is gemm.outputs[0] else add.inputs[0]
    bias = float_constant(addend)
    if addend is None or bias is None or not _is_row(bias.shape, columns):
        return
    vector = np.broadcast_to(bias.reshape(-1), (columns,))
    value = add_float_initializer(graph, names, f"{addend.name}_vector", vector)
    gemm.resize_inputs(3)
    gemm.replace_input_with(2, value)
    note_folded(gemm, add)
    take_over(add.outputs[0], gemm.outputs[0])
    graph.remove(add, safe=True)


def _is_row(shape: tuple[int, ...], columns: int) -> bool:
    """Whether a constant broadcasts to every row alike, without adding dimensions."""
    return (
        len(shape) <= 2
        and all(dim == 1 for dim in shape[:-1])
        and shape[-1:] in ((), (1,), (columns,))
    )
