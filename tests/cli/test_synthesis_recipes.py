# SPDX-License-Identifier: Apache-2.0
"""The recipes that optimize data, on the digits network with and without its BatchNorms."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from intaglio.compiler.real.load import load_model
from intaglio.compiler.real.normalization.normalize import normalize
from intaglio.compiler.real.save import save_model
from tests.cli.running import DIGITS, ROOT, Finished, done, files, intaglio

NETWORK = DIGITS / "digits.onnx"
QUICK = ("--set", "iterations=4", "--samples", "3")
RANGE = ("--input-range", "image=0,1")


@pytest.fixture(scope="module")
def folded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The network as others export it: BatchNorms are gone, and all that they knew."""
    model = normalize(load_model(NETWORK))
    for value in (value for node in model.graph for value in node.outputs):
        value.metadata_props.clear()
    path = tmp_path_factory.mktemp("folded") / "folded.onnx"
    save_model(model, path)
    return path


def synthesized(network: Path, output: Path, *arguments: str) -> dict[str, Any]:
    facts: dict[str, Any] = json.loads(
        done("synthesize", network, "-o", output, *QUICK, *RANGE, *arguments, "--json")
    )
    return facts


def assert_refused(finished: Finished, words: str) -> None:
    assert (finished.code, finished.out) == (2, ""), finished
    assert words in finished.err
    assert finished.err.count("\n") == 1


@pytest.mark.parametrize("recipe", ["dsg", "zeroq", "gzsq"])
def test_each_recipe_makes_data_and_tells_its_losses(tmp_path: Path, recipe: str) -> None:
    facts = synthesized(NETWORK, tmp_path / "made.npz", "--recipe", recipe)
    assert (facts["recipe"], facts["samples"]) == (recipe, 3)
    losses = facts["losses"]
    assert len(losses["total"]) == 4
    for terms in zip(*(losses[term] for term in losses if term != "total"), strict=True):
        assert sum(terms) in [pytest.approx(total, rel=1e-4) for total in losses["total"]]
    with np.load(tmp_path / "made.npz") as arrays:
        arguments = ("--recipe", recipe, "--set", "iterations=0")
        start = synthesized(NETWORK, tmp_path / "start.npz", *arguments)
        assert start["losses"] == {}
        with np.load(tmp_path / "start.npz") as others:
            assert (arrays["image"] != others["image"]).any()
        assert 0 <= arrays["image"].min() < arrays["image"].max() <= 1


def test_the_table_has_a_column_for_each_term(tmp_path: Path) -> None:
    arguments = ("--recipe", "zeroq", "--samples", "2", "--set", "iterations=25")
    said = done("synthesize", NETWORK, "-o", tmp_path / "made.npz", *arguments)
    assert said.startswith("zeroq: losses")
    heading = next(line for line in said.splitlines() if "iteration" in line)
    assert "layers" in heading
    assert "total" in heading
    rows = [line.split()[1] for line in said.splitlines() if line.startswith("│")]
    assert (len(rows), rows[0], rows[-1]) == (11, "1", "25")


def test_equal_seeds_make_equal_data(tmp_path: Path) -> None:
    found: list[bytes] = []
    for index, seed in enumerate(("5", "5", "6")):
        output = tmp_path / f"{index}.npz"
        synthesized(NETWORK, output, "--recipe", "dsg", "--seed", seed)
        found.append(output.read_bytes())
    assert found[0] == found[1] != found[2]


@pytest.mark.parametrize(
    "arguments",
    [
        ("--recipe", "dsg", "--bits", "w4a8", "--set", "rounding=learned"),
        ("--recipe", "gzsq", "--set", "bias_correction=data"),
        ("--recipe", "guideline", "--set", "synthesis=batch-norm"),
        ("--recipe", "minmax", "--set", "synthesis=moments"),
    ],
)
def test_made_data_is_the_source_of_whatever_needs_some(
    tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    target = tmp_path / "net.onnx"
    facts = json.loads(done("quantize", NETWORK, "-o", target, *QUICK, *arguments, "--json"))
    assert (facts["samples"], facts["synthetic"]) == (3, True)
    (step,) = [step for step in facts["steps"] if step["name"] == "synthesize"]
    assert step["summary"].startswith("3 samples: ")
    assert "; loss " in step["summary"]


def test_diagnose_takes_them_too() -> None:
    common = ("diagnose", NETWORK, "--recipe", "zeroq", *QUICK, "--together-only", "--json")
    facts = json.loads(done(*common))
    assert (facts["samples"], facts["synthetic"]) == (3, True)


@pytest.mark.parametrize("verb", ["synthesize", "quantize"])
@pytest.mark.parametrize("recipe", ["dsg", "zeroq"])
@pytest.mark.parametrize("more", [(), RANGE])
def test_without_batch_norm_another_recipe_is_named(
    tmp_path: Path, folded: Path, verb: str, recipe: str, more: tuple[str, ...]
) -> None:
    output = tmp_path / {"synthesize": "made.npz", "quantize": "net.onnx"}[verb]
    finished = intaglio(verb, folded, "-o", output, "--recipe", recipe, *QUICK, *more)
    assert_refused(finished, "no BatchNormalization")
    assert "choose --recipe gzsq" in finished.err
    assert files(tmp_path) == {}


def test_without_batch_norm_gzsq_is_what_is_done(tmp_path: Path, folded: Path) -> None:
    assert synthesized(folded, tmp_path / "made.npz")["recipe"] == "gzsq"
    assert synthesized(NETWORK, tmp_path / "made.npz")["recipe"] == "dsg"
    finished = intaglio("synthesize", folded, "-o", tmp_path / "other.npz", *QUICK)
    assert_refused(finished, "--input-range image=LOW,HIGH")
    assert sorted(files(tmp_path)) == ["made.npz", "made.png"]


@pytest.mark.parametrize("verb", ["synthesize", "quantize"])
def test_without_pytorch_it_is_said_how_to_install_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    output = tmp_path / {"synthesize": "made.npz", "quantize": "net.onnx"}[verb]
    finished = intaglio(verb, NETWORK, "-o", output, "--recipe", "zeroq", *QUICK)
    assert_refused(finished, "pip install 'intaglio[torch]'")
    assert files(tmp_path) == {}
    done(verb, NETWORK, "-o", output, "--recipe", "noise")


@pytest.mark.parametrize("verb", ["synthesize", "quantize"])
def test_an_interrupt_of_the_optimizer_is_quiet_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    told: list[str] = []

    def interrupting(label: str, done: int, total: int | None) -> None:
        told.append(label)
        if label.startswith("synthesis") and done == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr("intaglio.commands.progress._ignore", interrupting)
    output = tmp_path / {"synthesize": "made.npz", "quantize": "net.onnx"}[verb]
    finished = intaglio(verb, NETWORK, "-o", output, "--recipe", "zeroq", *QUICK)
    assert (finished.code, finished.out, finished.err.strip()) == (130, "", "")
    assert told[-1].startswith("synthesis, loss ")
    assert files(tmp_path) == {}


def test_verbs_are_imported_without_pytorch() -> None:
    modules = ("cli.app", "commands.quantize", "commands.synthesis.synthesize", "commands.diagnose")
    imports = "; ".join(f"import intaglio.{module}" for module in modules)
    command = [sys.executable, "-c", f"{imports}; import sys; print('torch' in sys.modules)"]
    assert subprocess.run(command, cwd=ROOT, capture_output=True, text=True).stdout == "False\n"
