# SPDX-License-Identifier: Apache-2.0
from pathlib import Path

import pytest

from tests.golden_files import Golden


def test_equals_the_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("one\ntwo\n")
    golden = Golden(path, update=False)
    assert golden == "one\ntwo"
    assert golden != "one\ntwo\n"
    assert golden != "one"
    assert golden != 1


def test_a_missing_file_equals_nothing(tmp_path: Path) -> None:
    golden = Golden(tmp_path / "absent.txt", update=False)
    assert golden != ""
    assert "--update-golden" in golden.explain("text")[-1]


def test_updating_writes_what_was_found(tmp_path: Path) -> None:
    path = tmp_path / "golden" / "a.txt"
    assert Golden(path, update=True) == "new"
    assert path.read_bytes() == b"new\n"
    assert Golden(path, update=False) == "new"


def test_the_explanation_shows_the_difference_and_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("same\nold\n")
    explanation = Golden(path, update=False).explain("same\nnew")
    assert str(path) in explanation[0]
    assert {" same", "-old", "+new"} <= set(explanation)
    assert "--update-golden" in explanation[-1]


def test_the_fixture_finds_its_file(golden: Golden, request: pytest.FixtureRequest) -> None:
    assert golden.path.parent == request.path.parent / "golden"
    assert golden.path.name == "test_golden_files.test_the_fixture_finds_its_file.txt"
    assert "one text\nof two lines" == golden
