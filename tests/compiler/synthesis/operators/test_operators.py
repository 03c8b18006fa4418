# SPDX-License-Identifier: Apache-2.0
"""Every operator that a network may have is in the executor's table."""

from intaglio.compiler.real.normalization.supported import SUPPORTED
from intaglio.compiler.synthesis.operators import BUILDERS


def test_what_is_supported_can_be_computed() -> None:
    assert set(BUILDERS) == set(SUPPORTED)
