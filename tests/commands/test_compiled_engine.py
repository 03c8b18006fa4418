# SPDX-License-Identifier: Apache-2.0
"""The compiled engine as ``commands.engines`` hands it out: one program, many threads."""

from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import pytest

from intaglio.commands.engines import EngineName, Run, compare, fastest_engine, prepare
from intaglio.compiler.ir.graph import Array, Graph
from tests.simulator.vectorized.networks import chain


@pytest.fixture(autouse=True, scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Generator[None, None, None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("INTAGLIO_CACHE", str(tmp_path_factory.mktemp("compiled")))
        yield


def feeds(graph: Graph, count: int) -> list[dict[str, Array]]:
    (given,) = graph.inputs
    element = given.type.integer
    rng = np.random.default_rng(7)
    return [
        {
            given.name: rng.integers(
                element.minimum, element.maximum, given.type.shape, element.dtype, endpoint=True
            )
        }
        for _ in range(count)
    ]


@pytest.mark.parametrize("observed", [False, True])
def test_threads_share_a_program(observed: bool) -> None:
    # Large enough that runs overlap: threads take turns in Python, but not in machine code.
    graph = chain(6, 128)
    assert fastest_engine(graph) is EngineName.COMPILED

    def run(engine: Run, given: dict[str, Array]) -> dict[str, Array]:
        seen: dict[str, Array] = {}
        outputs = engine(given, seen.__setitem__ if observed else None)
        return seen | outputs

    vectorized = prepare(graph, EngineName.VECTORIZED)
    compiled = prepare(graph, EngineName.COMPILED)
    inputs = feeds(graph, 6)
    expected = [run(vectorized, given) for given in inputs]
    with ThreadPoolExecutor(6) as pool:
        found = pool.map(partial(run, compiled), inputs * 10)
        for tensors, wanted in zip(found, expected * 10, strict=True):
            assert compare(tensors, wanted).first is None
