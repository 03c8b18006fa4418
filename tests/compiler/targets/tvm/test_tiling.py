# SPDX-License-Identifier: Apache-2.0
"""Strips are chosen where they lower the arena, as little as does, and the bits stay."""

from functools import cache
from pathlib import Path

import numpy as np
import pytest

from intaglio.compiler.ir.graph import Graph
from intaglio.compiler.ir.verify import verify
from intaglio.compiler.targets.tvm.artifact import Artifact, write_artifact
from intaglio.compiler.targets.tvm.footprint.budgets import Budgets
from intaglio.compiler.targets.tvm.lifetimes import arena_plan
from intaglio.compiler.targets.tvm.machine import Instructions, host
from intaglio.compiler.targets.tvm.schedule import steps
from intaglio.compiler.targets.tvm.tiling import tiled
from intaglio.errors import ExceedsBudget
from intaglio.simulator import vectorized
from tests.compiler.targets.tvm.test_overwriting import inputs_of
from tests.simulator.compiled.comparing import assert_compiled_agrees
from tests.simulator.text_cases import fixed_graph

REQUANTIZED = (
    "requantizers=[requantizer(scaling=shift(shift=7, rounding=half-even), "
    "zero_point=2, low=-128, high=127)]"
)


def layer(name: str, x: str, shape: str, operands: str, fields: str) -> str:
    return (
        f"%{name}s: i32{shape} = conv2d(%{x}, {operands}) accumulator=accumulator(type=i32) "
        f"input_zero_point=2 pad_value=2 {fields}\n"
        f"%{name}: i8{shape} = requantize(%{name}s) {REQUANTIZED}\n"
    )


def weights(name: str, *shape: int) -> str:
    values = np.random.default_rng(len(name)).integers(-90, 90, int(np.prod(shape))).tolist()
    return f"%{name}: i8[{','.join(map(str, shape))}] = constant {values}\n"


@cache
def network() -> Graph:
    """An early part with large planes, a residual block, and a small end."""
    return fixed_graph(
        "%x: i8[1,24,24,2] = input\n"
        + weights("w", 8, 3, 3, 2)
        + weights("d", 8, 3, 3, 1)
        + weights("p", 16, 1, 1, 8)
        + weights("q", 4, 3, 3, 16)
        + weights("r", 4, 3, 3, 4)
        + layer("a", "x", "[1,24,24,8]", "%w", "pads=[1, 1, 1, 1]")
        + layer("b", "a", "[1,24,24,8]", "%d", "pads=[1, 1, 1, 1] groups=8")
        + layer("c", "b", "[1,24,24,16]", "%p", "")
        + layer("e", "c", "[1,12,12,4]", "%q", "pads=[0, 0, 1, 1] strides=[2, 2]")
        + layer("f", "e", "[1,12,12,4]", "%r", "pads=[1, 1, 1, 1]")
        + "%g: i9[1,12,12,4] = add(%f, %e)\n"
        + "%y: i9[1,3,3,4] = max_pool2d(%g) kernel=[4, 4] strides=[4, 4]\n"
    )


def no_scratch(graph: Graph) -> list[int]:
    return [0] * len(steps(graph))


@pytest.mark.parametrize("arena", [13_000, 8_000, 5_000])
def test_the_arena_is_what_was_wanted(arena: int) -> None:
    graph = network()
    assert arena_plan(graph).size == 24 * 24 * 24
    found = tiled(graph, no_scratch(graph), arena)
    assert found is not None
    assert arena_plan(found.graph).size <= arena
    assert verify(found.graph) == ()
    sample = inputs_of(graph)
    expected = vectorized.run(graph, sample)
    assert np.array_equal(vectorized.run(found.graph, sample)["y"], expected["y"])


def test_less_memory_costs_more_work() -> None:
    graph = network()
    found = [tiled(graph, no_scratch(graph), arena) for arena in (13_000, 8_000, 5_000)]
    extra = [each.extra for each in found if each is not None]
    assert extra == sorted(extra)
    assert 0 <= extra[0] < extra[-1] < 1


def test_the_least_arena_keeps_to_the_extra_work() -> None:
    graph = network()
    cheap, free = (tiled(graph, no_scratch(graph), None, most) for most in (0.1, 9.0))
    assert cheap is not None
    assert free is not None
    assert cheap.extra <= 0.1
    assert arena_plan(free.graph).size <= arena_plan(cheap.graph).size < 24 * 24 * 24


def test_the_compiled_strips_have_the_bits() -> None:
    graph = network()
    found = tiled(graph, no_scratch(graph), 6_000)
    assert found is not None
    assert_compiled_agrees(found.graph, inputs_of(graph))


def test_nothing_is_cut_where_nothing_is_gained() -> None:
    text = "%x: i8[1,8,8,4] = input\n%a: i8[1,8,8,4] = maximum(%x, %x)\n"
    text += "%y: i8[1,2,2,4] = max_pool2d(%a) kernel=[2, 2] strides=[4, 4]\n"
    graph = fixed_graph(text + "%z: i8[1,8,8,4] = minimum(%a, %x)")
    assert tiled(graph, no_scratch(graph), 10) is None


def written(folder: Path, ram: int | None, tile: bool | None) -> Artifact:
    machine = host(Instructions.PORTABLE)
    return write_artifact(network(), "net", folder, machine, budgets=Budgets(ram), tile=tile)


def test_a_budget_brings_strips_where_it_needs_them(tmp_path: Path) -> None:
    whole = written(tmp_path / "whole", None, None)
    assert whole.strips == ()
    kept = written(tmp_path / "kept", whole.footprint.ram, None)
    assert kept.strips == ()
    ram = whole.footprint.ram - 6_000
    cut = written(tmp_path / "cut", ram, None)
    assert cut.footprint.ram <= ram
    assert all(each.count > 1 for each in cut.strips)
    assert cut.strips
    assert cut.footprint.arena < whole.footprint.arena
    with pytest.raises(ExceedsBudget):
        written(tmp_path / "refused", ram, False)
    with pytest.raises(ExceedsBudget, match="in strips already"):
        written(tmp_path / "refused", 3_000, None)
    assert not (tmp_path / "refused").exists()


def test_strips_may_be_asked_for(tmp_path: Path) -> None:
    found = written(tmp_path / "cut", None, True)
    assert found.strips
    assert found.footprint.arena < 24 * 24 * 24 // 2
