# SPDX-License-Identifier: Apache-2.0
import os
from pathlib import Path

import pytest

from intaglio.commands.output_files import require_writable, whole_file, whole_folder
from intaglio.errors import InvalidFile


def test_a_file_appears_when_the_block_ends(tmp_path: Path) -> None:
    path = tmp_path / "out"
    path.write_text("old")
    with whole_file(path) as partial:
        partial.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def half_a_file(path: Path, raised: type[BaseException]) -> None:
    with whole_file(path) as partial:
        partial.write_text("half")
        raise raised


def half_a_folder(path: Path, raised: type[BaseException]) -> None:
    with whole_folder(path) as partial:
        (partial / "file").write_text("half")
        raise raised


@pytest.mark.parametrize("raised", [ValueError, KeyboardInterrupt, SystemExit])
def test_no_failure_leaves_a_trace(tmp_path: Path, raised: type[BaseException]) -> None:
    path = tmp_path / "out"
    path.write_text("old")
    with pytest.raises(raised):
        half_a_file(path, raised)
    with pytest.raises(raised):
        half_a_folder(tmp_path / "folder", raised)
    assert [each.name for each in tmp_path.iterdir()] == ["out"]
    assert path.read_text() == "old"


def test_an_unwritable_place_is_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "absent" / "out"
    for write in (whole_file, whole_folder):
        with (
            pytest.raises(InvalidFile, match=r"out: can't be written \(No such file"),
            write(path) as partial,
        ):
            partial.write_text("x")


def test_failures_about_other_files_stay_what_they_are(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), whole_file(tmp_path / "out"):
        (tmp_path / "input").read_bytes()
    assert list(tmp_path.iterdir()) == []


def test_an_empty_folder_is_filled_and_a_full_one_refused(tmp_path: Path) -> None:
    path = tmp_path / "out"
    path.mkdir()
    with whole_folder(path) as partial:
        (partial / "file").write_text("x")
    assert (path / "file").read_text() == "x"
    with pytest.raises(InvalidFile, match="stands there already"), whole_folder(path):
        pass
    assert [each.name for each in tmp_path.iterdir()] == ["out"]


def test_places_are_checked_before_any_work(tmp_path: Path) -> None:
    require_writable(tmp_path / "out")
    with pytest.raises(InvalidFile, match="it is a folder"):
        require_writable(tmp_path)
    with pytest.raises(InvalidFile, match="there is no folder"):
        require_writable(tmp_path / "absent" / "out")
    if os.getuid() != 0:
        closed = tmp_path / "closed"
        closed.mkdir(mode=0o500)
        with pytest.raises(InvalidFile, match="closed to writing"):
            require_writable(closed / "out")
