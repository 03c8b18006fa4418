# SPDX-License-Identifier: Apache-2.0
"""Damaged files: an error of ours, or a valid graph that computes what ONNX Runtime computes."""

import contextlib
import signal
from collections.abc import Generator
from pathlib import Path

import numpy as np
import pytest

from intaglio.commands.models import LoweringOptions, lower_file
from intaglio.compiler.ir.graph import Graph
from intaglio.compiler.ir.types import FLOAT32
from intaglio.compiler.ir.verify import check
from intaglio.compiler.real.onnx_runtime import Array, Session, parse
from intaglio.errors import IntaglioError, InvalidData
from intaglio.simulator import vectorized
from tests.frontends.onnx.fuzzed_models import BASES, damaged_bytes, damaged_model

HANGING = 10
FEW, MANY = 150, 5000
OPTIONS = LoweringOptions(profile="ort-x86-vnni")


class Hangs(BaseException):
    """No error of ours: nothing catches it on the way."""


@contextlib.contextmanager
def in_time() -> Generator[None]:
    def stop(number: int, frame: object) -> None:
        raise Hangs

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(HANGING)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def outcome(path: Path) -> Graph | None:
    """The graph that a file holds, None where it is refused; anything else escapes."""
    with in_time():
        try:
            graph = lower_file(path, OPTIONS)
        except IntaglioError:
            return None
        check(graph)
        return graph


def demand_the_runtimes_result(graph: Graph, data: bytes) -> bool:
    """Where the runtime takes the file too, both compute the same codes.

    A runtime may refuse more than we do, or compute in floating point what overflows.
    """
    try:
        session = Session(parse(data), threads=1)
    except (InvalidData, ValueError):
        return False
    rng = np.random.default_rng(0)
    feeds: dict[str, Array] = {}
    for given in graph.inputs:
        if given.type.element == FLOAT32:
            feeds[given.source] = rng.normal(size=given.type.shape).astype(np.float32) * 3
        else:
            info = given.type.integer
            shape = given.type.shape
            feeds[given.source] = rng.integers(info.minimum, info.maximum, shape).astype(info.dtype)
    try:
        expected = session.run({name: feeds[name] for name in session.input_names})
        found = vectorized.run(graph, {given.name: feeds[given.source] for given in graph.inputs})
    except IntaglioError:
        return False
    for name, array in zip(graph.outputs, expected.values(), strict=True):
        if array.dtype != np.float32:
            np.testing.assert_array_equal(found[name], array)
    return True


def run(base: str, seed: int, path: Path, blindly: bool) -> tuple[int, int]:
    """Damage one file in one way; whether it was taken, and whether results were compared."""
    rng = np.random.default_rng(seed)
    model = BASES[base]()
    if blindly:
        data = damaged_bytes(model.SerializeToString(), rng)
    else:
        data = damaged_model(model, rng).SerializeToString()
    path.write_bytes(data)
    graph = outcome(path)
    if graph is None:
        return 0, 0
    return 1, int(demand_the_runtimes_result(graph, data))


@pytest.mark.parametrize("blindly", [True, False], ids=["bytes", "statements"])
@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize("count", [FEW, pytest.param(MANY // 2, marks=[pytest.mark.slow])], ids=str)
def test_damaged_files(base: str, blindly: bool, count: int, tmp_path: Path) -> None:
    results = [run(base, seed, tmp_path / "m.onnx", blindly) for seed in range(count)]
    taken, compared = (sum(column) for column in zip(*results, strict=True))
    assert 0 < taken < count
    assert 0 < compared


@pytest.mark.parametrize("base", BASES)
def test_the_undamaged_file_is_taken(base: str, tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(BASES[base]().SerializeToString())
    graph = outcome(path)
    assert graph is not None
    assert demand_the_runtimes_result(graph, path.read_bytes())
