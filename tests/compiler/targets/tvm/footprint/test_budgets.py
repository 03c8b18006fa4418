# SPDX-License-Identifier: Apache-2.0
"""A network is refused exactly where it needs more than its budgets, by its largest layer."""

from pathlib import Path

import pytest

from intaglio.compiler.ir.graph import Graph
from intaglio.compiler.targets.tvm.artifact import write_artifact
from intaglio.compiler.targets.tvm.footprint.budgets import Budgets
from intaglio.compiler.targets.tvm.footprint.report import Footprint
from intaglio.compiler.targets.tvm.machine import Instructions, host
from intaglio.errors import ExceedsBudget
from tests.simulator.text_cases import fixed_graph

WIDE = """
%x: i8[64] = input
%a: i16[64] = multiply(%x, %x) left_zero_point=0 right_zero_point=0
%b: i16[64] = minimum(%a, %x)
%c: i17[64] = add(%a, %b)
%y: i8[64] = cast(%c) overflow=saturate
"""
NARROW = """
%x: i8[64] = input
%a: i8[64] = maximum(%x, %x)
%b: i8[64] = minimum(%a, %x)
%y: i9[64] = add(%a, %b)
"""


def written(graph: Graph, folder: Path, budgets: Budgets) -> Footprint:
    machine = host(Instructions.PORTABLE)
    return write_artifact(graph, "net", folder, machine, budgets=budgets).footprint


@pytest.mark.parametrize("text", [WIDE, NARROW])
def test_the_budget_itself_fits_and_a_byte_less_is_refused(text: str, tmp_path: Path) -> None:
    graph = fixed_graph(text)
    found = written(graph, tmp_path / "free", Budgets())
    written(graph, tmp_path / "kept", Budgets(found.ram, found.flash))
    for budgets in (Budgets(found.ram - 1), Budgets(flash=found.flash - 1)):
        with pytest.raises(ExceedsBudget):
            written(graph, tmp_path / "refused", budgets)
    assert not (tmp_path / "refused").exists()


def test_the_layer_of_the_peak_is_named_with_what_is_left(tmp_path: Path) -> None:
    graph = fixed_graph(NARROW)
    found = written(graph, tmp_path / "free", Budgets())
    assert (found.arena, found.peak) == (128, 1)
    with pytest.raises(ExceedsBudget) as refused:
        written(graph, tmp_path / "refused", Budgets(found.ram - 28))
    problem, others = refused.value.problems
    assert problem.startswith("RAM: layer b: found 128 bytes in the arena (")
    assert "expected at most 100: " in problem
    assert others == "RAM: 2 steps in all are over it, such as y"
    assert "100 bytes fit at the peak, 78%" in str(refused.value)
    assert "fewer bits than 8 don't help" in str(refused.value)


def test_values_of_two_bytes_could_be_narrower(tmp_path: Path) -> None:
    graph = fixed_graph(WIDE)
    found = written(graph, tmp_path / "free", Budgets())
    with pytest.raises(ExceedsBudget) as refused:
        written(graph, tmp_path / "refused", Budgets(found.ram - 1))
    assert "8-bit activations instead of 16" in str(refused.value)
    assert "and would fit" in str(refused.value)


def test_inputs_alone_may_be_too_large(tmp_path: Path) -> None:
    with pytest.raises(ExceedsBudget, match="64 for inputs") as refused:
        written(fixed_graph(NARROW), tmp_path / "refused", Budgets(ram=60))
    assert "are too many already" in str(refused.value)
    assert "or a smaller input" in str(refused.value)
