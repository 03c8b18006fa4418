# SPDX-License-Identifier: Apache-2.0
"""Compose, fold and drop transposes and reshapes that stand beside each other."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from intaglio.compiler.ir import fixed, moves
from intaglio.compiler.ir.builder import Builder
from intaglio.compiler.ir.graph import AnyOp, Array, Constant, Definition, Graph, Node
from intaglio.compiler.ir.types import TensorType
from intaglio.compiler.passes.cancel_layouts.free_ops import summed_without_transpose
from intaglio.compiler.passes.cancel_layouts.permutations import composed, moves_data
from intaglio.compiler.passes.cancel_layouts.weights import product_without_transpose
from intaglio.compiler.passes.editing import renamed, unused_name


def simplify(graph: Graph) -> Graph:
    """The graph without transposes and reshapes that cancel, repeat, or move constants.

    - Two transposes, or two reshapes, in a row are one; what gives its operand back is none.
    - A transpose that moves axes of extent 1 alone is a reshape.
    - Of a constant, the result is a constant.
    - A second one like a first one is the first one.
    - A sum over axes, and a product with constant weights, take a transposed operand as it was.
    """
    state = _State(graph, Builder(graph.name, graph.level, graph.profile))
    values: tuple[Definition, ...] = (*graph.inputs, *graph.constants)
    for value in values:
        state.builder.add(value)
    for node in graph.nodes:
        _visit(state, node)
    outputs = [state.same.get(name, name) for name in graph.outputs]
    finished = state.builder.finish_like(graph, outputs)
    return renamed(finished, {**state.outputs, **restored(finished, state.origins)})


def restored(graph: Graph, origins: Mapping[str, str]) -> dict[str, str]:
    """New names: that of its origin for a value whose origin is gone from the graph."""
    names: dict[str, str] = {}
    for name, origin in origins.items():
        free = origin not in graph.definitions and origin not in names.values()
        if free and name in graph.definitions:
            names[name] = origin
    return names


@dataclass
class _State:
    """The simplified graph so far.

    Attributes:
        graph: the graph as given.
        builder: the definitions so far.
        same: for each value that is gone, the one that holds the same.
        seen: transposes and reshapes by what they compute.
        origins: for each new constant, the one that it was made of.
        outputs: values that are to take the name of an output that is gone.
    """

    graph: Graph
    builder: Builder
    same: dict[str, str] = field(default_factory=dict[str, str])
    seen: dict[tuple[AnyOp, tuple[str, ...], TensorType], str] = field(
        default_factory=dict[tuple[AnyOp, tuple[str, ...], TensorType], str]
    )
    origins: dict[str, str] = field(default_factory=dict[str, str])
    outputs: dict[str, str] = field(default_factory=dict[str, str])

    def definition(self, name: str) -> Definition:
        return self.builder.definitions[name]

    def fresh(self, wanted: str) -> str:
        """A name that neither graph knows."""
        return unused_name(wanted, self.graph.definitions, self.builder.definitions)

    def constant(self, origin: Constant, type: TensorType, array: Array) -> str:
        """Add what becomes of a constant."""
        name = self.fresh(origin.name)
        self.origins[name] = self.origins.get(origin.name, origin.name)
        return self.builder.add(Constant(name, type, array, origin.source))

    def alias(self, node: Node, name: str) -> None:
        """Let readers of ``node`` read ``name``; an output stays one under its own name."""
        if node.name not in self.graph.outputs:
            self.same[node.name] = name
        elif self._may_take_name(name):
            self.same[node.name] = name
            self.outputs[name] = node.name
        else:
            self.builder.add(replace(node, op=moves.Reshape(), operands=(name,)))

    def _may_take_name(self, name: str) -> bool:
        taken = name in self.graph.outputs or name in self.outputs
        return isinstance(self.definition(name), Node) and not taken


def _visit(state: _State, node: Node) -> None:
    operands = tuple(state.same.get(name, name) for name in node.operands)
    current = replace(node, operands=operands)
    match node.op:
        case moves.Transpose() | moves.Reshape():
            _move(state, _composed(state, current))
        case fixed.ReduceSum():
            state.builder.add(_summed(state, current, node.op))
        case fixed.MatMul():
            state.builder.add(_multiplied(state, current, node.op))
        case _:
            state.builder.add(current)


def _composed(state: _State, node: Node) -> Node:
    """One move for it and the one before, a reshape where no data moves."""
    before = state.definition(node.operands[0])
    if isinstance(before, Node):
        match before.op, node.op:
            case moves.Transpose(permutation=first), moves.Transpose(permutation=second):
                op = moves.Transpose(composed(first, second))
                node = replace(node, op=op, operands=before.operands)
            case moves.Reshape(), moves.Reshape():
                node = replace(node, operands=before.operands)
            case _:
                pass
    shape = state.definition(node.operands[0]).type.shape
    if isinstance(node.op, moves.Transpose) and not moves_data(shape, node.op.permutation):
        return _composed(state, replace(node, op=moves.Reshape()))
    return node


def _move(state: _State, node: Node) -> None:
    """Add a transpose or a reshape, unless a value already holds its result."""
    (name,) = node.operands
    operand = state.definition(name)
    key = (node.op, node.operands, node.type)
    if isinstance(node.op, moves.Reshape) and operand.type == node.type:
        state.alias(node, name)
    elif isinstance(operand, Constant):
        state.alias(node, _moved_constant(state, node, operand))
    elif key in state.seen:
        state.alias(node, state.seen[key])
    else:
        state.seen[key] = state.builder.add(node)


def _moved_constant(state: _State, node: Node, constant: Constant) -> str:
    array = constant.array.reshape(node.type.shape)
    if isinstance(node.op, moves.Transpose):
        array = np.transpose(constant.array, node.op.permutation)
    return state.constant(constant, node.type, array)


def _summed(state: _State, node: Node, op: fixed.ReduceSum) -> Node:
    before = state.definition(node.operands[0])
    if not (isinstance(before, Node) and isinstance(before.op, moves.Transpose)):
        return node
    direct = summed_without_transpose(op, before.op.permutation)
    return node if direct is None else replace(node, op=direct, operands=before.operands)


def _multiplied(state: _State, node: Node, op: fixed.MatMul) -> Node:
    found = product_without_transpose(state.builder.definitions, node, op)
    if found is None:
        return node
    flat = state.fresh(f"{node.name}.rows")
    state.builder.add(Node(flat, found.rows, moves.Reshape(), (found.operand,), node.source))
    weights = state.constant(found.weights, found.weights.type, found.array)
    return replace(node, operands=(flat, weights, *node.operands[2:]))
