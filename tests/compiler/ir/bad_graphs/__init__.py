# SPDX-License-Identifier: Apache-2.0
"""Graphs that break one rule each."""

from tests.compiler.ir.bad_graphs.results import PARAMETERS, RESULTS
from tests.compiler.ir.bad_graphs.scaled import SCALED_CASES
from tests.compiler.ir.bad_graphs.shapes import SHAPES
from tests.compiler.ir.bad_graphs.structure import FLOATS, STRUCTURE, VALUES

FIXED_CASES = [*STRUCTURE, *VALUES, *FLOATS, *SHAPES, *PARAMETERS, *RESULTS]

__all__ = ["FIXED_CASES", "SCALED_CASES"]
