# SPDX-License-Identifier: Apache-2.0
"""Moves of whole rows cost neither memory nor a kernel; all others do, and the bits stay."""

from collections.abc import Mapping

import pytest

from intaglio.compiler.targets.tvm.machine import Instructions, host
from intaglio.compiler.targets.tvm.network import compile_network
from intaglio.compiler.targets.tvm.views import View, memory_of, views
from intaglio.simulator.compiled import loading
from tests.compiler.targets.tvm.test_overwriting import inputs_of
from tests.simulator.compiled.comparing import assert_compiled_agrees
from tests.simulator.compiled.test_memory import run_guarded
from tests.simulator.text_cases import fixed_graph

ROWS = """
%x: i8[1,6,5,3] = input
%a: i8[1,6,5,3] = maximum(%x, %x)
%top: i8[1,4,5,3] = slice(%a) starts=[0, 0, 0, 0] steps=[1, 1, 1, 1]
%low: i8[1,3,5,3] = slice(%a) starts=[0, 3, 0, 0] steps=[1, 1, 1, 1]
%t: i9[1,4,5,3] = add(%top, %top)
%l: i9[1,3,5,3] = add(%low, %low)
%c: i9[1,7,5,3] = concat(%l, %t) axis=1
%y: i10[1,7,5,3] = add(%c, %c)
"""
OF_THE_INPUT = """
%x: i8[5,3] = input
%s: i8[2,3] = slice(%x) starts=[3, 0] steps=[1, 1]
%r: i8[1,3] = slice(%s) starts=[1, 0] steps=[-1, 1]
%t: i8[2,3] = maximum(%s, %s)
%u: i8[1,3] = minimum(%r, %r)
%y: i8[3,3] = concat(%t, %u) axis=0
"""
NESTED = """
%x: i8[4] = input
%a: i8[4] = maximum(%x, %x)
%b: i8[4] = minimum(%x, %x)
%r: i8[2,2] = reshape(%a)
%s: i8[2,2] = reshape(%b)
%m: i8[2,2] = maximum(%r, %s)
%n: i8[2,2] = minimum(%r, %s)
%c: i8[4,2] = concat(%m, %n) axis=0
%d: i8[2,2] = maximum(%c2, %r)
%e: i8[6,2] = concat(%c, %d) axis=0
%f: i8[6,2] = maximum(%e, %e)
%y: i8[6,2] = minimum(%f, %e)
""".replace(
    "%d: i8[2,2] = maximum(%c2, %r)",
    """%c2: i8[2,2] = slice(%c) starts=[1, 0] \
steps=[1, 1]
%d: i8[2,2] = maximum(%c2, %r)""",
)
READ_ONWARD = """
%x: i8[1,2,3] = input
%a: i8[1,2,3] = maximum(%x, %x)
%b: i8[1,2,3] = minimum(%a, %x)
%c: i8[1,4,3] = concat(%a, %b) axis=1
%d: i8[1,2,3] = maximum(%b, %a)
%e: i8[1,4,3] = minimum(%c, %c)
%f: i8[1,2,3] = maximum(%d, %a)
%y: i8[1,6,3] = concat(%e, %f) axis=1
"""
KEPT_APART = """
%x: i8[2,4,3] = input
%a: i8[2,4,3] = maximum(%x, %x)
%b: i8[2,2,3] = slice(%a) starts=[0, 1, 0] steps=[1, 1, 1]
%c: i8[2,2,3] = slice(%a) starts=[0, 0, 0] steps=[1, 2, 1]
%d: i8[2,4,3] = concat(%b, %c) axis=1
%e: i8[4,4,3] = concat(%d, %d) axis=0
%f: i8[6,4,3] = concat(%e, %x) axis=0
%g: i8[4,4,3] = minimum(%e, %e)
%y: i8[10,4,3] = concat(%f, %g) axis=0
"""
CASES = {
    "rows": ROWS,
    "of the input": OF_THE_INPUT,
    "nested": NESTED,
    "read onward": READ_ONWARD,
    "kept apart": KEPT_APART,
}


@pytest.mark.parametrize(
    ("case", "places", "free"),
    [
        (
            "rows",
            {"top": View("a", 0), "low": View("a", 45), "l": View("c", 0), "t": View("c", 90)},
            {"top", "low", "c"},
        ),
        (
            "of the input",
            {"s": View("x", 9), "r": View("s", 3), "t": View("y", 0), "u": View("y", 6)},
            {"s", "r", "y"},
        ),
        ("kept apart", {"f": View("y", 0), "g": View("y", 72)}, {"y"}),
    ],
)
def test_whole_rows_lie_within(case: str, places: Mapping[str, View], free: set[str]) -> None:
    found = views(fixed_graph(CASES[case]))
    assert found.places == places
    assert found.free == free


def test_views_of_views_add_up() -> None:
    found = views(fixed_graph(NESTED)).places
    assert memory_of(found, "c2") == View("e", 2)
    assert memory_of(found, "n") == View("e", 4)
    assert memory_of(found, "d") == View("e", 8)
    assert memory_of(found, "r") == View("a")
    assert memory_of(found, "y") == View("y")


def test_the_arena_holds_the_whole_alone() -> None:
    network = compile_network(fixed_graph(ROWS), "net", host(Instructions.PORTABLE))
    assert network.plan.offsets.keys() == {"a", "c"}
    assert [form.name for form in network.forms] == ["a", "t", "l", "y"]
    lives = {block.name: (block.first, block.last) for block in network.blocks}
    assert lives == {"a": (0, 2), "c": (1, 3)}


@pytest.mark.parametrize("instructions", [None, Instructions.PORTABLE])
@pytest.mark.parametrize("case", CASES)
def test_the_bits_stay(
    case: str, instructions: Instructions | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loading, "host", lambda: host(instructions))
    graph = fixed_graph(CASES[case])
    assert_compiled_agrees(graph, inputs_of(graph))


@pytest.mark.parametrize("at_the_end", [False, True])
@pytest.mark.parametrize("case", CASES)
def test_nothing_beside_the_memory_is_touched(case: str, at_the_end: bool) -> None:
    run_guarded(fixed_graph(CASES[case]), at_the_end)
