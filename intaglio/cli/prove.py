# SPDX-License-Identifier: Apache-2.0
"""``intaglio prove``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from intaglio.cli.options import Batch, Json, Profile, Shape

if TYPE_CHECKING:
    from intaglio.commands.prove.proving import Proof


def prove(
    model: Annotated[
        Path,
        typer.Argument(
            help="An .intaglio file, quantized ONNX or .tflite; to check, an .intaglio file.",
            show_default=False,
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="The certificate to write.", show_default=False),
    ] = None,
    check: Annotated[
        Path | None,
        typer.Option(
            metavar="CERTIFICATE",
            help="Prove nothing, but check this certificate against the model.",
        ),
    ] = None,
    profile: Profile = None,
    batch: Batch = None,
    shape: Shape = None,
    as_json: Json = False,
) -> None:
    """Prove which bits accumulators and multipliers need, whatever the input."""
    from intaglio.commands.models import LoweringOptions, parse_shapes
    from intaglio.commands.prove.proving import prove_file

    options = LoweringOptions(profile, batch, parse_shapes(shape or ()))
    if check is not None:
        _check(check, model, options.given or ("--output" if output else None), as_json)
        return
    proof = prove_file(model, options, output)
    if as_json:
        _print_json(proof, output)
    else:
        _print_table(proof, output)


def _check(certificate: Path, model: Path, given: str | None, as_json: bool) -> None:
    from intaglio.cli.printing import print_facts
    from intaglio.commands.prove.proving import check_file
    from intaglio.errors import InvalidOption

    if given is not None:
        raise InvalidOption(
            given, "(given)", "a certificate is checked, not made", "leave out --check or this"
        )
    wrong = check_file(certificate, model)
    facts = {"certificate": str(certificate), "model": str(model), "holds": not wrong, "why": wrong}
    sentence = "it holds" if wrong is None else f"refused, {wrong}"
    print_facts(facts, f"{certificate}: {sentence}", as_json=as_json)
    if wrong is not None:
        raise typer.Exit(1)


def _print_json(proof: "Proof", output: Path | None) -> None:
    import json

    from intaglio.commands.prove.table import notes, rows

    facts = {
        "name": proof.graph.name,
        "profile": proof.graph.profile,
        "certificate": None if output is None else str(output),
        "layers": rows(proof),
        "notes": notes(proof),
    }
    print(json.dumps(facts, indent=2))


def _print_table(proof: "Proof", output: Path | None) -> None:
    from intaglio.commands.prove.table import LEGEND, notes, proof_table
    from intaglio.commands.tables import print_table

    print_table(proof_table(proof))
    print(LEGEND)
    for note in notes(proof):
        print(note)
    if output is not None:
        print(f"{output}: certificate of {len(proof.sums)} sums")
