# SPDX-License-Identifier: Apache-2.0
"""What every test may use: the golden files and the place of the real data."""

import os
import re
from pathlib import Path

import pytest
from hypothesis import settings

from tests.golden_files import Golden

ROOT = Path(__file__).parent.parent

# No test asserts a time: machines are busy.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden",
        action="store_true",
        help="write the golden files again from what the tests produce",
    )


def pytest_assertrepr_compare(op: str, left: object, right: object) -> list[str] | None:
    match left, right:
        case (str() as found, Golden() as golden) | (Golden() as golden, str() as found):
            return golden.explain(found) if op == "==" else None
        case _:
            return None


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Golden:
    """The text in ``golden/`` beside the test file: ``assert str(graph) == golden``.

    The file is called after the test file and the test, ``test_text.test_prints_add.txt``.
    """
    test = re.sub(r"[^\w.-]+", "-", request.node.name).strip("-")
    path = request.path.parent / "golden" / f"{request.path.stem}.{test}.txt"
    return Golden(path, update=bool(request.config.getoption("--update-golden")))


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real networks and images; the test is skipped where there is none."""
    folder = Path(os.environ.get("INTAGLIO_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no real networks and images at {folder}: set INTAGLIO_DATA to their folder")
    return folder
