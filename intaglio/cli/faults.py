# SPDX-License-Identifier: Apache-2.0
"""``intaglio faults``."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from intaglio.cli.options import Batch, Json, Labels, Preprocessing, Profile, Quiet, Shape


def faults(
    model: Annotated[
        Path,
        typer.Argument(help="An .intaglio file, quantized ONNX or .tflite.", show_default=False),
    ],
    data: Annotated[Path, typer.Option(help="Samples: .npz, folder or zip (docs/data.md).")],
    labels: Labels = None,
    preprocessing: Preprocessing = None,
    samples: Annotated[int, typer.Option(min=1, help="How many; each meets every fault.")] = 8,
    storage: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KIND",
            help="Where bits change: weights, biases, tables, multipliers, constants, activations "
            "or accumulators; more than once for several; by default everywhere.",
        ),
    ] = None,
    model_of: Annotated[
        Literal["flip", "burst", "stuck-at-0", "stuck-at-1"],
        typer.Option("--fault-model", help="What happens to bits."),
    ] = "flip",
    width: Annotated[
        int, typer.Option("--burst-width", min=2, help="Neighbouring bits of a burst.")
    ] = 2,
    count: Annotated[
        int, typer.Option("--count", min=1, help="Faults of each kind of storage.")
    ] = 100,
    seed: Annotated[int, typer.Option(help="Of the list of faults.")] = 0,
    given: Annotated[
        Path | None,
        typer.Option("--list", help="Inject the faults of this CSV file.", show_default=False),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="A new folder for the lists and the outcomes.",
            show_default=False,
        ),
    ] = None,
    cache: Annotated[
        Path | None,
        typer.Option(
            help="A folder that keeps what is done, to go on after an interruption.",
            show_default=False,
        ),
    ] = None,
    ranking: Annotated[int, typer.Option(min=0, help="How many critical bits to show.")] = 15,
    profile: Profile = None,
    batch: Batch = None,
    shape: Shape = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Inject bit faults at integer storage, one at a time: what shows, which bits are critical."""
    import json

    from intaglio.commands.batches import graph_specs
    from intaglio.commands.data import open_dataset
    from intaglio.commands.faults import CampaignOptions, read_list, run_campaign
    from intaglio.commands.faults.kinds import parse_storages
    from intaglio.commands.faults.report import (
        campaign_facts,
        ranking_table,
        storage_table,
        write_campaign,
    )
    from intaglio.commands.models import LoweringOptions, open_fixed, parse_shapes
    from intaglio.commands.output_files import require_free_folder
    from intaglio.commands.progress import progress
    from intaglio.commands.tables import print_table
    from intaglio.simulator.faults import FaultModel, sample_faults

    if output is not None:
        require_free_folder(output)
    graph = open_fixed(model, LoweringOptions(profile, batch, parse_shapes(shape or ())))
    dataset = open_dataset(
        data,
        inputs=graph_specs(graph),
        labels=labels,
        preprocessing=preprocessing,
        limit=samples,
    )
    if given is not None:
        chosen = read_list(graph, given)
    else:
        kinds = parse_storages(storage or ())
        model_word = FaultModel(model_of)
        bits = width if model_word is FaultModel.BURST else 1
        chosen = sample_faults(graph, kinds, model_word, count, seed, bits)
    with progress("injecting", quiet=quiet) as report:
        campaign = run_campaign(graph, dataset, chosen, CampaignOptions(cache), report)
    if output is not None:
        write_campaign(graph, campaign, output)
    if as_json:
        print(json.dumps(campaign_facts(graph, campaign), indent=2, ensure_ascii=False))
        return
    print_table(storage_table(campaign))
    if ranking:
        print_table(ranking_table(graph, campaign, ranking))
