# SPDX-License-Identifier: Apache-2.0
"""``intaglio diagnose`` on the digits network."""

import json
import re
import shutil
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from tests.cli.running import DIGITS, ROOT, done, files, intaglio

NETWORK = DIGITS / "digits.onnx"
CALIBRATION = ("--calibration", DIGITS / "calibration.npz")
HELDOUT = ("--data", DIGITS / "heldout.npz")
QUICK = ("--limit", "4", "--json")


def found(*arguments: str | Path) -> dict[str, Any]:
    facts: dict[str, Any] = json.loads(done("diagnose", NETWORK, *arguments, *QUICK))
    return facts


def test_one_scale_for_a_tensor_loses_the_depthwise_layers_first() -> None:
    facts = found(*CALIBRATION, *HELDOUT, "--weights", "per-tensor")
    assert (facts["model"], facts["samples"], facts["noise"]) == ("digits.onnx", 4, False)
    assert facts["profile"] == "single-rounding"
    first = facts["weights"][0]
    assert "depthwise" in first["node"]
    assert first["use"]["channels_median"] < 0.1
    assert first["alone"]["output"]["sqnr_db"] < 20
    by_channel = found(*CALIBRATION, *HELDOUT)
    assert by_channel["weights"][0]["alone"]["output"]["sqnr_db"] > 25
    ours, theirs = (each["output"]["fidelity"]["sqnr_db"] for each in (by_channel, facts))
    assert ours > theirs + 10


def test_a_quantized_file_gives_the_same_figures(quantized: Path) -> None:
    here, there = found(*CALIBRATION, *HELDOUT), found(quantized, *HELDOUT)
    for kind in ("weights", "activations"):
        assert here[kind] == there[kind]
    assert here["output"]["fidelity"] == there["output"]["fidelity"]
    assert there["remarks"] == []


def test_a_recipe_without_data_is_held_against_its_own_float_network(tmp_path: Path) -> None:
    facts = found("--weights", "per-tensor", *HELDOUT)
    rewritten = facts["output"]["rewritten"]
    assert rewritten["sqnr_db"] is None or rewritten["sqnr_db"] > 90
    assert all(row["alone"] and row["together"] for row in facts["weights"])
    assert any(row["before"] != row["after"] for row in facts["weight_ranges"])
    minmax = found(*CALIBRATION, *HELDOUT, "--weights", "per-tensor")
    ours, theirs = (each["output"]["fidelity"]["sqnr_db"] for each in (facts, minmax))
    assert ours > theirs
    written = tmp_path / "digits.dfq.onnx"
    done("quantize", NETWORK, "-o", written, "--weights", "per-tensor")
    of_file = found(written, *HELDOUT)
    assert of_file["output"]["fidelity"] == facts["output"]["fidelity"]
    assert "aren't those of digits.onnx rounded" in of_file["remarks"][0]
    assert all(row["together"] is None for row in of_file["activations"])


def test_without_data_it_says_that_noise_was_measured_on(quantized: Path) -> None:
    assert found(quantized)["noise"] is True
    said = done("diagnose", NETWORK, quantized, "--limit", "2", "--together-only")
    assert "2 samples of uniform noise over the range of the inputs" in said


def test_the_tables_have_every_layer_and_every_value(quantized: Path) -> None:
    facts = found(quantized, "--together-only")
    said = done("diagnose", NETWORK, quantized, "--limit", "4", "--together-only")
    weights, activations = said.split("Activations, worst first")
    for row in facts["weights"]:
        assert row["node"] in weights
        assert row["alone"] is None
    for row in facts["activations"]:
        assert row["name"] in activations


def test_bits_and_recipe_are_those_of_quantize() -> None:
    facts = found(*CALIBRATION, "--bits", "w4a6", "--recipe", "minmax", "--samples", "10")
    assert {row["bits"] for row in facts["weights"]} == {4}
    assert {row["bits"] for row in facts["activations"]} == {6}
    assert facts["noise"] is False


def test_every_key_is_described(quantized: Path) -> None:
    text = (ROOT / "docs" / "diagnose.md").read_text()
    printed = done("diagnose", NETWORK, quantized, *QUICK)
    keys = set(re.findall(r'^ *"(\w+)": ', printed, re.MULTILINE))
    assert len(keys) > 25
    assert {key for key in keys if f"`{key}`" not in text} == set()


def test_another_profile_computes_other_integers(quantized: Path) -> None:
    ours, theirs = (
        found(quantized, *HELDOUT, "--together-only", "--profile", profile)
        for profile in ("single-rounding", "tflm")
    )
    assert theirs["profile"] == "tflm"
    assert ours["output"]["fidelity"] != theirs["output"]["fidelity"]


def test_the_picture_is_written_whole(quantized: Path, tmp_path: Path) -> None:
    svg = tmp_path / "ranges.svg"
    done("diagnose", NETWORK, quantized, "--limit", "1", "--together-only", "--svg", svg)
    root = ElementTree.fromstring(svg.read_text(encoding="utf-8"))
    said = [element.text for element in root.iter() if element.tag.endswith("text")]
    assert "stem/conv" in said
    assert list(files(tmp_path)) == ["ranges.svg"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((NETWORK, "--recipe", "minmax"), "some, for ranges=min-max"),
        ((NETWORK, *CALIBRATION, "--recipe", "best"), "--recipe best: there is no such recipe"),
        ((NETWORK, *CALIBRATION, "--bits", "8"), "--bits 8"),
        ((NETWORK, *CALIBRATION, "--profile", "none"), "none"),
        ((NETWORK, NETWORK), "it holds no QuantizeLinear of an activation"),
        ((NETWORK, *CALIBRATION, "--svg", Path("/no/such/folder/a.svg")), "/no/such/folder"),
        ((NETWORK, *CALIBRATION, "--data", Path("nothing.npz")), "nothing is there"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(arguments: tuple[str | Path, ...], said: str) -> None:
    finished = intaglio("diagnose", *arguments)
    assert (finished.code, finished.out) == (2, "")
    assert said in finished.err
    assert "Traceback" not in finished.err


@pytest.mark.parametrize("option", ["--weights", "--bits", "--calibration"])
def test_a_quantized_file_leaves_nothing_to_choose(
    option: str, quantized: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "copy.onnx"
    shutil.copy(quantized, copy)
    finished = intaglio("diagnose", NETWORK, copy, option, "per-tensor")
    assert finished.code == 2
    assert f"{option} " in finished.err
    assert "copy.onnx is quantized already" in finished.err
