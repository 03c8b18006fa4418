# SPDX-License-Identifier: Apache-2.0
"""``intaglio simulate --statistics``."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from intaglio.commands.profiles import profile_text
from tests.cli.running import DIGITS, done, intaglio

HELDOUT = DIGITS / "heldout.npz"


@pytest.fixture(scope="module")
def narrow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A profile with a wrapping accumulator of 14 bits."""
    path = tmp_path_factory.mktemp("profiles") / "narrow.toml"
    text = profile_text("single-rounding").replace("accumulator_bits = 64", "accumulator_bits = 14")
    path.write_text(text.replace('name = "single-rounding"', 'name = "narrow"'))
    return path


def counted(model: Path, *options: str | Path) -> dict[str, Any]:
    """What ``--json`` says."""
    facts: dict[str, Any] = json.loads(
        done("simulate", model, "--data", HELDOUT, "--statistics", "--json", *options)
    )
    return facts


def test_statistics_do_not_change_the_outputs(
    tmp_path: Path, quantized: Path, narrow: Path
) -> None:
    options = ("--profile", narrow, "--limit", "50")
    saved = [tmp_path / "with.npz", tmp_path / "without.npz"]
    counted(quantized, *options, "--save", saved[0])
    done("simulate", quantized, "--data", HELDOUT, *options, "--save", saved[1])
    found, expected = (dict(np.load(path)) for path in saved)
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        assert np.array_equal(found[name], array)


def totals(facts: dict[str, Any]) -> dict[str, int]:
    total: dict[str, int] = facts["statistics"]["total"]
    return total


def layers_of(facts: dict[str, Any]) -> Sequence[dict[str, Any]]:
    layers: Sequence[dict[str, Any]] = facts["statistics"]["layers"]
    return layers


def test_batches_and_threads_count_the_same(quantized: Path, narrow: Path) -> None:
    options = ("--profile", narrow, "--limit", "60")
    alone = counted(quantized, *options, "--batch", "1", "--threads", "1")
    together = counted(quantized, *options, "--batch", "20", "--threads", "3")
    assert totals(alone) == totals(together)
    assert layers_of(alone) == layers_of(together)
    assert totals(alone)["wraps"] > 0


def test_headroom_is_measured_against_the_declared_width(quantized: Path) -> None:
    for options, bits in (((), 64), (("--accumulator-bits", "20"), 20)):
        facts = counted(quantized, "--limit", "5", *options)
        declared = [layer["sums"]["declared_bits"] for layer in layers_of(facts) if layer["sums"]]
        assert set(declared) == {bits}
        assert totals(facts)["wraps"] == 0


def test_an_intaglio_file_is_measured_against_its_own_types(lowered: Path) -> None:
    declared = [
        layer["sums"]["declared_bits"]
        for layer in layers_of(counted(lowered, "--limit", "5"))
        if layer["sums"]
    ]
    assert len(set(declared)) > 1
    assert 64 not in declared


def test_layers_that_overflow_come_first(quantized: Path, narrow: Path) -> None:
    printed = done(
        "simulate",
        quantized,
        "--data",
        HELDOUT,
        "--profile",
        narrow,
        "--statistics",
        "--limit",
        "9",
    )
    facts = counted(quantized, "--profile", narrow, "--limit", "9")
    layers = layers_of(facts)
    overflowing = [bool(layer["sums"]) and any(layer["sums"]["overflows"]) for layer in layers]
    assert overflowing == sorted(overflowing, reverse=True)
    rows = [line for line in printed.splitlines() if line.startswith("│")]
    assert [row.split("│")[1].strip() for row in rows] == [layer["layer"] for layer in layers]
    assert max(map(len, printed.splitlines())) <= 100
    assert f"{totals(facts)['wraps']:,} wrapped" in printed


def test_the_picture_has_a_cell_for_each_number_of_free_bits(
    tmp_path: Path, quantized: Path
) -> None:
    svg = tmp_path / "headroom.svg"
    facts = counted(quantized, "--limit", "5", "--svg", svg)
    root = ElementTree.fromstring(svg.read_text())
    cells = root.findall(".//{http://www.w3.org/2000/svg}rect/{http://www.w3.org/2000/svg}title")
    headrooms = [layer["sums"]["headroom"] for layer in layers_of(facts) if layer["sums"]]
    assert len(cells) == sum(len(headroom) for headroom in headrooms)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--statistics", "--engine", "compiled"), "only the vectorized engine counts"),
        (("--statistics", "--against", "reference"), "statistics come from one run"),
        (("--svg", "a.svg"), "add --statistics"),
        (("--accumulator-bits", "8"), "add --statistics"),
    ],
)
def test_options_that_contradict_are_refused(
    lowered: Path, options: tuple[str, ...], said: str
) -> None:
    finished = intaglio("simulate", lowered, "--data", HELDOUT, *options)
    assert finished.code == 2
    assert said in finished.err
