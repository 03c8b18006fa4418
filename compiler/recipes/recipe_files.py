# SPDX-License-Identifier: Apache-2.0
"""Recipes by name: the TOML files that come with Intaglio, and those of users."""

import tomllib
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path
from typing import cast

from intaglio.compiler.real.quantization.layer_overrides import read_overrides
from intaglio.compiler.recipes.choices import Choices
from intaglio.errors import InvalidOption

_PRESETS = Path(__file__).parent / "presets"
_LARGEST_FILE = 1 << 20  # bytes; a recipe has a few lines, or a few for each layer


def preset_names() -> tuple[str, ...]:
    """The recipes that come with Intaglio."""
    return tuple(sorted(path.stem for path in _PRESETS.glob("*.toml")))


def data_making_presets() -> tuple[str, ...]:
    """Those that make data of their own."""
    return tuple(name for name in preset_names() if load_choices(name).synthesizes)


def load_choices(name_or_path: str) -> Choices:
    """The choices of a recipe, by the name of a preset or the path of a TOML file.

    A file has any of the choices at its top level, ``[codes]`` for those of the codes,
    ``[synthetic]`` for those of synthetic data, and a table ``[layers."NAME"]`` for each layer
    with codes of its own.

    Raises:
        InvalidOption: there is no such recipe, or the file is none.
    """
    names = preset_names()
    path = _PRESETS / f"{name_or_path}.toml" if name_or_path in names else Path(name_or_path)
    if path.suffix != ".toml" or not path.is_file():
        near = get_close_matches(name_or_path, names, 1)
        raise InvalidOption(
            "--recipe",
            name_or_path,
            "there is no such recipe",
            f"choose {near[0]}" if near else f"choose {', '.join(names)} or give a .toml file",
        )
    return _parse(path)


def _parse(path: Path) -> Choices:
    try:
        if path.stat().st_size > _LARGEST_FILE:
            raise InvalidOption("--recipe", path, "it is too large for a recipe", "give a smaller")
        tree = tomllib.loads(path.read_text())
    except (OSError, ValueError, RecursionError) as error:
        raise InvalidOption(
            "--recipe", path, f"it can't be read ({error})", "give a TOML file"
        ) from error
    tables: dict[str, dict[str, object]] = {}
    for name in ("layers", "codes", "synthetic"):
        table = tree.pop(name, {})
        if not isinstance(table, dict):
            raise InvalidOption("--recipe", path, f"its {name} is no table", f"write [{name}]")
        tables[name] = cast(dict[str, object], table)
    choices = Choices().changed({**tree, **tables["codes"], **tables["synthetic"]})
    overrides = read_overrides(tables["layers"])
    return replace(choices, codes=replace(choices.codes, overrides=overrides))
