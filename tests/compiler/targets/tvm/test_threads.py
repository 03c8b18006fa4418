# SPDX-License-Identifier: Apache-2.0
"""However tasks are shared and in whatever order they run, the bits are those of one thread."""

import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from intaglio.compiler.ir.graph import Array, Graph
from intaglio.compiler.targets.tvm import work
from intaglio.compiler.targets.tvm.artifact import write_artifact
from intaglio.compiler.targets.tvm.interface import Borders, interface
from intaglio.compiler.targets.tvm.machine import Instructions, available, host
from intaglio.compiler.targets.tvm.unsupported import unsupported
from intaglio.errors import InvalidOption
from intaglio.simulator import vectorized
from tests.compiler.targets.tvm.elf import symbols
from tests.compiler.targets.tvm.sharing import (
    RunTasks,
    Share,
    SharedNetwork,
    backwards,
    parts,
    whole,
)
from tests.compiler.targets.tvm.test_artifact import BORDERS, every_op, needs_c
from tests.compiler.targets.tvm.test_symbols import each_machine
from tests.simulator.compiled.test_vector_shapes import SHAPES, convolution, random_codes
from tests.simulator.engines import assert_same_tensor
from tests.simulator.random_graphs import STEPS, cases
from tests.simulator.text_cases import fixed_graph
from tests.simulator.vectorized.networks import chain

CHECKS = (HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much)

SHARES: dict[str, Share] = {
    "whole": whole,
    "backwards": backwards,
    "2": parts(2),
    "3": parts(3),
    "1000": parts(1000),
}


@pytest.fixture(autouse=True)
def everything_is_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    """Steps so small that threads would leave them alone are shared too."""
    monkeypatch.setattr(work, "LEAST_SHARED", 0)


def assert_sharing_changes_nothing(
    graph: Graph, inputs: dict[str, Array], folder: Path, found: Instructions | None = None
) -> None:
    network = SharedNetwork(graph, folder, host(found))
    expected = vectorized.run(graph, inputs)
    for how, share in {"alone": None, **SHARES}.items():
        for name, array in network.run(inputs, share).items():
            assert_same_tensor(how, name, array, expected[name])


@pytest.mark.parametrize("found", available(), ids=lambda found: found.value)
def test_every_op(found: Instructions, tmp_path: Path) -> None:
    image = np.random.default_rng(5).normal(0, 16, (1, 4, 4, 2)).astype(np.float32)
    assert_sharing_changes_nothing(every_op(), {"image": image}, tmp_path, found)


@pytest.mark.parametrize("found", available()[:1], ids=lambda found: found.value)
@pytest.mark.parametrize("name", SHAPES)
def test_convolutions(name: str, found: Instructions, tmp_path: Path) -> None:
    graph = convolution(SHAPES[name])
    inputs = {"x": random_codes(graph.inputs[0].type)}
    assert_sharing_changes_nothing(graph, inputs, tmp_path, found)


