# SPDX-License-Identifier: Apache-2.0
"""Grids over the fields of a hardware file and of a recipe: accuracy, flipped bits, marks."""

from intaglio.commands.sweep.setting_files import load_settings
from intaglio.commands.sweep.settings import Setting, parse_axis
from intaglio.commands.sweep.sweeping import Labour, SweepData, SweepRequest, sweep

__all__ = [
    "Labour",
    "Setting",
    "SweepData",
    "SweepRequest",
    "load_settings",
    "parse_axis",
    "sweep",
]
