# SPDX-License-Identifier: Apache-2.0
"""The range of real numbers that the codes of each value must cover."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf

import networkx as nx
import onnx_ir as ir

from intaglio.compiler.real.editing import constant, input_at, sole_consumer
from intaglio.compiler.real.parameters import Encoding
from intaglio.compiler.real.roles import (
    MOVES,
    SELECTIONS,
    SUMS,
    data_inputs,
    quantized_values,
    rounded_result,
)
from intaglio.compiler.real.statistics import Statistics
from intaglio.errors import InvalidData


@dataclass(frozen=True, slots=True)
class Range:
    """A closed interval of real numbers."""

    minimum: float
    maximum: float

    def union(self, other: "Range") -> "Range":
        """The smallest range that contains both."""
        return Range(min(self.minimum, other.minimum), max(self.maximum, other.maximum))

    def clamped(self, other: "Range") -> "Range":
        """This range with both ends brought into ``other``."""
        low = min(max(self.minimum, other.minimum), other.maximum)
        return Range(low, min(max(self.maximum, other.minimum), other.maximum))


def observed_ranges(statistics: Statistics) -> dict[str, Range]:
    """Min-max: the range of a value is what was seen of it."""
    return {name: Range(v.minimum, v.maximum) for name, v in statistics.values.items()}


def settle_ranges(
    model: ir.Model,
    ranges: Mapping[str, Range],
    encoding: Encoding,
    *,
    unify: bool = False,
    encodings: Mapping[str, Encoding] | None = None,
) -> dict[str, Range]:
    """One range for each value that becomes codes, equal where the integers need equal codes.

    - Sigmoid, HardSigmoid and Softmax cover [0, 1 - 2**-bits], or [0, 1 - 2**(1-bits)] where codes
      below zero stay unused, Tanh [-1, 1 - 2**(1-bits)], whatever was seen: their scales become
      powers of two that no input can exceed by a code.
    - After Relu or Clip a range ends where the clamp does, if that is sooner.
    - Where values only move (MaxPool, Reshape, Concat, ...) or are chosen (Min, Max), inputs and
      output share the union of their ranges.
    - If asked, so do the operands and the result of Add and Sub, after a clamp that follows.

    Args:
        model: a normalized model.
        ranges: by value name, as observed or predicted.
        encoding: of activations.
        unify: whether additions share ranges too, for machines that can't rescale operands.
        encodings: of activations that are coded otherwise, by value name.

    Raises:
        InvalidData: the range of a value is missing.
    """
    own: dict[str, Range] = {}
    shared: nx.Graph[str] = nx.Graph()
    for value in quantized_values(model.graph):
        name = value.name or ""
        shared.add_node(name)
        own[name] = _own_range(value, ranges, (encodings or {}).get(name, encoding))
    ignored = _share(model.graph, shared)
    if unify:
        _share_sums(model.graph, shared, own)
    settled: dict[str, Range] = {}
    for names in nx.connected_components(shared):
        counted = [own[name] for name in names if name not in ignored]
        joint = counted[0]
        for other in counted[1:]:
            joint = joint.union(other)
        settled.update(dict.fromkeys(names, joint))
    return settled


def tied_values(graph: ir.Graph, *, unify: bool = False) -> "nx.Graph[str]":
    """The values that become codes, with an edge between those that need equal codes."""
    shared: nx.Graph[str] = nx.Graph()
    shared.add_nodes_from(value.name or "" for value in quantized_values(graph))
    _share(graph, shared)
    if unify:
        _share_sums(graph, shared, {})
    return shared


def _own_range(value: ir.Value, ranges: Mapping[str, Range], encoding: Encoding) -> Range:
    producer = value.producer()
    fixed = None if producer is None else fixed_range(producer, encoding)
    if fixed is not None:
        return fixed
    name = value.name or ""
    if name not in ranges:
        raise InvalidData(
            f"value {name}", "no range", "one for each activation", "observe this value too"
        )
    found = ranges[name] if producer is None else ranges[name].clamped(_clamp_of(producer))
    return found if producer is None else found.union(_constants_of(producer))


def fixed_range(producer: ir.Node, encoding: Encoding) -> Range | None:
    """The range of a function that ends by itself, whatever goes in; None for other nodes."""
    match producer.op_type:
        case "Sigmoid" | "HardSigmoid" | "Softmax":
            return Range(0.0, 1.0 - 2.0 ** (int(encoding.symmetric) - encoding.bits))
        case "Tanh":
            return Range(-1.0, 1.0 - 2.0 ** (1 - encoding.bits))
        case _:
            return None


def _clamp_of(producer: ir.Node) -> Range:
    """Where a Relu or Clip ends; a Relu in front of a Clip has been seen in the data."""
    match producer.op_type:
        case "Relu":
            return Range(0.0, inf)
        case "Clip":
            low, high = constant(input_at(producer, 1)), constant(input_at(producer, 2))
            return Range(
                -inf if low is None else float(low.item()),
                inf if high is None else float(high.item()),
            )
        case _:
            return Range(-inf, inf)


def _constants_of(producer: ir.Node) -> Range:
    """What constants a moving node mixes in: padding, or constant parts of a Concat."""
    found = Range(0.0, 0.0)
    arrays = [constant(value) for _, value in data_inputs(producer)]
    if producer.op_type == "Pad":
        arrays.append(constant(input_at(producer, 2)))
    if producer.op_type not in MOVES:
        return found
    for array in arrays:
        if array is not None and array.size:
            found = found.union(Range(float(array.min()), float(array.max())))
    return found


def _share(graph: ir.Graph, shared: "nx.Graph[str]") -> set[str]:
    """Join the values that need equal codes; return those whose own range needn't be covered."""
    ignored: set[str] = set()
    for node in graph:
        if node.op_type in MOVES:
            for output in node.outputs:
                for _, value in data_inputs(node):
                    _join(shared, value, output)
        if node.op_type in SELECTIONS:
            computed = [value for _, value in data_inputs(node) if constant(value) is None]
            for value in computed:
                if sole_consumer(value) is node:
                    _join(shared, value, node.outputs[0])
            # What Min or Max alone reads may saturate at the ends of the result: the constant
            # decides there anyway.
            if len(computed) == 1 and sole_consumer(computed[0]) is node:
                ignored.add(computed[0].name or "")
    return ignored


def _share_sums(graph: ir.Graph, shared: "nx.Graph[str]", own: dict[str, Range]) -> None:
    """Join operands and results of additions; constants among them count into the range."""
    for node in graph:
        if node.op_type not in SUMS:
            continue
        result = rounded_result(node)
        name = result.name or ""
        for _, value in data_inputs(node):
            array = constant(value)
            if array is None:
                _join(shared, value, result)
            elif array.size and name in own:
                own[name] = own[name].union(Range(float(array.min()), float(array.max())))


def _join(shared: "nx.Graph[str]", first: ir.Value, second: ir.Value) -> None:
    names = (first.name or "", second.name or "")
    if all(name in shared for name in names):
        shared.add_edge(*names)
