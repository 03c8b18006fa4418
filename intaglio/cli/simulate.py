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
    from intaglio.commands.engines import Comparison
    from intaglio.commands.simulate import SimulationResult

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
    from intaglio.commands.parallel_runs import Engines
    from intaglio.commands.progress import progress
    from intaglio.commands.simulate import simulate_dataset
    from intaglio.errors import InvalidOption

    graph = open_fixed(model, LoweringOptions(profile, batch, parse_shapes(shape or ())))
    chosen = fastest_engine(graph) if engine is None else EngineName(engine)
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
            progress=report,
        )
    print_facts(simulation_facts(result), simulation_text(result), as_json=as_json)
    if not result.agrees:
        raise typer.Exit(1)


def simulation_facts(result: "SimulationResult") -> dict[str, Any]:
    """The result as JSON has it."""
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
