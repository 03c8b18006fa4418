# SPDX-License-Identifier: Apache-2.0
"""CMSIS-NN's own unit tests: our integers are the outputs that it demands, by `cmsis-nn`."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from intaglio.compiler.ir.verify import check
from intaglio.simulator import compiled
from tests.real.cmsis_nn.bench import Demand
from tests.real.cmsis_nn.case import Case, read_cases
from tests.real.cmsis_nn.graphs import build
from tests.real.cmsis_nn.names import NAMES
from tests.simulator.engines import assert_engines_agree

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def cases(real_data: Path) -> Mapping[str, Case]:
    return read_cases(real_data / "vectors" / "cmsis_nn.zip")


def built(case: Case) -> Demand:
    demand = build(case)
    check(demand.graph)
    return demand


def test_every_case_runs(cases: Mapping[str, Case]) -> None:
    assert sorted(NAMES) == sorted(cases)
    assert len(NAMES) == 105


@pytest.mark.parametrize("name", NAMES)
def test_the_definition_yields_the_demanded_output(cases: Mapping[str, Case], name: str) -> None:
    demand = built(cases[name])
    (result,) = demand.graph.outputs
    found = assert_engines_agree(demand.graph, demand.feeds)[result]
    assert np.array_equal(found, demand.expected)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_machine_code_yields_the_demanded_output(
    cases: Mapping[str, Case], name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INTAGLIO_CACHE", str(tmp_path))
    demand = built(cases[name])
    (found,) = compiled.run(demand.graph, demand.feeds).values()
    assert np.array_equal(found, demand.expected)