@pytest.mark.slow
@pytest.mark.parametrize("step", STEPS)
@settings(deadline=None, max_examples=5, suppress_health_check=CHECKS)
@given(data=st.data())
def test_random_graphs(
    step: str, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    case = data.draw(cases(step, most_steps=3))
    floats = [array for array in case.inputs.values() if array.dtype == np.float32]
    assume(not any(np.isnan(array.astype(np.float32)).any() for array in floats))
    assume(not unsupported(case.graph))
    folder = tmp_path_factory.mktemp("shared")
    assert_sharing_changes_nothing(case.graph, dict(case.inputs), folder)


def test_tasks_of_a_step_run_at_once(tmp_path: Path) -> None:
    """All threads wait within a task until each of them has one."""
    graph = chain(3, 16)
    inputs = {"x": random_codes(graph.inputs[0].type)}
    network = SharedNetwork(graph, tmp_path, host())
    largest: list[int] = []

    def share(run: RunTasks, count: int) -> None:
        together = threading.Barrier(min(count, 4))
        largest.append(count)

        def part(number: int) -> None:
            together.wait()
            run(count * number // together.parties, count * (number + 1) // together.parties)

        with ThreadPoolExecutor(together.parties) as pool:
            list(pool.map(part, range(together.parties)))

    expected = vectorized.run(graph, inputs)
    for name, array in network.run(inputs, share).items():
        assert_same_tensor("threads", name, array, expected[name])
    assert max(largest) >= 4


def test_every_task_is_needed(tmp_path: Path) -> None:
    """The tests above would see a task that isn't run."""
    graph = chain(2, 16)
    inputs = {"x": random_codes(graph.inputs[0].type)}
    network = SharedNetwork(graph, tmp_path, host())
    expected = network.run(inputs, whole)["y_2"]
    short = network.run(inputs, lambda run, count: run(0, count - 1))["y_2"]
    assert not np.array_equal(short, expected)


def test_small_steps_are_left_to_the_caller(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work, "LEAST_SHARED", 1 << 40)
    graph = chain(2, 16)
    inputs = {"x": random_codes(graph.inputs[0].type)}
    counts: list[int] = []
    SharedNetwork(graph, tmp_path, host()).run(inputs, lambda run, count: counts.append(count))
    assert counts == []


@each_machine
def test_the_object_defines_its_entries_alone(instructions: Instructions, tmp_path: Path) -> None:
    artifact = write_artifact(every_op(), "every_op", tmp_path, host(instructions), threads=2)
    found = symbols(artifact.object)
    assert found.defined == {"every_op_run", "every_op_run_parallel"}
    assert found.undefined <= {"memcpy", "memset"}


def test_one_thread_makes_a_plain_object(tmp_path: Path) -> None:
    artifact = write_artifact(fixed_graph(BORDERS), "pixels", tmp_path, host())
    assert artifact.pool is None
    assert "pixels_run_parallel" not in artifact.header.read_text()


@pytest.mark.parametrize("threads", [-1, 0, 257])
def test_a_number_of_threads_without_sense(threads: int, tmp_path: Path) -> None:
    with pytest.raises(InvalidOption, match=f"threads {threads}: no such number of threads"):
        write_artifact(fixed_graph(BORDERS), "pixels", tmp_path, host(), threads=threads)


POOL_TEST = """
#include <stdio.h>
#include "net.h"

static int32_t hits[5000];

static void hit(void *context, int32_t first, int32_t last) {
    for (int32_t i = first; i < last; i++) ((int32_t *)context)[i]++;
}

int main(void) {
    static const int32_t threads[] = {-3, 1, 2, 3, 16};
    static const int32_t counts[] = {0, 1, 2, 7, 5000};
    for (int t = 0; t < 5; t++) {
        net_threads *pool = net_threads_start(threads[t]);
        if (!pool) return 1;
        for (int round = 0; round < 200; round++) {
            int32_t count = counts[round % 5];
            for (int32_t i = 0; i < 5000; i++) hits[i] = 0;
            net_threads_for(pool, hit, hits, count);
            for (int32_t i = 0; i < 5000; i++) {
                if (hits[i] != (i < count)) return 2;
            }
        }
        net_threads_stop(pool);
    }
    net_threads_stop(0);
    return 0;
}
"""


@needs_c
@pytest.mark.parametrize("sanitizer", ["address,undefined", "thread"])
def test_the_pool_runs_each_task_once(sanitizer: str, tmp_path: Path) -> None:
    write_artifact(fixed_graph(BORDERS), "net", tmp_path, host(), threads=2)
    (tmp_path / "test.c").write_text(POOL_TEST)
    command = ["cc", "-std=c11", "-Wall", "-Wextra", "-Werror", "-pedantic", "-pthread"]
    command += [f"-fsanitize={sanitizer}", "test.c", "net_threads.c", "-o", "test"]
    subprocess.run(command, cwd=tmp_path, check=True)
    ended = subprocess.run(["./test"], cwd=tmp_path, capture_output=True, text=True)
    assert (ended.returncode, ended.stderr) == (0, "")


@needs_c
@pytest.mark.parametrize("threads", [2, 5, 64])
def test_the_example_prints_the_same(threads: int, tmp_path: Path) -> None:
    """More threads than rows of any tensor too."""
    shown: list[str] = []
    x = random_codes(interface(every_op(), Borders.CODES).inputs[0].type)
    for number in (1, threads):
        folder = tmp_path / str(number)
        artifact = write_artifact(every_op(), "net", folder, host(), threads=number)
        x.tofile(folder / "x.bin")
        sources = [file.name for file in artifact.files if file.suffix in (".c", ".o")]
        command = ["cc", "-std=c11", "-Wall", "-Wextra", "-Werror", "-pedantic", *sources]
        subprocess.run([*command, "-pthread", "-o", "program"], cwd=folder, check=True)
        ended = subprocess.run(["./program", "x.bin"], cwd=folder, check=True, capture_output=True)
        shown.append(ended.stdout.decode())
    assert shown[0] == shown[1] != ""
