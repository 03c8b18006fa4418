# SPDX-License-Identifier: Apache-2.0
"""A program runs many times, is found again in the cache, and refuses what the others refuse."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from intaglio.compiler.ir.graph import Array
from intaglio.errors import InvalidData
from intaglio.simulator import compiled, reference, vectorized
from intaglio.simulator.compiled import Program, cache, loading
from tests.simulator.text_cases import fixed_graph
from tests.simulator.vectorized.networks import chain

BORDERS = """
%x: f32[4] = input
%q: i8[4] = quantize(%x) scale=f32(0.5) zero_point=3 rounding=half-even
%y: f32[4] = dequantize(%q) scale=f32(0.5) zero_point=3
"""


def images(count: int, side: int) -> list[dict[str, Array]]:
    rng = np.random.default_rng(3)
    return [{"x": rng.integers(0, 256, (1, side, side, 8), dtype=np.uint8)} for _ in range(count)]


def test_one_program_serves_many_threads() -> None:
    graph, inputs = chain(6, 32), images(40, 32)
    program, definition = Program(graph), vectorized.Program(graph)
    expected = [definition.run(given)["y_6"] for given in inputs]
    with ThreadPoolExecutor(4) as pool:
        found = [outputs["y_6"] for outputs in pool.map(program.run, inputs)]
    np.testing.assert_array_equal(found, expected)


def test_a_result_outlives_the_next_run() -> None:
    program, (given, other) = Program(chain(3, 16)), images(2, 16)
    first = program.run(given)["y_3"]
    kept = first.copy()
    program.run(other)
    np.testing.assert_array_equal(first, kept)


def test_constants_and_inputs_may_be_outputs() -> None:
    graph = fixed_graph(
        """
        %x: u8[2] = input
        %k: u8[2] = constant [3, 4]
        %y: u9[2] = add(%x, %k)
        """
    )
    outputs = Program(replace(graph, outputs=("k", "y", "x"))).run({"x": np.array([1, 2])})
    found = {name: array.tolist() for name, array in outputs.items()}
    assert found == {"k": [3, 4], "y": [4, 6], "x": [1, 2]}


def test_inputs_may_lie_anyhow_in_memory() -> None:
    program = Program(chain(2, 16))
    (given,) = images(1, 16)
    turned = np.asfortranarray(given["x"])
    np.testing.assert_array_equal(program.run({"x": turned})["y_2"], program.run(given)["y_2"])


@pytest.mark.parametrize("engine", [reference, vectorized, compiled])
def test_a_nan_is_refused(engine: object) -> None:
    x = np.array([1, 2, np.nan, 3], np.float32)
    with pytest.raises(InvalidData, match=r"value q: found NaN where it is quantized"):
        getattr(engine, "run")(fixed_graph(BORDERS), {"x": x})  # noqa: B009


def test_an_object_is_compiled_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("INTAGLIO_CACHE", str(tmp_path))
    (given,) = images(1, 16)
    expected = Program(chain(2, 16)).run(given)["y_2"]
    monkeypatch.setattr(loading, "_compile", None)
    np.testing.assert_array_equal(Program(chain(2, 16)).run(given)["y_2"], expected)


def test_a_cached_object_runs_without_the_compiler() -> None:
    program = (
        "import sys, numpy as np\n"
        "from tests.simulator.vectorized.networks import chain\n"
        "from intaglio.simulator.compiled import Program\n"
        "Program(chain(2, 16)).run({'x': np.zeros((1, 16, 16, 8), np.uint8)})\n"
        "print('tvm' in sys.modules)\n"
    )
    shown = [
        subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
        for _ in range(2)
    ]
    assert shown[1].stdout == "False\n"


def test_other_graphs_and_machines_have_other_keys() -> None:
    first, longer = chain(2, 16), chain(3, 16)
    keys = {cache.key(first, "a"), cache.key(longer, "a"), cache.key(first, "b")}
    assert len(keys) == 3


def test_without_a_linker_the_jit_runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("INTAGLIO_CACHE", str(tmp_path))
    monkeypatch.setattr(loading, "_LINKERS", ())
    (given,) = images(1, 16)
    graph = chain(3, 16)
    expected = vectorized.run(graph, given)["y_3"]
    for _ in range(2):
        np.testing.assert_array_equal(compiled.run(graph, given)["y_3"], expected)
    assert [file.suffix for file in tmp_path.rglob("network.*")] == [".ll"]
