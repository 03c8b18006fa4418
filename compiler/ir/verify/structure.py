# SPDX-License-Identifier: Apache-2.0
"""Rules of the graph itself: names, order, and ops of the right level."""

import re
from collections import Counter
from collections.abc import Iterator
from typing import get_args

from intaglio.compiler.ir import fixed, scaled
from intaglio.compiler.ir.graph import Definition, Graph, Level, Node
from intaglio.compiler.ir.infer import operand_counts
from intaglio.compiler.ir.verify.rules import Rule, violation
from intaglio.numerics.integers import IntType

_NAME = re.compile(r"[A-Za-z0-9_.]+")


def definitions(graph: Graph) -> tuple[Definition, ...]:
    """Every definition in order, those with a name that is taken included."""
    return (*graph.inputs, *graph.constants, *graph.nodes)


def names_are_plain(graph: Graph) -> Iterator[str]:
    """The name of a value consists of letters, digits, dots and _."""
    for each in definitions(graph):
        if not _NAME.fullmatch(each.name):
            yield violation(each, f"the name {each.name!r}", "letters, digits, dots and _")


def names_are_unique(graph: Graph) -> Iterator[str]:
    """No two values have one name."""
    counts = Counter(each.name for each in definitions(graph))
    for each in definitions(graph):
        if counts.pop(each.name, 1) > 1:
            yield violation(each, "two values of that name", "one")


def operands_come_first(graph: Graph) -> Iterator[str]:
    """Every operand is an input, a constant or the value of an earlier node."""
    known = {each.name for each in definitions(graph) if not isinstance(each, Node)}
    later = {each.name for each in graph.nodes}
    for node in graph.nodes:
        for operand in dict.fromkeys(node.operands):
            if operand not in known:
                fault = "defined later" if operand in later else "never defined"
                yield violation(node, f"the operand %{operand}, {fault}", "one defined before")
        known.add(node.name)


def outputs_are_values(graph: Graph) -> Iterator[str]:
    """There is an output, and every output is a value of the graph."""
    names = {each.name for each in definitions(graph)}
    if not graph.outputs:
        yield "return: found no output, expected at least one."
    for output in dict.fromkeys(graph.outputs):
        if output not in names:
            yield f"return: found the output %{output}, never defined, expected a defined value."


def outputs_have_their_sources(graph: Graph) -> Iterator[str]:
    """Every output has its name in the user's model, or none has."""
    named, outputs = len(graph.output_sources), len(graph.outputs)
    if named not in (0, outputs):
        yield f"return: found {named} names for {outputs} outputs, expected {outputs} or none."


def outputs_have_their_scales(graph: Graph) -> Iterator[str]:
    """Scales are stated for every output or for none, and for outputs that are integers alone."""
    stated, outputs = len(graph.output_quantizations), len(graph.outputs)
    if stated not in (0, outputs):
        yield f"return: found {stated} scales for {outputs} outputs, expected {outputs} or none."
        return
    values = {each.name: each for each in definitions(graph)}
    for name, quantization in zip(graph.outputs, graph.output_quantizations, strict=False):
        each = values.get(name)
        if quantization is None or each is None:
            continue
        if not isinstance(each.type.element, IntType):
            yield f"return: found a scale on the float32 output %{name}, expected none."


def ops_are_of_the_level(graph: Graph) -> Iterator[str]:
    """Every op belongs to the graph's level."""
    allowed = get_args(scaled.Op if graph.level is Level.SCALED else fixed.Op)
    for node in graph.nodes:
        if type(node.op) not in allowed:
            named = type(node.op).__module__.rpartition("ir.")[2].partition(".")[0]
            found = f"an op of the {named} level"
            yield violation(node, found, f"one of the {graph.level.value} level")


def operands_are_counted(graph: Graph) -> Iterator[str]:
    """Every op has as many operands as it takes."""
    for node in graph.nodes:
        counts, found = operand_counts(node.op), len(node.operands)
        if found not in counts:
            expected = " or ".join(map(str, counts)) if len(counts) < 4 else f"{counts[0]} or more"
            yield violation(node, f"{found} operands", expected)


RULES: tuple[Rule, ...] = (
    names_are_plain,
    names_are_unique,
    operands_come_first,
    outputs_are_values,
    outputs_have_their_sources,
    outputs_have_their_scales,
    ops_are_of_the_level,
    operands_are_counted,
)
