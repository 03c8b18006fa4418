# SPDX-License-Identifier: Apache-2.0
"""Real data can't be read by what runs without it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.without_data import Facts, facts_of
from tests.cli.running import DIGITS, ROOT

HELDOUT = DIGITS / "heldout.npz"


def guarded(
    folder: Path, *arguments: str | Path
) -> tuple[subprocess.CompletedProcess[str], Facts, bool]:
    """``intaglio quantize`` of the digits network where ``data`` in a folder is out of bounds."""
    facts, output = folder / "facts.json", folder / "net.onnx"
    command = ("quantize", DIGITS / "digits.onnx", "-o", output, "--quiet", *arguments)
    finished = subprocess.run(
        [sys.executable, "-m", "benchmarks.without_data", facts, folder / "data", *command],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    return finished, facts_of(facts), output.exists()


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Data that is out of bounds."""
    folder = tmp_path / "data"
    folder.mkdir()
    return Path(shutil.copy(HELDOUT, folder))


def test_data_is_made_where_none_can_be_read(tmp_path: Path, data: Path) -> None:
    finished, facts, written = guarded(tmp_path, "--recipe", "noise")
    assert (finished.returncode, written, facts.opened) == (0, True, ()), finished.stderr
    assert 20 < facts.peak_mebibytes < 4096


@pytest.mark.parametrize("way", ["file", "link"])
def test_data_out_of_bounds_is_refused(tmp_path: Path, data: Path, way: str) -> None:
    link = tmp_path / "link.npz"
    link.symlink_to(data)
    given = data if way == "file" else link
    finished, facts, written = guarded(tmp_path, "--recipe", "minmax", "--calibration", given)
    assert (finished.returncode, written) == (1, False)
    assert f"RealDataOpened: {data} is real data" in finished.stderr
    assert set(facts.opened) == {str(data)}


def test_data_elsewhere_is_read(tmp_path: Path, data: Path) -> None:
    finished, facts, written = guarded(tmp_path, "--recipe", "minmax", "--calibration", HELDOUT)
    assert (finished.returncode, written, facts.opened) == (0, True, ()), finished.stderr


def test_a_listing_is_refused_too(tmp_path: Path, data: Path) -> None:
    finished, facts, written = guarded(tmp_path, "--recipe", "minmax", "--calibration", data.parent)
    assert (finished.returncode, written) == (1, False)
    assert set(facts.opened) == {str(data.parent)}
