# SPDX-License-Identifier: Apache-2.0
"""Equal names only for equal functions: whatever is shared is run on every input, and compared."""

from dataclasses import replace
from itertools import combinations, product

import numpy as np
import pytest

from intaglio.commands.sweep.canonical import canonical_hash, unnamed
from intaglio.commands.sweep.plan import run_identity
from intaglio.compiler.ir.graph import Graph
from intaglio.compiler.ir.text import parse_graph
from intaglio.compiler.passes.narrow_accumulators import narrow_accumulators
from intaglio.simulator import reference
from tests.commands.sweep.graphs import net

PLAIN = """\
graph net fixed
%x: i4[1,2] = input
%w: i4[2,1] = constant [{weights}]
%acc: {type}[1,1] = mat_mul(%x, %w) accumulator=accumulator(type={type}, overflow={overflow})
%y: {code}[1,1] = requantize(%acc) requantizers=[requantizer(scaling=multiply_shift(\
multiplier={multiplier}, shift={shift}, rounding={rounding}), zero_point={zero}, low={low}, \
high={high})]
return %y
"""


def outputs_of(graph: Graph) -> bytes:
    """The output for each of the 256 inputs."""
    found: list[int] = []
    for pair in product(range(-8, 8), repeat=2):
        (y,) = reference.run(graph, {"x": np.array([pair], np.int8)}).values()
        found.append(int(y.item()))
    return repr(found).encode()


def plain(
    type: str = "i8",
    overflow: str = "wrap",
    multiplier: int = 1,
    shift: int = 2,
    rounding: str = "floor",
    clamp: tuple[int, int] = (-8, 7),
    weights: str = "5, -7",
) -> Graph:
    low, high = clamp
    text = PLAIN.format(
        type=type,
        overflow=overflow,
        multiplier=multiplier,
        shift=shift,
        rounding=rounding,
        zero=0,
        low=low,
        high=high,
        code="i8",
        weights=weights,
    )
    return narrow_accumulators(parse_graph(text))


def test_names_and_provenance_do_not_count() -> None:
    graph = net()
    names = {name: f"other_{name}" for name in graph.definitions}
    renamed = replace(
        graph,
        name="other",
        profile="tflm",
        inputs=tuple(replace(each, name=names[each.name], source="a") for each in graph.inputs),
        constants=tuple(replace(each, name=names[each.name]) for each in graph.constants),
        nodes=tuple(
            replace(
                node,
                name=names[node.name],
                operands=tuple(names[each] for each in node.operands),
                source="b",
            )
            for node in graph.nodes
        ),
        outputs=tuple(names[each] for each in graph.outputs),
    )
    assert canonical_hash(renamed) == canonical_hash(graph)
    assert canonical_hash(unnamed(graph)) == canonical_hash(graph)


def test_every_number_counts() -> None:
    hashes = {
        canonical_hash(net()),
        canonical_hash(net(type="i14")),
        canonical_hash(net(type="i14", overflow="saturate-each-add")),
        canonical_hash(net(shift=7)),
        canonical_hash(net(rounding="ceil")),
        canonical_hash(net(batch=2)),
    }
    assert len(hashes) == 6


def test_equal_hashes_are_equal_functions_and_few_equal_functions_are_missed() -> None:
    graphs = [
        plain(type, overflow, multiplier, shift, rounding, clamp)
        for type, overflow in product(
            ("i5", "i6", "i7", "i8", "i20"), ("wrap", "saturate", "saturate-each-add", "trap")
        )
        for multiplier, shift, rounding in (
            (1, 2, "floor"),
            (2, 3, "floor"),
            (3, 4, "half-even"),
            (3, 4, "half-away-from-zero"),
            (1, 0, "floor"),
        )
        for clamp in ((-8, 7), (-128, 127))
        if overflow != "trap" or type in ("i8", "i20")
    ]
    named: dict[str, set[bytes]] = {}
    for graph in graphs:
        named.setdefault(canonical_hash(graph), set()).add(outputs_of(graph))
    assert [len(functions) for functions in named.values()] == [1] * len(named)
    distinct = {next(iter(functions)) for functions in named.values()}
    assert len(named) < len(graphs) / 3
    # What is missed differs in how sums overflow on the way, not at the end.
    assert len(named) - len(distinct) <= len(named) / 3


@pytest.mark.parametrize("bits", [5, 6, 7])
def test_a_clamp_is_absorbed_exactly_where_no_step_lies_beyond_it(bits: int) -> None:
    """Steps of x >> 2 clamped to [-8, 7] lie within -28..28."""
    exact = plain("i20")
    clamped = plain(f"i{bits}", "saturate")
    same = outputs_of(exact) == outputs_of(clamped)
    assert (canonical_hash(exact) == canonical_hash(clamped)) == same == (bits >= 6)


def test_what_may_overflow_on_the_way_has_a_run_of_its_own() -> None:
    exact, wider, clamped = plain("i20"), plain("i24"), plain("i7", "saturate")
    assert canonical_hash(exact) == canonical_hash(clamped)
    assert run_identity(canonical_hash(exact), exact) != run_identity(
        canonical_hash(clamped), clamped
    )
    assert run_identity(canonical_hash(exact), exact) == run_identity(canonical_hash(wider), wider)


def test_a_clamp_with_a_reader_of_its_own_stays() -> None:
    text = PLAIN.replace("return %y", "%z: i6[1,1] = clamp(%acc) low=[-31] high=[31]\nreturn %z")
    graphs = [
        parse_graph(
            text.format(
                type="i6",
                overflow=overflow,
                multiplier=1,
                shift=2,
                rounding="floor",
                zero=0,
                low=-8,
                high=7,
                code="i8",
                weights="5, -7",
            )
        )
        for overflow in ("wrap", "saturate")
    ]
    assert len(set(map(outputs_of, graphs))) == 2
    assert len(set(map(canonical_hash, graphs))) == 2


def test_the_order_of_additions_counts_where_each_may_saturate() -> None:
    text = PLAIN.replace("%acc:", "%b: i8[1] = constant [20]\n%acc:").replace(", %w)", ", %w, %b)")
    graphs = [
        parse_graph(
            text.format(
                type="i6",
                overflow=f"saturate-each-add, order={order}",
                multiplier=1,
                shift=0,
                rounding="floor",
                zero=0,
                low=-32,
                high=31,
                code="i8",
                weights="7, -7",
            )
        )
        for order in ("bias-first", "bias-last")
    ]
    assert len(set(map(outputs_of, graphs))) == 2
    assert len(set(map(canonical_hash, graphs))) == 2


def test_multipliers_that_step_alike_are_one() -> None:
    """Of ties there are none where the product is odd in its last place."""
    pairs = [
        (plain(multiplier=m, shift=9, rounding="half-even"), plain(multiplier=n, shift=9))
        for m, n in combinations(range(100, 108), 2)
    ]
    for first, second in pairs:
        if canonical_hash(first) == canonical_hash(second):
            assert outputs_of(first) == outputs_of(second)
    wide = plain(multiplier=(1 << 30) + 1, shift=32, rounding="floor")
    wider = plain(multiplier=(1 << 31) + 3, shift=33, rounding="floor")
    assert canonical_hash(wide) == canonical_hash(wider)
