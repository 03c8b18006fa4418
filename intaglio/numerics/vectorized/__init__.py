# SPDX-License-Identifier: Apache-2.0
"""Requantizers on whole arrays, equal to their ``apply`` on every element.

A kernel serves one family of scalings in machine words or floats and states the accumulators for
which it is exact; beyond them a two-word kernel or the definition takes over.  Nothing overflows.
"""

from intaglio.numerics.vectorized.prepared import (
    PreparedRequantizers,
    apply_requantizers,
    apply_scalings,
    prepare,
)

__all__ = ["PreparedRequantizers", "apply_requantizers", "apply_scalings", "prepare"]
