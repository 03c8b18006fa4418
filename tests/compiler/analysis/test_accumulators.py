# SPDX-License-Identifier: Apache-2.0
"""Bounds of accumulators: reached by brute force on small cases, never exceeded on random ones."""

from dataclasses import replace
from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from intaglio.compiler.analysis.accumulator_bits import accumulator_report
from intaglio.compiler.analysis.accumulators import (
    accumulating_nodes,
    channel_ranges,
    exact_range,
)
from intaglio.compiler.analysis.ranges import value_ranges
from intaglio.compiler.ir.graph import Array, Graph, Node
from intaglio.compiler.ir.text import parse_graph
from intaglio.numerics.accumulator import Accumulator
from intaglio.numerics.integers import IntType
from intaglio.numerics.intervals import Interval
from intaglio.simulator import reference
from tests.simulator.random_graphs import cases

EXACT = Accumulator(IntType(64, signed=True))
SETTINGS = settings(
    deadline=None,
    max_examples=40,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def test_both_ends_of_a_dot_product_are_reached() -> None:
    weights, bias, zero_point = (-3, 2, 5), -4, 1
    graph = parse_graph("""
        graph small fixed
        %x: i3[1,3] = input
        %w: i4[3,1] = constant [-3, 2, 5]
        %b: i8[1] = constant [-4]
        %y: i32[1,1] = mat_mul(%x, %w, %b) accumulator=accumulator(type=i32) left_zero_point=1
        return %y
    """)
    ((node, op),) = accumulating_nodes(graph)
    (channel,) = channel_ranges(graph.definitions, node, op, value_ranges(graph))
    totals: set[int] = set()
    partials: set[int] = set()
    for x in product(range(-4, 4), repeat=3):
        values = [(v - zero_point) * w for v, w in zip(x, weights, strict=True)]
        values.append(bias)
        totals.add(sum(values))
        subsets = (s for count in range(5) for s in combinations(values, count))
        partials.update(sum(subset) for subset in subsets)
    assert channel.total == Interval.hull_of(totals) == exact_range(graph.definitions, "y")
    assert channel.partial == Interval.hull_of(partials)


def test_both_ends_of_a_padded_convolution_are_reached() -> None:
    graph = parse_graph("""
        graph small fixed
        %x: u2[1,2,2,1] = input
        %w: i3[2,2,2,1] = constant [1, -2, 3, -4, -1, -1, 0, 2]
        %y: i16[1,2,2,2] = conv2d(%x, %w) accumulator=accumulator(type=i16) strides=[1, 1]
            pads=[0, 0, 1, 1] input_zero_point=1 pad_value=3 weight_zero_points=[1, -1]
        return %y
    """)
    ((node, op),) = accumulating_nodes(graph)
    channels = channel_ranges(graph.definitions, node, op, value_ranges(graph))
    seen: tuple[set[int], set[int]] = (set(), set())
    for codes in product(range(4), repeat=4):
        x = np.array(codes, np.uint8).reshape(1, 2, 2, 1)
        y = reference.run(graph, {"x": x})["y"]
        for channel in (0, 1):
            seen[channel].update(int(value) for value in y[..., channel].ravel())
    assert [channel.total for channel in channels] == [Interval.hull_of(values) for values in seen]


def test_what_stands_in_the_padding_counts() -> None:
    graph = parse_graph("""
        graph small fixed
        %x: u4[1,1,1,1] = input
        %low: u4[1,1,1,1] = clamp(%x) low=[0] high=[1]
        %w: i3[1,1,2,1] = constant [1, 2]
        %y: i16[1,1,1,1] = conv2d(%low, %w) accumulator=accumulator(type=i16) pads=[0, 0, 0, 1]
            pad_value=15
        return %y
    """)
    y = reference.run(graph, {"x": np.ones((1, 1, 1, 1), np.uint8)})["y"]
    assert y.max() == 1 + 2 * 15
    assert value_ranges(graph)["y"] == Interval(0, 3 * 15)


def test_each_matrix_of_a_batch_is_a_sum_of_its_own() -> None:
    graph = parse_graph("""
        graph small fixed
        %x: u2[2,1,2] = input
        %one: u2[2,1,2] = clamp(%x) low=[1] high=[3]
        %w: i4[2,2,1] = constant [1, 2, 3, -2]
        %y: i16[2,1,1] = mat_mul(%one, %w) accumulator=accumulator(type=i16)
        return %y
    """)
    assert value_ranges(graph)["y"] == Interval(min(1 + 2, 3 - 6), max(3 + 6, 9 - 2))


def unrounded(graph: Graph, name: str) -> Graph:
    """The graph of one accumulating node alone, in an accumulator that never overflows."""
    ((node, op),) = [(n, o) for n, o in accumulating_nodes(graph) if n.name == name]
    kept = op.accumulator
    exact = replace(EXACT, truncation=kept.truncation, partial_sums=kept.partial_sums)
    wide = replace(op, accumulator=exact)
    alone = Node(name, replace(node.type, element=EXACT.type), wide, node.operands)
    nodes = [alone if each.name == name else each for each in graph.nodes]
    last = next(at for at, each in enumerate(nodes) if each.name == name)
    return replace(graph, nodes=tuple(nodes[: last + 1]), outputs=(name,), output_sources=())


def observed(graph: Graph, name: str, inputs: dict[str, Array]) -> Array:
    return reference.run(unrounded(graph, name), inputs)[name]


@pytest.mark.parametrize("step", ["conv2d", "conv_transpose2d", "matmul", "reduce_sum"])
@SETTINGS
@given(data=st.data())
def test_no_exact_sum_leaves_its_bounds(step: str, data: st.DataObject) -> None:
    case = data.draw(cases(step))
    proven = value_ranges(case.graph)
    for node, op in accumulating_nodes(case.graph):
        channels = channel_ranges(case.graph.definitions, node, op, proven)
        if not all(EXACT.type.interval.contains(each.partial) for each in channels):
            continue
        sums = observed(case.graph, node.name, case.inputs)
        columns = sums.reshape(-1, len(channels)).T if len(channels) > 1 else [sums]
        for channel, column in zip(channels, columns, strict=True):
            assert channel.total.contains(Interval(int(column.min()), int(column.max())))
            assert channel.partial.contains(channel.total)


def test_the_report_tells_types_from_weights_and_sums_from_orders() -> None:
    (bits,) = accumulator_report(
        parse_graph("""
        graph report fixed
        %x: u8[1,2] = input
        %w: i8[2,2] = constant [100, 1, -100, 1]
        %y: i32[1,2] = mat_mul(%x, %w) accumulator=accumulator(type=i32) from "fc"
        return %y
    """)
    )
    assert (bits.name, bits.source, bits.declared_bits) == ("y", "fc", 32)
    # Two products of u8 and i8: -65280 .. 64770.
    assert bits.type_bits == 17
    # -25500 .. 25500, and 0 .. 510.
    assert (bits.final_bits, bits.any_order_bits) == (16, 16)
    assert bits.channel_bits == (16, 10)


def test_a_final_sum_can_need_fewer_bits_than_its_terms() -> None:
    (bits,) = accumulator_report(
        parse_graph("""
        graph report fixed
        %x: u8[1,1] = input
        %high: u8[1,1] = clamp(%x) low=[100] high=[101]
        %w: i8[1,1] = constant [10]
        %b: i16[1] = constant [-1000]
        %y: i32[1,1] = mat_mul(%high, %w, %b) accumulator=accumulator(type=i32)
        return %y
    """)
    )
    assert (bits.final_bits, bits.any_order_bits) == (5, 11)
