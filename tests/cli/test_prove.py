# SPDX-License-Identifier: Apache-2.0
"""``intaglio prove``: what it prints, and its exit codes."""

import json
from pathlib import Path

from intaglio.compiler.ir.file import save
from intaglio.compiler.ir.text import parse_graph
from tests.cli.running import done, intaglio

GRAPH = """
    graph small fixed profile="mine"
    %x: i3[1,3] = input
    %w: i4[3,1] = constant [-3, 2, 5]
    %a: i7[1,1] = mat_mul(%x, %w) accumulator=accumulator(type=i7) from "dense"
    %y: i4[1,1] = requantize(%a) requantizers=[requantizer(scaling=multiply_shift(multiplier=21,
        shift=7, rounding=half-even), zero_point=0, low=-8, high=7)] from "dense"
    return %y
"""


def small(folder: Path) -> Path:
    path = folder / "small.intaglio"
    save(parse_graph(GRAPH), path)
    return path


def test_prints_a_row_for_each_sum(tmp_path: Path) -> None:
    model = small(tmp_path)
    printed = done("prove", model)
    assert "small, profile mine" in printed
    assert "dense" in printed
    assert "1 requantizations without their real scale" in printed
    facts = json.loads(done("prove", model, "--json"))
    (layer,) = facts["layers"]
    assert (layer["layer"], layer["declared"], layer["verdict"]) == ("dense", 7, "all sums fit")
    bits = (layer["type_only"], layer["weights_known"], layer["any_order"])
    assert bits == (8, 7, 7)
    assert layer["multiplier_bits"] == 5
    assert facts["certificate"] is None


def test_checks_a_certificate(tmp_path: Path) -> None:
    model, certificate = small(tmp_path), tmp_path / "certificate.json"
    assert f"{certificate}: certificate of 1 sums" in done("prove", model, "-o", certificate)
    assert done("prove", "--check", certificate, model) == f"{certificate}: it holds\n"
    claims = json.loads(certificate.read_text())
    claims["sums"][0]["weights_known"]["bits"][0] -= 1
    certificate.write_text(json.dumps(claims))
    refused = intaglio("prove", "--check", certificate, model, "--json")
    assert refused.code == 1
    facts = json.loads(refused.out)
    assert not facts["holds"]
    assert "doesn't follow from the model" in facts["why"]


def test_unfit_options(tmp_path: Path) -> None:
    model, certificate = small(tmp_path), tmp_path / "certificate.json"
    done("prove", model, "-o", certificate)
    for given in (("-o", tmp_path / "other.json"), ("--profile", "tflm")):
        ended = intaglio("prove", "--check", certificate, model, *given)
        assert ended.code == 2
        assert "a certificate is checked, not made" in ended.err
    assert intaglio("prove", model, "--profile", "tflm").code == 2
    assert intaglio("prove", model, "-o", model).code == 2
    assert intaglio("prove", "--check", model, model).code == 2
