# SPDX-License-Identifier: Apache-2.0
"""C99 source computes the simulator's bits, without undefined behaviour and without warnings."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from intaglio.compiler.targets.tvm.unsupported import unsupported
from tests.compiler.targets.c_source.programs import assert_source_agrees, needs_gcc
from tests.compiler.targets.tvm.test_artifact import every_op
from tests.simulator.emulated.devices import random_samples
from tests.simulator.random_graphs import STEPS, cases

pytestmark = needs_gcc


@pytest.mark.parametrize("flags", [["-O0"], ["-O2"], ["-O3", "-std=gnu17"]])
def test_every_op(flags: list[str], tmp_path: Path) -> None:
    graph = every_op()
    assert_source_agrees(graph, random_samples(graph, 5), tmp_path, flags)


def test_every_op_has_defined_behaviour(tmp_path: Path) -> None:
    graph = every_op()
    assert_source_agrees(graph, random_samples(graph, 5), tmp_path)


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
