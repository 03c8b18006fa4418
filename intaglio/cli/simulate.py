# SPDX-License-Identifier: Apache-2.0
"""``intaglio simulate``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from intaglio.cli.options import (
    Batch,
    Json,
    Labels,
    Preprocessing,
    Profile,
    Quiet,
    Shape,
    Threads,
    Workers,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from intaglio.commands.engines import Comparison
    from intaglio.commands.simulate import SimulationResult
    from intaglio.commands.statistics import LayerStatistics

Engine = Literal["compiled", "vectorized", "reference"]


def simulate(
    model: Annotated[
        Path,
        typer.Argument(help="An .intaglio file, quantized ONNX or .tflite.", show_default=False),
    ],
    data: Annotated[Path, typer.Option(help="Samples: .npz, folder or zip (docs/data.md).")],
    labels: Labels = None,
    preprocessing: Preprocessing = None,
    engine: Annotated[
        Engine | None,
        typer.Option(
            help="Machine code, whole arrays, or the definition in plain integers; by default "
            "compiled, and vectorized for what that can't run."
        ),
    ] = None,
    against: Annotated[
        Engine | None,
        typer.Option(help="Run this engine too and demand the same bits of every tensor."),
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="At most this many samples.")] = None,
    skip: Annotated[int, typer.Option(min=0, help="Leave out this many samples first.")] = 0,
    threads: Threads = 2,
    workers: Workers = 0,
    save: Annotated[
        Path | None, typer.Option(help="Write all outputs to this .npz.", show_default=False)
    ] = None,
    statistics: Annotated[
        bool,
        typer.Option("--statistics", help="Count what overflows and is cut off, by layer."),
    ] = False,
    accumulator_bits: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=64,
            help="Measure headroom against this width; by default what the profile declares, or "
            "the types of an .intaglio file.",
        ),
    ] = None,
    svg: Annotated[
        Path | None,
        typer.Option(help="Draw the headroom of all sums to this file.", show_default=False),
    ] = None,
    profile: Profile = None,
    batch: Batch = None,
    shape: Shape = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Run a model over data to the last bit; exit with 1 where two engines differ."""
    from intaglio.cli.printing import print_facts
    from intaglio.commands.batches import graph_specs
    from intaglio.commands.data import open_dataset
    from intaglio.commands.engines import EngineName, fastest_engine
    from intaglio.commands.models import LoweringOptions, open_fixed, parse_shapes
    from intaglio.commands.output_files import require_writable, whole_file
    from intaglio.commands.parallel_runs import Engines
    from intaglio.commands.progress import progress
    from intaglio.commands.simulate import simulate_dataset
    from intaglio.commands.statistics import DeclaredWidths, headroom_picture, layers
    from intaglio.errors import InvalidOption

    if statistics:
        _require_counting_engine(engine, against)
    else:
        _require_statistics({"--accumulator-bits": accumulator_bits, "--svg": svg})
    if svg is not None:
        require_writable(svg)
    declared = DeclaredWidths()
    options = LoweringOptions(profile, batch, parse_shapes(shape or ()))
    graph = open_fixed(model, options, declared.after)
    chosen = fastest_engine(graph) if engine is None else EngineName(engine)
    if statistics:
        chosen = EngineName.VECTORIZED
    if against == chosen.value:
        raise InvalidOption(
            "--against", against, "it is the engine that runs anyway", "name another one"
        )
    engines = Engines(chosen, None if against is None else EngineName(against))
    dataset = open_dataset(
        data,
        inputs=graph_specs(graph),
        labels=labels,
        preprocessing=preprocessing,
        limit=limit,
        skip=skip,
    )
    with progress("simulating", quiet=quiet) as report:
        result = simulate_dataset(
            graph,
            dataset,
            engines,
            threads=threads,
            workers=workers,
            save=save,
            widths=declared.of(graph, accumulator_bits) if statistics else None,
            progress=report,
        )
    found = () if result.statistics is None else layers(graph, result.statistics)
    if svg is not None:
        with whole_file(svg) as partial:
            title = f"{result.graph}: headroom of {result.samples} samples"
            partial.write_text(headroom_picture(title, found), encoding="utf-8")
    print_facts(simulation_facts(result, found), simulation_text(result), as_json=as_json)
    if not as_json:
        print_statistics(result, found)
    if not result.agrees:
        raise typer.Exit(1)


def _require_counting_engine(engine: Engine | None, against: Engine | None) -> None:
    from intaglio.errors import InvalidOption

    if engine not in (None, "vectorized"):
        raise InvalidOption(
            "--engine", engine, "only the vectorized engine counts", "leave one of the two out"
        )
    if against is not None:
        raise InvalidOption(
            "--against", against, "statistics come from one run", "leave one of the two out"
        )


def _require_statistics(given: dict[str, object]) -> None:
    from intaglio.errors import InvalidOption

    for option, value in given.items():
        if value is not None:
            raise InvalidOption(option, value, "nothing is counted", "add --statistics")


def print_statistics(result: "SimulationResult", found: "Sequence[LayerStatistics]") -> None:
    """The table of layers, and two lines over all of them."""
    from intaglio.commands.statistics import statistics_table, summary
    from intaglio.commands.tables import print_table

    if result.statistics is None:
        return
    print_table(statistics_table(found))
    print(summary(result.statistics))


def simulation_facts(
    result: "SimulationResult", found: "Sequence[LayerStatistics]" = ()
) -> dict[str, Any]:
    """The result as JSON has it."""
    from intaglio.commands.statistics import statistics_facts

    return {
        "graph": result.graph,
        "profile": result.profile,
        "engine": result.engines.engine.value,
        "against": None if result.engines.against is None else result.engines.against.value,
        "samples": result.samples,
        "correct": result.correct,
        "top1": result.top1,
        "seconds": result.seconds,
        "comparison": None if result.comparison is None else comparison_facts(result.comparison),
        "statistics": None
        if result.statistics is None
        else statistics_facts(result.statistics, found),
    }


def comparison_facts(comparison: "Comparison") -> dict[str, Any]:
    """The comparison as JSON has it."""
    first = comparison.first
    return {
        "tensors": comparison.tensors,
        "values": comparison.values,
        "differing": comparison.differing,
        "first": None
        if first is None
        else {
            "run": first.run,
            "tensor": first.tensor,
            "index": list(first.index),
            "found": first.found,
            "expected": first.expected,
        },
    }


def simulation_text(result: "SimulationResult") -> str:
    """The result in a few lines."""
    engines = result.engines
    lines = [
        f"{result.graph}, profile {result.profile}, engine {engines.engine.value}: "
        f"{result.samples} samples in {result.seconds:.1f} s, "
        f"{result.samples / result.seconds:.1f} a second"
    ]
    if result.correct is not None and result.top1 is not None:
        lines.append(f"top-1: {result.correct} of {result.samples}, {100 * result.top1:.2f} %")
    if result.comparison is not None and engines.against is not None:
        names = (engines.engine.value, engines.against.value)
        lines.append(comparison_text(result.comparison, *names))
    return "\n".join(lines)


def comparison_text(comparison: "Comparison", engine: str, against: str) -> str:
    """Whether the engines agree, and if not, where they first differ."""
    tensors, values, first = comparison.tensors, comparison.values, comparison.first
    if first is None:
        return f"{engine} equals {against} on every bit: {tensors} tensors, {values:,} values"
    return (
        f"{engine} differs from {against} on {comparison.differing:,} of {values:,} values; the "
        f"first is %{first.tensor}{list(first.index)} of run {first.run}: {engine} has "
        f"{first.found}, {against} has {first.expected}"
    )
