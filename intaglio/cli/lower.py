# SPDX-License-Identifier: Apache-2.0
"""``intaglio lower``."""

from pathlib import Path
from typing import Annotated

import typer

from intaglio.cli.options import Batch, Datatype, Json, Profile, Shape


def lower(
    model: Annotated[Path, typer.Argument(help="Quantized ONNX or .tflite.", show_default=False)],
    output: Annotated[Path, typer.Option("--output", "-o", help="The .intaglio file to write.")],
    profile: Profile = None,
    batch: Batch = None,
    shape: Shape = None,
    datatype: Datatype = None,
    print_after: Annotated[
        str | None,
        typer.Option(metavar="PASS", help="Print the graph as text after this pass, or `import`."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Give a quantized model the exact integer arithmetic of one machine or runtime."""
    import sys

    from intaglio.cli.printing import print_facts
    from intaglio.commands.lower import lower_to_file
    from intaglio.commands.models import LoweringOptions, parse_datatypes, parse_shapes

    # The result goes to standard output; a graph in JSON's way would make it unreadable.
    stream = sys.stderr if as_json else sys.stdout
    summary = lower_to_file(
        model,
        output,
        LoweringOptions(profile, batch, parse_shapes(shape or ()), parse_datatypes(datatype or ())),
        print_after=print_after,
        show=lambda text: print(text, end="", file=stream),
    )
    print_facts(
        {
            "output": str(summary.output),
            "profile": summary.profile,
            "nodes": summary.nodes,
            "integer_only": summary.integer_only,
            "bytes": summary.bytes,
            "overflowing": [bits.source or bits.name for bits in summary.overflowing],
        },
        f"{summary.output}: {summary.nodes} nodes, profile {summary.profile}, "
        f"{summary.bytes:,} bytes"
        + "".join(
            f"\n{bits.source or bits.name}: its sum may need {bits.final_bits} bits, "
            f"the accumulator has {bits.declared_bits}"
            for bits in summary.overflowing
        ),
        as_json=as_json,
    )
