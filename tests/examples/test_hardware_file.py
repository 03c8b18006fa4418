# SPDX-License-Identifier: Apache-2.0
"""The accelerator of ``examples/hardware_file`` runs the digits network, and its page is right."""

import json
import re
from pathlib import Path
from typing import get_type_hints

import pytest

from intaglio.numerics.profile import load_profile, parse_profile
from intaglio.numerics.profile.datapath import Datapath
from intaglio.numerics.profile.rules import ContractionRule
from intaglio.numerics.profile.stages_scheme import StagesScheme
from intaglio.numerics.profile.table_method import TableMethod
from tests.cli.running import DIGITS, ROOT, done

NPU = ROOT / "examples" / "hardware_file" / "npu.toml"
PAGE = (ROOT / "docs" / "hardware-file.md").read_text()


@pytest.fixture(scope="module")
def quantized(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("quantized") / "digits.qdq.onnx"
    calibration = DIGITS / "calibration.npz"
    done("quantize", DIGITS / "digits.onnx", "-o", path, "--calibration", calibration)
    return path


def test_the_network_runs_and_every_register_is_wide_enough(quantized: Path) -> None:
    options = ("--data", DIGITS / "heldout.npz", "--limit", "40", "--engine", "vectorized")
    facts = json.loads(done("simulate", quantized, "--profile", NPU, *options, "--json"))
    assert facts["top1"] >= 39 / 40
    needs = json.loads(done("hardware", "explain", NPU, quantized, "--json"))
    for layer in needs["layers"]:
        if layer["accumulator"]:
            bits = layer["accumulator"]
            assert bits["any_order_bits"] <= bits["declared_bits"] == 24
        if layer["product_bits"] and layer["op"] == "requantize":
            assert layer["product_bits"] <= 38
    assert any("tree" in line or "i21" in line for line in _statements(needs))


def _statements(facts: dict[str, list[dict[str, list[dict[str, list[str]]]]]]) -> list[str]:
    return [
        line for layer in facts["layers"] for form in layer["forms"] for line in form["statements"]
    ]


def test_the_table_of_its_functions_is_told_with_its_errors() -> None:
    printed = done("hardware", "explain", NPU)
    assert "v = (entries[i] << 3) + (entries[i + 1] - entries[i]) * d" in printed
    assert re.search(r"over all codes: at most \d\.\d+ ulp off, 0\.\d+ on average", printed)


def test_the_page_has_every_field() -> None:
    for record in (Datapath, ContractionRule, StagesScheme, TableMethod):
        for field in get_type_hints(record):
            if field != "when":
                assert f"`{field}`" in PAGE, (record.__name__, field)


def test_the_few_lines_of_the_page_are_a_profile() -> None:
    (text,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    profile = parse_profile(text, "npu.toml")
    assert profile.contraction[0].accumulator_bits == 20
    assert profile.softmax == load_profile("single-rounding").softmax
