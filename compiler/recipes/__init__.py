# SPDX-License-Identifier: Apache-2.0
"""Recipes: the ways to quantize a network that a user picks by name.

A recipe's module is imported when it is picked, so that one recipe's dependencies aren't needed by
another.
"""

from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from typing import Protocol, cast

import onnx_ir as ir

from intaglio.compiler.real.onnx_runtime import Feeds
from intaglio.compiler.real.options import QuantizationOptions
from intaglio.compiler.recipes.result import QuantizedResult
from intaglio.errors import InvalidOption


class Recipe(Protocol):
    """What every recipe with calibration data looks like."""

    def __call__(
        self,
        model: ir.Model,
        calibration: Iterable[Feeds],
        options: QuantizationOptions,
        progress: Callable[[int, int | None], None] | None = None,
    ) -> QuantizedResult:
        """Quantize ``model``."""
        ...


RECIPES: Mapping[str, tuple[str, str]] = {
    "minmax": ("intaglio.compiler.recipes.minmax", "quantize_minmax"),
}
"""Module and function of each recipe, by name."""


def find_recipe(name: str) -> Recipe:
    """The recipe of that name.

    Raises:
        InvalidOption: there is none.
    """
    if name not in RECIPES:
        raise InvalidOption(
            "--recipe", name, "there is no such recipe", f"choose one of {', '.join(RECIPES)}"
        )
    module, function = RECIPES[name]
    return cast(Recipe, getattr(import_module(module), function))
