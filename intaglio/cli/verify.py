# SPDX-License-Identifier: Apache-2.0
"""``intaglio verify``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from intaglio.cli.options import Batch, Json, Labels, Preprocessing, Profile, Quiet, Shape

if TYPE_CHECKING:
    from intaglio.commands.verify import Verification


def verify(
    model: Annotated[
        Path,
        typer.Argument(help="An .intaglio file, quantized ONNX or .tflite.", show_default=False),
    ],
    target: Annotated[
        list[str],
        typer.Option(help="A target of `compile`, or all; repeat it for several."),
    ],
    data: Annotated[
        Path | None,
        typer.Option(
            help="Samples: .npz, folder or zip (docs/data.md); by default random codes.",
            show_default=False,
        ),
    ] = None,
    samples: Annotated[int, typer.Option(min=1, help="At most this many samples.")] = 10,
    seed: Annotated[int, typer.Option(min=0, help="Of random codes.")] = 0,
    labels: Labels = None,
    preprocessing: Preprocessing = None,
    trace: Annotated[
        bool, typer.Option("--trace", help="Compare every tensor, not the outputs alone.")
    ] = False,
    count: Annotated[
        bool, typer.Option(help="Count instructions and watch accesses to memory, for one run.")
    ] = True,
    profile: Profile = None,
    batch: Batch = None,
    shape: Shape = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Run a compiled model on an emulated processor; exit with 1 where a bit differs."""
    from intaglio.cli.printing import print_facts
    from intaglio.commands.batches import graph_specs
    from intaglio.commands.data import open_dataset
    from intaglio.commands.models import LoweringOptions, named, open_fixed, parse_shapes
    from intaglio.commands.progress import steps
    from intaglio.commands.verify import (
        Options,
        dataset_feeds,
        parse_targets,
        random_feeds,
    )
    from intaglio.commands.verify import verify as hold_against_the_simulator
    from intaglio.commands.verify.report import facts

    targets = parse_targets(target)
    graph = open_fixed(model, LoweringOptions(profile, batch, parse_shapes(shape or ())))
    if data is None:
        feeds = random_feeds(graph, samples, seed)
    else:
        dataset = open_dataset(
            data,
            inputs=graph_specs(graph),
            labels=labels,
            preprocessing=preprocessing,
            limit=samples,
        )
        feeds = dataset_feeds(graph, dataset, str(data))
    if not as_json:
        print(f"{graph.name}, profile {graph.profile}: {feeds.source}")
    found: list[Verification] = []
    for each in targets:
        with named(model), steps(quiet=quiet) as report:
            result = hold_against_the_simulator(graph, each, feeds, Options(trace, count), report)
        found.append(result)
        if not as_json:
            print_verification(result)
    if as_json:
        about = {
            "graph": graph.name,
            "profile": graph.profile,
            "samples": feeds.samples,
            "source": feeds.source,
            "random": feeds.random,
            "trace": trace,
        }
        print_facts(about | {"targets": list(map(facts, found))}, "", as_json=True)
    if not all(result.agrees for result in found):
        raise typer.Exit(1)


def print_verification(found: "Verification") -> None:
    """The table of layers, where they were counted, and what was found."""
    from intaglio.commands.tables import print_table
    from intaglio.commands.verify.report import layers_table, sentences

    if found.count is not None and found.count.layers:
        print_table(layers_table(found, found.count))
    for sentence in sentences(found):
        print(sentence)
