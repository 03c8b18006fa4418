# SPDX-License-Identifier: Apache-2.0
"""A sweep from settings to files: plan, quantize the data once, run, mark, write."""

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from intaglio.commands.batches import batch_of, graph_specs
from intaglio.commands.data import Dataset, open_dataset
from intaglio.commands.output_files import whole_file
from intaglio.commands.progress import StepReport
from intaglio.commands.sweep.chunk_runs import Run, chunks_of
from intaglio.commands.sweep.crews import Worker, local_crew, require_workers
from intaglio.commands.sweep.encoding import EncodedData, encode
from intaglio.commands.sweep.picture import pareto_picture
from intaglio.commands.sweep.plan import Plan, make_plan, runs_of
from intaglio.commands.sweep.report import to_csv, to_json
from intaglio.commands.sweep.result import Row, SweepResult
from intaglio.commands.sweep.scheduling import run_all
from intaglio.commands.sweep.settings import Axis, Setting, axes_of, span
from intaglio.commands.sweep.store import Store, inputs_folder, opened_store
from intaglio.commands.sweep.subjects import Arithmetic, Source
from intaglio.commands.sweep.tally import Tally
from intaglio.compiler.ir.graph import Graph

CHUNK_SAMPLES = 10
"""What an interruption may lose, for each worker."""
_NAME_LETTERS = 12


@dataclass(frozen=True, slots=True)
class SweepData:
    """What is measured on: as in ``simulate``."""

    path: Path
    labels: Path | None = None
    preprocessing: str | None = None
    limit: int | None = None

    def opened(self, graph: Graph) -> Dataset:
        """The data set as a graph takes it.

        Raises:
            InvalidData: it doesn't fit the graph.
            InvalidFile: it can't be read.
        """
        return open_dataset(
            self.path,
            inputs=graph_specs(graph),
            labels=self.labels,
            preprocessing=self.preprocessing,
            limit=self.limit,
        )


@dataclass(frozen=True, slots=True)
class SweepRequest:
    """What a user asks for.

    Attributes:
        model: a quantized model, or a float one.
        source: makes scaled graphs of it.
        arithmetic: what is changed, and what the reference is.
        axes: what varies.
        listed: settings from a file; each is combined with every point of the axes.
        data: what is measured on.
        points: how many points of top-1 may be lost.
        count_ordered: whether overflows of sums whose order matters are counted too.
    """

    model: Path
    source: Source
    arithmetic: Arithmetic
    axes: tuple[Axis, ...]
    listed: tuple[Setting, ...]
    data: SweepData
    points: Fraction
    count_ordered: bool = False


@dataclass(frozen=True, slots=True)
class Labour:
    """Who works.

    Attributes:
        workers: processes; 0 for this one alone; of a Ray cluster, None for one a processor.
        ray: the cluster's address, or ``local``; None for processes of this machine.
    """

    workers: int | None
    ray: str | None = None

    def check(self) -> None:
        """Refuse what can't work, before anything does.

        Raises:
            InvalidOption: there is no such number of workers, or Ray isn't installed.
        """
        if self.workers is not None:
            require_workers(self.workers, 0 if self.ray is None else 1)
        if self.ray is not None:
            from intaglio.commands.sweep.ray_crew import load_ray

            load_ray()


def sweep(request: SweepRequest, folder: Path, labour: Labour, report: StepReport) -> SweepResult:
    """Run a sweep, or go on with an interrupted one, and write its files.

    ``sweep.csv``, ``sweep.json`` and ``pareto.svg`` are the same bytes whoever worked and however
    often it was interrupted.

    Args:
        request: what is asked for.
        folder: a new one, or that of an earlier sweep, whose results are used again.
        labour: who works.
        report: called with what is being done, how much of it is done, and of how much.

    Raises:
        InvalidData: the data doesn't fit the model.
        InvalidFile: a file can't be read or written.
        InvalidOption: a setting sets what there isn't, or an option doesn't fit.
        InvalidProfile: a setting's value isn't one of its field's.
        UnsupportedModel: no setting has an arithmetic for the model.
    """
    labour.check()
    settings = span(request.axes, request.listed)
    with opened_store(folder) as store:
        plan = make_plan(request.model, request.source, request.arithmetic, settings, report)
        data = _encoded(request, plan, inputs_folder(folder), report)
        size = _chunk_samples(plan)
        planned = runs_of(plan, data, size, count_ordered=request.count_ordered)
        totals = _run(planned, data, size, store, labour, report)
        runs = dict(zip(plan.graphs, (run.key for run in planned), strict=True))
        result = _result(request, plan, totals, runs)
        for name, text in (
            ("sweep.csv", to_csv(result)),
            ("sweep.json", to_json(result)),
            ("pareto.svg", pareto_picture(result)),
        ):
            with whole_file(folder / name) as partial:
                partial.write_text(text, encoding="utf-8", newline="")
    return result


def _encoded(
    request: SweepRequest, plan: Plan, folder: Path, report: StepReport
) -> dict[str, EncodedData]:
    heads = plan.heads
    dataset = request.data.opened(next(iter(heads.values())))
    return encode(
        heads, dataset, folder, lambda done, total: report("quantizing inputs", done, total)
    )


def _chunk_samples(plan: Plan) -> int:
    """Whole batches."""
    batch = batch_of(plan.graphs[plan.reference_run].core)
    return -(-CHUNK_SAMPLES // batch) * batch


def _run(
    runs: Sequence[Run],
    data: Mapping[str, EncodedData],
    size: int,
    store: Store,
    labour: Labour,
    report: StepReport,
) -> dict[str, Tally]:
    """The counts by run."""
    chunks = chunks_of(next(iter(data.values())).samples, size)
    with _crew(labour, data, len(runs) * len(chunks)) as crew:
        return run_all(
            runs, chunks, crew, store, lambda done, total: report("simulating", done, total)
        )


@contextmanager
def _crew(
    labour: Labour, data: Mapping[str, EncodedData], most: int
) -> Generator[Sequence[Worker], None, None]:
    if labour.ray is None:
        with local_crew(min(labour.workers or 0, most), data) as crew:
            yield crew
        return
    from intaglio.commands.sweep.ray_crew import ray_crew

    with ray_crew(labour.ray, labour.workers, data) as crew:
        yield crew


def _result(
    request: SweepRequest, plan: Plan, totals: Mapping[str, Tally], runs: Mapping[str, str]
) -> SweepResult:
    rows = tuple(
        Row(
            planned.setting,
            planned.graph[:_NAME_LETTERS],
            planned.graph == plan.reference,
            None if planned.refused else totals[runs[planned.run]],
            planned.refused,
        )
        for planned in plan.settings
    )
    return SweepResult(
        plan.name,
        request.arithmetic.hardware,
        axes_of(request.axes, request.listed),
        request.arithmetic.reference,
        totals[runs[plan.reference_run]],
        rows,
        len(plan.graphs),
        request.points,
    )
