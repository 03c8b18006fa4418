# SPDX-License-Identifier: Apache-2.0
"""Compiled objects of tests go to a folder of their own."""

from collections.abc import Generator

import pytest


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Generator[None, None, None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("INTAGLIO_CACHE", str(tmp_path_factory.mktemp("compiled")))
        yield
