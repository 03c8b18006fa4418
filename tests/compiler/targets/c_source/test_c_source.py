# SPDX-License-Identifier: Apache-2.0
"""C99 source computes the simulator's bits, without undefined behaviour and without warnings."""

import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from intaglio.compiler.targets.c_source.artifact import write_source
from intaglio.compiler.targets.tvm.interface import Borders, interface
from intaglio.compiler.targets.tvm.unsupported import unsupported
from intaglio.simulator import vectorized
from tests.compiler.targets.c_source.programs import STRICT, assert_source_agrees, needs_gcc
from tests.compiler.targets.tvm.test_artifact import every_op
from tests.simulator.emulated.devices import random_samples
from tests.simulator.random_graphs import STEPS, cases
from tests.simulator.sums_in_order import mixed, ops_in_turn, trees

pytestmark = needs_gcc


@pytest.mark.parametrize("flags", [["-O0"], ["-O2"], ["-O3", "-std=gnu17"]])
def test_every_op(flags: list[str], tmp_path: Path) -> None:
    graph = every_op()
    assert_source_agrees(graph, random_samples(graph, 5), tmp_path, flags)


def test_every_op_has_defined_behaviour(tmp_path: Path) -> None:
    graph = every_op()
    assert_source_agrees(graph, random_samples(graph, 5), tmp_path)


def test_sums_in_order(tmp_path: Path) -> None:
    graph, inputs = ops_in_turn([*trees([3, 6, 0]), *mixed(12, 2)])
    assert_source_agrees(graph, [inputs], tmp_path)


def test_the_example_program_prints_the_bits(tmp_path: Path) -> None:
    graph = interface(every_op(), Borders.CODES).graph
    (sample,) = random_samples(graph, 1)
    written = write_source(every_op(), "net", tmp_path)
    files = [tmp_path / f"{number}.bin" for number in range(len(graph.inputs))]
    for file, given_input in zip(files, graph.inputs, strict=True):
        sample[given_input.name].tofile(file)
    build = ["gcc", *STRICT, "-std=c11", written.source.name, written.program.name]
    subprocess.run(build, cwd=tmp_path, check=True)
    command = ["./a.out", *map(str, files)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=True, text=True)
    outputs = vectorized.run(graph, sample)
    expected = [float(code) for name in graph.outputs for code in outputs[name].ravel().tolist()]
    found = [float.fromhex(text) if "x" in text else int(text) for text in done.stdout.split()]
    assert found == expected


def test_the_source_includes_two_headers_alone(tmp_path: Path) -> None:
    written = write_source(every_op(), "net", tmp_path)
    included = [line for line in written.source.read_text().splitlines() if "include" in line]
    assert included == ["#include <stdint.h>", "#include <string.h>", '#include "net.h"']


@pytest.mark.slow
@pytest.mark.parametrize("step", STEPS)
@settings(
    deadline=None,
    max_examples=10,
    suppress_health_check=[
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
        HealthCheck.function_scoped_fixture,
    ],
)
@given(data=st.data())
def test_random_graphs(step: str, data: st.DataObject, tmp_path: Path) -> None:
    case = data.draw(cases(step, most_steps=3))
    assume(not unsupported(case.graph))
    assert_source_agrees(case.graph, [case.inputs], tmp_path)
