# SPDX-License-Identifier: Apache-2.0
"""The options that choose a recipe and change its choices."""

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from intaglio.compiler.recipes import Choices

Recipe = Annotated[
    str | None,
    typer.Option(
        metavar="NAME|FILE",
        help="dfq, guideline, minmax; on data of their own dsg, zeroq, gzsq, leaves, noise; or a "
        "TOML file (docs/recipes.md); by default minmax with --calibration, dfq without.",
    ),
]

Bits = Annotated[
    str | None,
    typer.Option(metavar="wNaN", help="Widths of weights and activations, 2 to 16, as in w8a8."),
]

Weights = Annotated[
    str | None,
    typer.Option(metavar="per-tensor|per-channel", help="How many scales weights have."),
]

Setting = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="Any choice of the recipe (docs/recipes.md)."),
]

InputRange = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME=LOW,HIGH",
        help="What an input ranges over; by default as data shows it, or estimated from BatchNorm.",
    ),
]


def choose(
    recipe: str,
    bits: str | None,
    weights: str | None,
    settings: list[str] | None,
    flags: dict[str, bool] | None = None,
    samples: int | None = None,
) -> "Choices":
    """The choices of a recipe, changed by what the command line says.

    ``samples`` is how many to make, where the choices make any.
    """
    from intaglio.compiler.real.quantization.options import parse_bits
    from intaglio.compiler.recipes import load_choices
    from intaglio.compiler.recipes.settings import parse_setting
    from intaglio.errors import InvalidOption

    changes: dict[str, object] = {}
    if bits is not None:
        changes["weight_bits"], changes["activation_bits"] = parse_bits(bits)
    if weights is not None:
        if weights not in ("per-tensor", "per-channel"):
            raise InvalidOption(
                "--weights", weights, "there is no such choice", "per-tensor or per-channel"
            )
        changes["per_channel"] = weights == "per-channel"
    changes |= {name: value for name, value in (flags or {}).items()}
    changes |= dict(parse_setting(text) for text in settings or ())
    choices = load_choices(recipe).changed(changes)
    if samples is None or not choices.synthesizes:
        return choices
    return choices.changed({"synthetic_samples": samples})
