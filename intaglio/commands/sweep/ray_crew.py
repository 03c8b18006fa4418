# SPDX-License-Identifier: Apache-2.0
"""Workers on a Ray cluster: one actor each; graphs and data go through its object store."""

import os
from collections.abc import Generator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from numpy.typing import NDArray

from intaglio.commands.sweep.chunk_runs import Chunk, ChunkRunner, Outcome, Run
from intaglio.commands.sweep.crews import MAXIMUM_WORKERS, Worker
from intaglio.commands.sweep.encoding import EncodedData
from intaglio.commands.sweep.outputs import Outputs
from intaglio.commands.sweep.plan import engine_version
from intaglio.compiler.ir.graph import Array
from intaglio.errors import IntaglioError, InvalidOption

LOCAL = "local"


class RayWorker:
    """What an actor is."""

    def __init__(self) -> None:
        """Nothing is ready yet."""
        self._runner: ChunkRunner | None = None

    def version(self) -> str:
        """What the cluster's own copy of the engine is."""
        return engine_version()

    def run(
        self,
        run: Run | None,
        rows: Sequence[Array],
        labels: NDArray[Any] | None,
        expected: Outputs | None,
    ) -> Outcome:
        """Run a chunk, of another run if one is sent."""
        if run is not None:
            self._runner = None
            self._runner = ChunkRunner(run)
        if self._runner is None:
            raise RuntimeError("an actor was given no run")
        return self._runner.outcome(rows, labels, expected)


@contextmanager
def ray_crew(
    address: str, workers: int | None, data: Mapping[str, EncodedData]
) -> Generator[Sequence[Worker], None, None]:
    """Actors on the cluster at ``address``; ``local`` starts one on this machine.

    Raises:
        InvalidOption: Ray isn't installed or can't be reached, or has another Intaglio.
    """
    ray = load_ray()
    _connect(ray, address, workers)
    try:
        count = workers or max(1, int(ray.cluster_resources().get("CPU", 1)))
        actor = ray.remote(num_cpus=1)(RayWorker)
        actors = [actor.remote() for _ in range(min(count, MAXIMUM_WORKERS))]
        _require_same_version(ray, address, actors)
        store = _ObjectStore(ray, data)
        yield tuple(_Actor(each, store) for each in actors)
    except (ray.exceptions.RayError, ConnectionError) as error:
        raise InvalidOption(
            "--ray",
            address,
            f"the cluster failed ({' '.join(str(error).split())[:300]})",
            "run the command again: it goes on where it was",
        ) from error
    finally:
        ray.shutdown()


def load_ray() -> Any:
    """The module.

    Raises:
        InvalidOption: it isn't installed.
    """
    # Set before Ray is imported, which reports its use otherwise.
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    # An actor without processors of its own is no reason to hide accelerators from it.
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    try:
        ray: Any = import_module("ray")
        import_module("ray.exceptions")
    except ModuleNotFoundError as error:
        if error.name != "ray":
            raise
        raise InvalidOption(
            "--ray", "(given)", "Ray isn't installed", "run `pip install 'intaglio[sweep]'`"
        ) from None
    return ray


def _connect(ray: Any, address: str, workers: int | None) -> None:
    quiet = {"log_to_driver": False, "logging_level": "error", "configure_logging": False}
    try:
        if address == LOCAL:
            ray.init(address=LOCAL, num_cpus=workers, include_dashboard=False, **quiet)
        else:
            ray.init(address=address, **quiet)
    except (ConnectionError, RuntimeError, ValueError, OSError) as error:
        raise InvalidOption(
            "--ray",
            address,
            f"there is no cluster ({' '.join(str(error).split())[:300]})",
            "give the address that `ray start` printed, or local",
        ) from None


def _require_same_version(ray: Any, address: str, actors: Sequence[Any]) -> None:
    found = set(ray.get([actor.version.remote() for actor in actors]))
    if found != {engine_version()}:
        raise InvalidOption(
            "--ray",
            address,
            "its machines have another version of Intaglio",
            "install the same one everywhere",
        )


@dataclass(slots=True)
class _ObjectStore:
    """What has been put into the cluster's memory, once each; one run is kept for each actor."""

    ray: Any
    data: Mapping[str, EncodedData]
    rows: dict[tuple[str, int], Any] = field(default_factory=dict[tuple[str, int], Any])
    expected: dict[int, Any] = field(default_factory=dict[int, Any])
    runs: dict[str, Any] = field(default_factory=dict[str, Any])

    def rows_of(self, name: str, chunk: Chunk) -> Any:
        key = name, chunk.number
        if key not in self.rows:
            rows = self.data[name].rows(chunk.first, chunk.last)
            self.rows[key] = self.ray.put(rows)
        return self.rows[key]

    def expected_of(self, chunk: Chunk, expected: Outputs | None) -> Any:
        if expected is None:
            return None
        if chunk.number not in self.expected:
            self.expected[chunk.number] = self.ray.put(expected)
        return self.expected[chunk.number]

    def run(self, run: Run) -> Any:
        if run.key not in self.runs:
            self.runs[run.key] = self.ray.put(run.to_travel())
        return self.runs[run.key]


@dataclass(slots=True)
class _Actor:
    actor: Any
    store: _ObjectStore
    ready: str | None = None

    def submit(self, run: Run, chunk: Chunk, expected: Outputs | None) -> "Future[Outcome]":
        sent = None if self.ready == run.key else self.store.run(run)
        self.ready = run.key
        labels = self.store.data[run.data].labels_of(chunk.first, chunk.last)
        reference = self.actor.run.remote(
            sent,
            self.store.rows_of(run.data, chunk),
            labels,
            self.store.expected_of(chunk, expected),
        )
        return _unwrapped(reference.future(), self.store.ray)


def _unwrapped(inner: "Future[Outcome]", ray: Any) -> "Future[Outcome]":
    """The same future with the errors that the actor raised, not Ray's around them."""
    outer: Future[Outcome] = Future()

    def done(finished: "Future[Outcome]") -> None:
        error = finished.exception()
        cause = getattr(error, "cause", None)
        if isinstance(cause, IntaglioError):
            error = cause
        if error is None:
            outer.set_result(finished.result())
        else:
            outer.set_exception(error)

    inner.add_done_callback(done)
    return outer
