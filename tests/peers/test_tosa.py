# SPDX-License-Identifier: Apache-2.0
"""TOSA's own tests of its integer operators, against its reference model: every integer equal."""

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from intaglio.commands.peers.catalog import Environment
from intaglio.commands.peers.environments import python_of
from intaglio.compiler.ir.graph import Array, Graph
from intaglio.numerics.profile import load_profile
from intaglio.simulator import vectorized
from tests.peers.tosa.graphs import PROFILES, TYPES, Case, graph_of
from tests.simulator.engines import assert_engines_agree

pytestmark = [pytest.mark.peer, pytest.mark.slow]

ADAPTER = Path(__file__).parent / "tosa" / "adapter.py"
INTEGERS = ["--profile", "tosa-pro-int", "--extension"]
NARROW = [*INTEGERS, "tosa-ext-int16", "tosa-ext-int4", "--tensor-dim-range", "1,12"]
REQUEST = [
    {
        "options": [
            *["--filter", "^rescale$", *INTEGERS, "tosa-ext-int16", "tosa-ext-doubleround"],
            *["--tensor-dim-range", "1,9"],
        ],
        "every": 1,
    },
    {"options": ["--filter", "^(avg_pool2d|conv2d|matmul|mul|add|table)$", *NARROW], "every": 1},
    {"options": ["--filter", "^depthwise_conv2d$", "--conv-kernel", "3,2", *NARROW], "every": 4},
]
LEAST = {
    "RESCALE": 370,
    "AVG_POOL2D": 280,
    "CONV2D": 50,
    "DEPTHWISE_CONV2D": 50,
    "MATMUL": 2,
    "MUL": 30,
    "ADD": 4,
    "TABLE": 8,
}


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> list[Case]:
    """What the generator made and the reference model computed."""
    folder = tmp_path_factory.mktemp("tosa")
    request, answer = folder / "request.json", folder / "answer.npz"
    request.write_text(json.dumps(REQUEST))
    python = python_of(Environment.TOSA)
    command = [str(python), str(ADAPTER), str(request), str(answer)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    with np.load(answer) as file:
        told = json.loads(str(file["cases"]))
        program = f"{told['program']}, tosa_reference_model"
        for profile in PROFILES.values():
            assert program in load_profile(profile).checked_against
        return [_case(index, described, file) for index, described in enumerate(told["cases"])]


def _case(index: int, described: Mapping[str, Any], file: Mapping[str, Array]) -> Case:
    operands: list[tuple[str, list[int], bool]] = described["operands"]
    return Case(
        described["name"],
        described["op"],
        described["attributes"],
        tuple(TYPES[kind] for kind, _, _ in operands),
        tuple(file[f"{index}.{at}"] for at in range(len(operands))),
        tuple(constant for _, _, constant in operands),
        TYPES[described["result"][0]],
        file[f"{index}.{len(operands)}"],
    )


@pytest.mark.parametrize("mode", PROFILES)
def test_both_roundings_are_among_the_tests(cases: list[Case], mode: str) -> None:
    rescales = [case for case in cases if case.op == "RESCALE"]
    assert sum(case.attributes["roundingmode"] == mode for case in rescales) >= 100


def _quick(graph: Graph, feeds: dict[str, Array]) -> dict[str, Array]:
    return vectorized.run(graph, feeds, None)


@pytest.mark.parametrize("op", LEAST)
def test_every_integer_is_that_of_the_reference_model(cases: list[Case], op: str) -> None:
    chosen = [case for case in cases if case.op == op]
    assert len(chosen) >= LEAST[op]
    for at, case in enumerate(chosen):
        graph = graph_of(case)
        feeds = {
            given.name: case.operands[int(given.name.removeprefix("operand"))].astype(
                given.type.integer.dtype
            )
            for given in graph.inputs
        }
        # The reference engine takes its time, so it checks one case in ten.
        run = assert_engines_agree if at % 10 == 0 else _quick
        found = run(graph, feeds)[graph.outputs[0]]
        expected = case.result.astype(found.dtype)
        np.testing.assert_array_equal(found, expected, err_msg=case.name)
