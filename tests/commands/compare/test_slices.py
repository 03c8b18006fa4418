# SPDX-License-Identifier: Apache-2.0
"""Parts of scaled graphs as graphs of their own."""

import numpy as np

from intaglio.commands.compare.slices import slice_of
from intaglio.compiler.ir import scaled
from intaglio.compiler.ir.builder import Builder
from intaglio.compiler.ir.graph import Definition, Graph, Level
from intaglio.compiler.ir.types import FLOAT32, Quantization, TensorType
from intaglio.compiler.ir.verify import check
from intaglio.numerics.float32 import Float32
from intaglio.numerics.integers import IntType

CODES = TensorType(IntType(8, True), (1, 4), Quantization((Float32.from_value(0.5),), (3,), None))
REALS = TensorType(FLOAT32, (1, 4))


def chain() -> Graph:
    """Reals in, quantized, added twice, and reals out."""
    builder = Builder("net", Level.SCALED)
    x = builder.input("x", REALS)
    codes = builder.node("codes", CODES, scaled.Quantize(), [x], "codes")
    one = builder.constant("one", CODES, np.ones((1, 4)), "one")
    first = builder.node("first", CODES, scaled.Add(), [codes, one], "first")
    second = builder.node("second", CODES, scaled.Add(), [first, codes], "second")
    return builder.finish([builder.node("y", REALS, scaled.Dequantize(), [second], "y")], ["y"])


def parts(results: list[str], ends: set[str]) -> tuple[list[str], list[str], list[str]]:
    graph = slice_of(chain(), results, ends)
    check(graph)
    inputs = [given.source for given in graph.inputs]
    constants = [constant.name for constant in graph.constants]
    return inputs, constants, [node.name for node in graph.nodes]


def test_a_part_reads_the_values_at_its_ends() -> None:
    ends = {"codes", "first", "second"}
    assert parts(["second"], ends) == (["first", "codes"], [], ["second"])
    assert parts(["first"], ends) == (["codes"], ["one"], ["first"])
    assert parts(["codes"], ends) == (["x"], [], ["codes"])


def test_what_is_no_end_is_computed_in_the_part() -> None:
    assert parts(["second"], {"codes", "second"}) == (["codes"], ["one"], ["first", "second"])


def test_reals_are_no_end() -> None:
    graph = chain()
    builder = Builder("net", Level.SCALED)
    definitions: tuple[Definition, ...] = (*graph.inputs, *graph.constants, *graph.nodes)
    for definition in definitions:
        builder.add(definition)
    tail = scaled.Float32Softmax(1)
    graph = builder.finish([builder.node("s", REALS, tail, ["y"], "s")], ["s"])
    part = slice_of(graph, ["s"], {"codes", "first", "second", "y", "s"})
    assert [given.name for given in part.inputs] == ["second"]
    assert [node.name for node in part.nodes] == ["y", "s"]


def test_two_results_of_one_operator() -> None:
    ends = {"codes", "first", "second"}
    assert parts(["first", "second"], ends) == (["codes"], ["one"], ["first", "second"])
