# SPDX-License-Identifier: Apache-2.0
"""CMSIS-NN's own unit tests: our integers are the outputs that it demands."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from intaglio.compiler.ir.verify import check
from intaglio.simulator import compiled
from tests.real.cmsis_nn.case import Case, read_cases
from tests.real.cmsis_nn.graphs import Demand, builder_of
from tests.real.cmsis_nn.names import NOT_RUN, RUN
from tests.simulator.engines import assert_engines_agree

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def cases(real_data: Path) -> Mapping[str, Case]:
    return read_cases(real_data / "vectors" / "cmsis_nn.zip")


def built(case: Case) -> Demand:
    builder = builder_of(case.name)
    assert builder is not None
    test = builder(case)
    check(test.graph)
    return test


def test_every_case_runs_or_has_a_reason(cases: Mapping[str, Case]) -> None:
    assert sorted([*RUN, *NOT_RUN]) == sorted(cases)
    assert len(RUN) >= 90


@pytest.mark.parametrize("name", NOT_RUN)
def test_what_is_not_run_can_not_be(name: str) -> None:
    assert builder_of(name) is None


@pytest.mark.parametrize("name", RUN)
def test_the_definition_yields_the_demanded_output(cases: Mapping[str, Case], name: str) -> None:
    test = built(cases[name])
    (result,) = test.graph.outputs
    found = assert_engines_agree(test.graph, test.feeds)[result]
    assert np.array_equal(found, test.expected)


@pytest.mark.slow
@pytest.mark.parametrize("name", RUN)
def test_machine_code_yields_the_demanded_output(
    cases: Mapping[str, Case], name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INTAGLIO_CACHE", str(tmp_path))
    test = built(cases[name])
    (found,) = compiled.run(test.graph, test.feeds).values()
    assert np.array_equal(found, test.expected)
