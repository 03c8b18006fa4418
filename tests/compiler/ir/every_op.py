# SPDX-License-Identifier: Apache-2.0
"""A valid graph of each level with every op, requantizer and algorithm there is."""

from pathlib import Path

FOLDER = Path(__file__).parent / "every_op"
FIXED = (FOLDER / "fixed.txt").read_text(encoding="ascii")
SCALED = (FOLDER / "scaled.txt").read_text(encoding="ascii")
