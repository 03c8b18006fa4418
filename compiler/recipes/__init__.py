# SPDX-License-Identifier: Apache-2.0
"""Recipes: the ways to quantize a network that a user picks by name."""

from intaglio.compiler.recipes.choices import Choices
from intaglio.compiler.recipes.quantize import quantize
from intaglio.compiler.recipes.recipe_files import load_choices, preset_names
from intaglio.compiler.recipes.result import QuantizedResult, Step

__all__ = ["Choices", "QuantizedResult", "Step", "load_choices", "preset_names", "quantize"]
