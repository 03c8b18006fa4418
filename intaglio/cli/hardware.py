# SPDX-License-Identifier: Apache-2.0
"""``intaglio hardware``."""

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from intaglio.cli.options import Batch, Datatype, Json, Shape


class Action(Enum):
    """What to do with a hardware file."""

    EXPLAIN = "explain"


def hardware(
    action: Annotated[Action, typer.Argument(help="What to do.", show_default=False)],
    profile: Annotated[
        str,
        typer.Argument(
            metavar="FILE|PROFILE",
            help="A hardware file, or a shipped profile.",
            show_default=False,
        ),
    ],
    model: Annotated[
        Path | None, typer.Argument(help="Quantized ONNX or .tflite.", show_default=False)
    ] = None,
    fields: Annotated[
        bool,
        typer.Option(
            "--fields",
            help="Change every field by a step, lower again, and list those without effect; slow.",
        ),
    ] = False,
    batch: Batch = None,
    shape: Shape = None,
    datatype: Datatype = None,
    as_json: Json = False,
) -> None:
    """Print the integer equations of every stage that a hardware file describes.

    With a model: what each of its layers computes, and which numbers, shifts and widths it needs.
    """
    import json

    from intaglio.commands.hardware.explain import explain_profile, explanation_lines
    from intaglio.commands.hardware.json_form import network_facts, profile_facts
    from intaglio.commands.hardware.requirements import network_requirements
    from intaglio.commands.hardware.requirements_text import requirement_lines
    from intaglio.commands.models import LoweringOptions, parse_datatypes, parse_shapes
    from intaglio.numerics.profile import load_profile

    assert action is Action.EXPLAIN
    stated = load_profile(profile)
    if model is None:
        rules = explain_profile(stated)
        if as_json:
            print(json.dumps(profile_facts(stated, rules), indent=2))
        else:
            print("\n".join(explanation_lines(rules)))
        return
    options = LoweringOptions(
        profile, batch, parse_shapes(shape or ()), parse_datatypes(datatype or ())
    )
    found = network_requirements(model, stated, options, try_fields=fields)
    if as_json:
        print(json.dumps(network_facts(stated, found), indent=2))
    else:
        print("\n".join(requirement_lines(found)))
