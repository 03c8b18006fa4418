# SPDX-License-Identifier: Apache-2.0
"""Hand a fixed graph's integers to other programs: arrays, C, or hexadecimal for hardware."""

from intaglio.commands.export.exporting import ExportFormat as ExportFormat
from intaglio.commands.export.exporting import ExportSummary as ExportSummary
from intaglio.commands.export.exporting import export_integers as export_integers
