# SPDX-License-Identifier: Apache-2.0
"""Who lacks the extra ``torch`` is told how to install it."""

import sys

import pytest

from intaglio.compiler.synthesis.torch_extra import require_torch
from intaglio.errors import InvalidData


def test_what_is_installed_is_enough() -> None:
    require_torch()


def test_the_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(InvalidData, match=r"expected the extra torch; install it with pip install"):
        require_torch()
