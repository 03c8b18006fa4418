# SPDX-License-Identifier: Apache-2.0
"""Corner vectors and faults from the command line."""

import json
from pathlib import Path

import pytest

from tests.cli.running import DIGITS, done, files, intaglio

DATA = DIGITS / "heldout.npz"


def test_vectors_report_their_coverage(lowered: Path, tmp_path: Path) -> None:
    output = tmp_path / "corners"
    facts = json.loads(done("vectors", lowered, "-o", output, "--channels", "0", "--json"))
    manifest = json.loads((output / "manifest.json").read_text())
    assert facts["total"]["vectors"] == sum(each["vectors"] for each in manifest["layers"])
    assert facts["total"]["percent"] > 99.9
    assert [each["layer"] for each in facts["not_covered"]] == ["pool/mean"]


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        ((), "it takes either a model or a hardware file"),
        (("net.intaglio", "--hardware", "tflm"), "it takes either a model or a hardware file"),
        (("--hardware", "tflmm"), "tflm"),
    ],
)
def test_vectors_of_nothing_or_both(arguments: tuple[str, ...], found: str, tmp_path: Path) -> None:
    finished = intaglio("vectors", *arguments, "-o", tmp_path / "out")
    assert (finished.code, finished.out) == (2, "")
    assert found in finished.err
    assert not files(tmp_path)


def test_the_same_faults_from_a_list(lowered: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    common = ("faults", lowered, "--data", DATA, "--samples", "2", "--json")
    burst = ("--fault-model", "burst", "--burst-width", "3", "--seed", "4", "--count", "3")
    facts = json.loads(done(*common, *burst, "--storage", "weights", "-o", first))
    assert [each["storage"] for each in facts["storages"]] == ["weights"]
    assert facts["faults"] == 3
    done(*common, "--list", first / "faults.csv", "-o", second)
    assert files(first) == files(second)


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        (("--storage", "weight"), "give weights"),
        (("--list", "none.csv"), "none.csv"),
        (("--list", str(DATA)), "heldout.npz"),
        (("--count", "0"), "--count"),
    ],
)
def test_faults_that_cannot_be_injected(
    arguments: tuple[str, ...], found: str, lowered: Path, tmp_path: Path
) -> None:
    finished = intaglio(
        "faults", lowered, "--data", DATA, "--samples", "1", *arguments, "-o", tmp_path / "out"
    )
    assert (finished.code, finished.out) == (2, "")
    assert found in finished.err
    assert not files(tmp_path)
