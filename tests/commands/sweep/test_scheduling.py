# SPDX-License-Identifier: Apache-2.0
"""Any workers, any interruption: each chunk once, the reference first, the same counts."""

from collections.abc import Sequence
from concurrent.futures import Future
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from intaglio.commands.sweep.chunk_runs import Chunk, Outcome, Run, chunks_of
from intaglio.commands.sweep.cutting import cut
from intaglio.commands.sweep.outputs import Output, Outputs
from intaglio.commands.sweep.scheduling import run_all
from intaglio.commands.sweep.store import Store, opened_store, require_sweep_folder
from intaglio.commands.sweep.tally import Tally
from intaglio.errors import InvalidFile
from tests.commands.sweep.graphs import net

PARTS = cut(net())
RUNS = tuple(
    Run(key, PARTS.core, PARTS.outputs, "head", reference=key == "reference")
    for key in ("reference", "first", "second")
)
CHUNKS = chunks_of(45, 10)


class Interrupted(Exception):
    pass


class Worker:
    """Counts what it is asked, and is interrupted after so many chunks."""

    def __init__(self, done: list[tuple[str, int]], last: int | None = None) -> None:
        self.ready: str | None = None
        self._done = done
        self._last = last

    def submit(self, run: Run, chunk: Chunk, expected: Outputs | None) -> "Future[Outcome]":
        if self._last is not None and len(self._done) >= self._last:
            raise Interrupted
        self.ready = run.key
        self._done.append((run.key, chunk.number))
        if expected is not None:
            assert expected[0].value[0, 0] == chunk.number
        finished: Future[Outcome] = Future()
        finished.set_result(outcome(run, chunk))
        return finished


def outcome(run: Run, chunk: Chunk) -> Outcome:
    samples = chunk.last - chunk.first
    tally = Tally(samples=samples, correct=len(run.key) * (chunk.number + 1))
    if not run.reference:
        return Outcome(tally, None)
    values = np.full((samples, 2), chunk.number, np.float32)
    return Outcome(tally, (Output(values, values.astype(np.int8), PARTS.outputs[0].meaning, 8),))


def quiet(done: int, total: int | None) -> None:
    assert total is not None
    assert total == len(RUNS) * len(CHUNKS) >= done >= 0


def run(folder: Path, crew: Sequence[Worker]) -> dict[str, Tally]:
    with opened_store(folder) as store:
        return run_all(RUNS, CHUNKS, crew, store, quiet)


EXPECTED = {
    each.key: sum((outcome(each, chunk).tally for chunk in CHUNKS), Tally()) for each in RUNS
}


@given(st.lists(st.integers(0, 16), max_size=4), st.integers(1, 4))
@settings(max_examples=20, deadline=None)
def test_interrupted_anywhere_each_chunk_is_done_once(
    tmp_path_factory: pytest.TempPathFactory, stops: list[int], workers: int
) -> None:
    folder = tmp_path_factory.mktemp("sweep") / "out"
    kept: list[tuple[str, int]] = []
    for stop in sorted(stops):
        if stop >= len(RUNS) * len(CHUNKS):
            break
        done: list[tuple[str, int]] = []
        with pytest.raises(Interrupted):
            run(folder, [Worker(done, stop - len(kept)) for _ in range(workers)])
        # Chunks that were under way when another worker was interrupted are lost.
        with opened_store(folder) as store:
            kept += [(key, number) for key, number in done if stored(store, key, number)]
    again: list[tuple[str, int]] = []
    assert run(folder, [Worker(again) for _ in range(workers)]) == EXPECTED
    assert len(set(again)) == len(again)
    assert set(again) | set(kept) == {(each.key, c.number) for each in RUNS for c in CHUNKS}
    assert not set(again) & set(kept)
    assert run(folder, []) == EXPECTED


def stored(store: Store, key: str, number: int) -> bool:
    return store.finished(key) is not None or store.chunk(key, number) is not None


def test_damaged_results_are_done_again(tmp_path: Path) -> None:
    run(tmp_path / "out", [Worker([])])
    (tmp_path / "out" / "runs" / "first.json").write_text('{"samples": 45')
    (tmp_path / "out" / "reference" / "reference" / "00002.npz").write_bytes(b"PK\x03\x04")
    again: list[tuple[str, int]] = []
    assert run(tmp_path / "out", [Worker(again)]) == EXPECTED
    assert {key for key, _ in again} == {"reference", "first"}


@pytest.mark.parametrize("names", [("other",), ("value0", "code0")])
def test_outputs_of_the_reference_that_are_lost_or_of_another_shape_are_made_again(
    tmp_path: Path, names: tuple[str, ...]
) -> None:
    done: list[tuple[str, int]] = []
    with pytest.raises(Interrupted):
        run(tmp_path / "out", [Worker(done, 4)])
    kept = {("reference", number) for number in range(4)}
    assert set(done) == kept
    outputs = tmp_path / "out" / "reference" / "reference"
    (outputs / "00001.npz").unlink()
    arrays = {name: np.zeros((3, 2), np.float32) for name in names}
    np.savez(outputs / "00002.npz", allow_pickle=False, **arrays)
    again: list[tuple[str, int]] = []
    assert run(tmp_path / "out", [Worker(again)]) == EXPECTED
    assert set(again) & kept == {("reference", 1), ("reference", 2)}


def test_a_worker_stays_with_its_run_and_takes_a_new_one_before_it_joins_another(
    tmp_path: Path,
) -> None:
    done: list[tuple[str, int]] = []
    run(tmp_path / "out", [Worker(done)])
    assert [key for key, _ in done] == sorted(
        (key for key, _ in done), key=["reference", "first", "second"].index
    )


def test_one_sweep_at_a_time_and_only_in_a_folder_of_its_own(tmp_path: Path) -> None:
    with opened_store(tmp_path / "out"), pytest.raises(InvalidFile, match="another sweep"):
        opened_store(tmp_path / "out").__enter__()
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.tex").touch()
    with pytest.raises(InvalidFile, match=r"thesis\.tex"):
        require_sweep_folder(tmp_path / "other")
    with pytest.raises(InvalidFile, match="it is a file"):
        require_sweep_folder(tmp_path / "other" / "thesis.tex")
    with pytest.raises(InvalidFile, match="no folder"):
        require_sweep_folder(tmp_path / "a" / "b")


def test_what_was_left_half_written_is_removed(tmp_path: Path) -> None:
    run(tmp_path / "out", [Worker([])])
    partial = tmp_path / "out" / "runs" / ".first.json.0123.partial"
    partial.write_text("{")
    assert run(tmp_path / "out", []) == EXPECTED
    assert not partial.exists()
