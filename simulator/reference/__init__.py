# SPDX-License-Identifier: Apache-2.0
"""The definition of every fixed op, in plain Python integers.

Arrays only carry values from op to op: no value is ever computed by NumPy or by hardware floats.
"""

from intaglio.simulator.reference.evaluate import run

__all__ = ["run"]
