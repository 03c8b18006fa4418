# SPDX-License-Identifier: Apache-2.0
"""``intaglio compare``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from intaglio.cli.options import Batch, Datatype, Json, Labels, Preprocessing, Quiet, Shape

if TYPE_CHECKING:
    from intaglio.commands.compare import PeerComparison

PeerName = Literal[
    "onnxruntime", "litert-ref", "litert-opt", "litert", "litert-ref-1.2", "tflm", "qonnx"
]


def compare(
    model: Annotated[
        Path | None, typer.Argument(help="The model that the peer runs.", show_default=False)
    ] = None,
    against: Annotated[
        PeerName | None, typer.Option(help="The runtime that it is held against.")
    ] = None,
    data: Annotated[
        Path | None, typer.Option(help="Samples: .npz, folder or zip (docs/data.md).")
    ] = None,
    random: Annotated[
        int | None, typer.Option(min=1, help="This many random samples; 4 without --data.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the random samples.")] = 0,
    limit: Annotated[
        int | None, typer.Option(min=1, help="At most this many samples of the data.")
    ] = None,
    labels: Labels = None,
    preprocessing: Preprocessing = None,
    profile: Annotated[
        str | None,
        typer.Option(metavar="NAME|FILE", help="Our arithmetic; by default that of the peer."),
    ] = None,
    batch: Batch = None,
    shape: Shape = None,
    datatype: Datatype = None,
    setup: Annotated[
        str | None,
        typer.Option(metavar="PEER|all", help="Make the environment of a peer, and stop."),
    ] = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Run a model in its home runtime and here; exit with 1 where any bit differs."""
    from intaglio.cli.printing import print_facts
    from intaglio.commands.compare import (
        compare_with_peer,
        dataset_samples,
        open_subject,
        random_samples,
        specs,
    )
    from intaglio.commands.data import open_dataset
    from intaglio.commands.models import LoweringOptions, named, parse_datatypes, parse_shapes
    from intaglio.commands.peers.catalog import Peer
    from intaglio.commands.peers.environments import demand
    from intaglio.commands.progress import progress
    from intaglio.errors import InvalidOption
    from intaglio.numerics.profile import load_profile

    if setup is not None:
        _set_up(setup, quiet)
        return
    if model is None or against is None:
        raise typer.BadParameter("give a MODEL and --against PEER, or --setup PEER alone")
    if data is not None and random is not None:
        raise InvalidOption("--random", random, "--data gives the samples", "leave one out")
    peer = Peer(against)
    demand(peer)
    arithmetic = load_profile(profile or peer.about.profile)
    options = LoweringOptions(
        None, batch, parse_shapes(shape or ()), parse_datatypes(datatype or ())
    )
    subject = open_subject(model, peer, options)
    if data is None:
        samples = random_samples(subject, random or 4, seed)
    else:
        dataset = open_dataset(
            data,
            inputs=specs(subject),
            labels=labels,
            preprocessing=preprocessing,
            limit=limit,
        )
        samples = dataset_samples(subject, dataset)
    with named(model):
        found = compare_with_peer(
            subject, peer, arithmetic, samples, lambda label: progress(label, quiet=quiet)
        )
    if as_json:
        print_facts(comparison_facts(found), "", as_json=True)
    else:
        print_comparison(found)
    if found.divergences:
        raise typer.Exit(1)


def comparison_facts(found: "PeerComparison") -> dict[str, Any]:
    """The result as JSON has it."""
    from dataclasses import asdict

    return {**asdict(found), "equal": not found.divergences}


def print_comparison(found: "PeerComparison") -> None:
    """Two lines where all is equal; else the first divergence, and how many follow."""
    from intaglio.commands.tables import print_pairs

    who = f"{found.program} ({found.kernels})"
    counts = f"{_count(found.values, 'value')}, {_count(found.samples, 'sample')}"
    if not found.divergences:
        print(f"{found.model} under {found.profile} equals {who} on every bit")
        print(f"{_count(found.tensors, 'tensor')}, {counts}")
        return
    first = found.divergences[0]
    pairs = {
        "tensor": first.tensor,
        "op": first.op + (f", {first.node}" if first.node else ""),
        "where": f"sample {first.sample}, index {list(first.index)}",
        "ours": first.ours,
        found.peer: first.theirs,
        "differ": f"{first.differing:,} of its {_count(first.values, 'value')}",
        "explained by": _explanation(found),
    }
    print(f"{found.model} under {found.profile} differs from {who}")
    print_pairs("the first tensor that differs", pairs)
    print(f"differing tensors: {len(found.divergences)} of {found.tensors}; {counts}")


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _explanation(found: "PeerComparison") -> str:
    first = found.divergences[0]
    if not first.alone:
        return "no step alone: the runtime computes across steps in the whole model"
    if first.real and not first.explained_by:
        return "its float32 function behind the last integers, which are equal"
    return ", ".join(first.explained_by) or "no other profile"


def _set_up(name: str, quiet: bool) -> None:
    from intaglio.commands.peers.catalog import environments_named
    from intaglio.commands.peers.environments import folder_of, set_up
    from intaglio.commands.progress import working

    for environment in environments_named(name):
        with working(quiet=quiet) as say:
            made = set_up(environment, say)
        print(f"{environment.value}: {'made' if made else 'is there'}, {folder_of(environment)}")
