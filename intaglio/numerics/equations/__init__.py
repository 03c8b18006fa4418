# SPDX-License-Identifier: Apache-2.0
"""Arithmetic as equations that a hardware engineer can transcribe, and a test can run.

Statements are in Python's syntax on exact numbers: ``+``, ``-``, ``*``, ``/``, ``>>`` round
nothing.  All that cuts or rounds is a named function, and ``definitions`` says what each is.
"""

from intaglio.numerics.equations.accumulators import accumulator_statements
from intaglio.numerics.equations.functions import definitions
from intaglio.numerics.equations.pairs import pair_equations
from intaglio.numerics.equations.requantizers import requantizer_equations
from intaglio.numerics.equations.scalings import scaling_equations
from intaglio.numerics.equations.statements import Equations
from intaglio.numerics.equations.tables import table_equations

__all__ = [
    "Equations",
    "accumulator_statements",
    "definitions",
    "pair_equations",
    "requantizer_equations",
    "scaling_equations",
    "table_equations",
]
