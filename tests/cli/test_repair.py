# SPDX-License-Identifier: Apache-2.0
"""``intaglio repair``."""

import json
from pathlib import Path
from typing import Any

import pytest

from intaglio.compiler.analysis.accumulator_bits import accumulator_report
from intaglio.compiler.ir.file import load
from tests.cli.running import DIGITS, done, files, intaglio

HELDOUT = DIGITS / "heldout.npz"


def repaired(model: Path, output: Path, bits: int, *options: str | Path) -> dict[str, Any]:
    """What ``--json`` says."""
    arguments = ("-o", output, "--accumulator-bits", str(bits), "--json", *options)
    facts: dict[str, Any] = json.loads(done("repair", model, *arguments))
    return facts


@pytest.mark.parametrize(("profile", "bits"), [("single-rounding", 15), ("tflm", 12)])
def test_the_file_is_proved_to_fit(
    tmp_path: Path, quantized: Path, profile: str, bits: int
) -> None:
    output = tmp_path / "out.intaglio"
    facts = repaired(quantized, output, bits, "--profile", profile)
    graph = load(output)
    weighted = {layer["layer"] for layer in facts["layers"]}
    report = [each for each in accumulator_report(graph) if each.source in weighted]
    assert len(report) == len(weighted) > 2
    assert max(each.any_order_bits for each in report) <= bits
    # The narrow accumulators are the file's: what is proved is narrower still.
    assert all(each.declared_bits <= bits for each in report)


def test_a_wide_accumulator_changes_nothing(tmp_path: Path, quantized: Path) -> None:
    outputs = [tmp_path / "a.intaglio", tmp_path / "b.intaglio"]
    facts = repaired(quantized, outputs[0], 64)
    assert {layer["changed_weights"] for layer in facts["layers"]} == {0}
    done("lower", quantized, "-o", outputs[1])
    assert load(outputs[0]) == load(outputs[1])


@pytest.mark.parametrize("method", ["scale", "auto"])
def test_each_method_reports_what_it_changed(tmp_path: Path, quantized: Path, method: str) -> None:
    facts = repaired(quantized, tmp_path / "out.intaglio", 15, "--method", method)
    changed = [layer for layer in facts["layers"] if layer["changed_channels"]]
    assert changed
    for layer in changed:
        assert layer["l1_after"] <= layer["l1_before"]
        assert layer["sqnr"] > 5
        scaled = layer["scaled_channels"]
        assert 0 < scaled <= layer["changed_channels"]


def test_accuracy_is_measured_before_and_after(tmp_path: Path, quantized: Path) -> None:
    options = ("--data", HELDOUT, "--limit", "200")
    plain = repaired(quantized, tmp_path / "a.intaglio", 13, *options)["accuracy"]
    calibration = ("--calibration", DIGITS / "calibration.npz")
    output = tmp_path / "b.intaglio"
    corrected = repaired(quantized, output, 13, *options, *calibration)["accuracy"]
    assert plain["samples"] == corrected["samples"] == 200
    assert (plain["before"], plain["narrow"]) == (corrected["before"], corrected["narrow"])
    assert plain["before"] > 180
    assert plain["narrow"] < plain["after"]
    assert plain["after"] <= corrected["after"]
    # The file is what was measured.
    simulated = json.loads(done("simulate", output, *options, "--json"))
    assert simulated["correct"] == corrected["after"]


def test_the_table_fits_a_terminal(tmp_path: Path, quantized: Path) -> None:
    arguments = ("-o", tmp_path / "out.intaglio", "--accumulator-bits", "14")
    printed = done("repair", quantized, *arguments)
    assert max(map(len, printed.splitlines()[:-1])) <= 100
    assert "no sum of products with weights can overflow 14 bits" in printed


def test_biases_that_need_more_bits_are_refused_by_name(tmp_path: Path, quantized: Path) -> None:
    finished = intaglio(
        "repair",
        quantized,
        "-o",
        tmp_path / "out.intaglio",
        "--accumulator-bits",
        "6",
        "--method",
        "round",
    )
    assert finished.code == 2
    assert "alone needs" in finished.err
    assert "is the least width" in finished.err
    assert files(tmp_path) == {}


def test_a_lowered_model_is_refused(tmp_path: Path, lowered: Path) -> None:
    finished = intaglio(
        "repair", lowered, "-o", tmp_path / "out.intaglio", "--accumulator-bits", "16"
    )
    assert finished.code == 2
    assert "lowered already" in finished.err
