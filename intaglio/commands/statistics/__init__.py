# SPDX-License-Identifier: Apache-2.0
"""What sums and clamps did over a data set, for people and for scripts."""

from intaglio.commands.statistics.declared_widths import DeclaredWidths
from intaglio.commands.statistics.layers import LayerStatistics, layers
from intaglio.commands.statistics.picture import headroom_picture
from intaglio.commands.statistics.report import statistics_facts, statistics_table, summary

__all__ = [
    "DeclaredWidths",
    "LayerStatistics",
    "headroom_picture",
    "layers",
    "statistics_facts",
    "statistics_table",
    "summary",
]
