# SPDX-License-Identifier: Apache-2.0
"""The few edits of an ONNX graph that the passes share; all of them work in place on a clone."""

import json
from collections.abc import Iterator

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray
from onnx_ir.passes.common import RemoveUnusedNodesPass

from intaglio.compiler.real.onnx_runtime import Array

FOLDED_KEY = "intaglio.folded"


def constant(value: ir.Value | None) -> Array | None:
    """The array of an initializer, None for everything that is computed, fed or absent."""
    if value is None or value.is_graph_input() or value.const_value is None:
        return None
    return value.const_value.numpy()


def float_constant(value: ir.Value | None) -> NDArray[np.float64] | None:
    """The array of an initializer in float64, in which every float32 is exact."""
    array = constant(value)
    return None if array is None else array.astype(np.float64)


def input_at(node: ir.Node, index: int) -> ir.Value | None:
    """An input of a node, None where a trailing optional one is left out."""
    return node.inputs[index] if index < len(node.inputs) else None


def name_of(node: ir.Node) -> str:
    """How to call a node in a message: its name, else that of its first output."""
    return node.name or next((v.name for v in node.outputs if v.name), None) or "(unnamed)"


def describe(node: ir.Node) -> str:
    """Name and op of a node, for messages."""
    op = f"{node.domain}::{node.op_type}" if node.domain else node.op_type
    return f"node {name_of(node)} ({op})"


def sole_consumer(value: ir.Value) -> ir.Node | None:
    """The node that alone reads ``value``, through one input; None if the graph returns it too."""
    uses = value.uses()
    if len(uses) != 1 or value.is_graph_output():
        return None
    (use,) = uses
    return use.node


def note_folded(node: ir.Node, folded: ir.Node) -> None:
    """Note on ``node`` by which names the user knows it and what is about to be folded into it.

    They are the name of its output, which ``folded`` is to take over, and ``folded``'s own.
    """
    names = (*folded_names(node), node.outputs[0].name, folded.name)
    kept = dict.fromkeys(name for name in names if name)
    node.metadata_props[FOLDED_KEY] = json.dumps(list(kept))


def folded_names(node: ir.Node) -> tuple[str, ...]:
    """The names noted by ``note_folded``, in the order of folding."""
    return tuple(json.loads(node.metadata_props.get(FOLDED_KEY, "[]")))


def all_values(graph: ir.Graph) -> Iterator[ir.Value]:
    """Every value of the graph: inputs, initializers, and what the nodes compute."""
    yield from graph.inputs
    yield from graph.initializers.values()
    for node in graph:
        yield from node.outputs


class Names:
    """Hands out names of values and nodes that the graph doesn't have yet."""

    def __init__(self, graph: ir.Graph) -> None:
        """Collect the names in use."""
        self._taken = {value.name for value in all_values(graph)} | {node.name for node in graph}

    def fresh(self, wanted: str) -> str:
        """``wanted``, with a number appended if it is taken."""
        name, count = wanted, 1
        while name in self._taken:
            name, count = f"{wanted}_{count}", count + 1
        self._taken.add(name)
        return name


def add_initializer(
    graph: ir.Graph, names: Names, wanted: str, array: Array, dtype: ir.DataType | None = None
) -> ir.Value:
    """Add a constant under ``wanted``, or that name with a number."""
    name = names.fresh(wanted)
    tensor = ir.tensor(np.array(array, order="C"), dtype=dtype, name=name)
    value = ir.Value(
        name=name, type=ir.TensorType(tensor.dtype), shape=ir.Shape(array.shape), const_value=tensor
    )
    graph.register_initializer(value)
    return value


def add_float_initializer(
    graph: ir.Graph, names: Names, wanted: str, array: NDArray[np.float64]
) -> ir.Value:
    """Add a float32 constant; what underflows float32 is set to zero, as it would be anywhere."""
    return add_initializer(graph, names, wanted, array.astype(np.float32))


def write_float_input(
    graph: ir.Graph,
    names: Names,
    node: ir.Node,
    index: int,
    array: NDArray[np.float64],
    otherwise: str,
) -> None:
    """Give a node another float32 constant as an input, named ``otherwise`` where it had none.

    A constant that other nodes read too is left as it is for them.
    """
    old = node.inputs[index]
    if old is not None and len(old.uses()) == 1 and constant(old) is not None:
        old.const_value = ir.tensor(array.astype(np.float32), name=old.name)
        old.shape = ir.Shape(array.shape)
        return
    wanted = otherwise if old is None or old.name is None else old.name
    node.replace_input_with(index, add_float_initializer(graph, names, wanted, array))


def take_over(old: ir.Value, new: ir.Value) -> None:
    """Let ``new`` stand wherever ``old`` did, under the name, type and notes of ``old``."""
    name = old.name
    old.replace_all_uses_with(new, replace_graph_outputs=True)
    old.name = None
    new.name = name
    new.type = old.type
    new.shape = old.shape
    new.metadata_props.clear()
    new.metadata_props.update(old.metadata_props)


def float_attribute(node: ir.Node, name: str, default: float) -> float:
    """A float attribute or its default."""
    return node.attributes.get_float(name, default)


def int_attribute(node: ir.Node, name: str, default: int) -> int:
    """An integer attribute or its default."""
    return node.attributes.get_int(name, default)


def remove_unused(model: ir.Model) -> None:
    """Remove nodes and initializers that no output depends on."""
    RemoveUnusedNodesPass()(model)
