# SPDX-License-Identifier: Apache-2.0
"""Data made from the digits network alone: made, saved, and used by other verbs."""

import json
import shutil
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.cli.running import DIGITS, done, files, intaglio

NETWORK = DIGITS / "digits.onnx"
HELDOUT = DIGITS / "heldout.npz"


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve samples; tests only read them."""
    path = tmp_path_factory.mktemp("made") / "made.npz"
    done("synthesize", NETWORK, "-o", path, "--recipe", "noise", "--samples", "12")
    return path


def quantized(output: Path, *arguments: str | Path) -> dict[str, Any]:
    facts: dict[str, Any] = json.loads(
        done("quantize", NETWORK, "-o", output, *arguments, "--json")
    )
    return facts


def test_synthesize_writes_samples_and_a_contact_sheet(tmp_path: Path) -> None:
    output = tmp_path / "made.npz"
    arguments = ("synthesize", NETWORK, "-o", output, "--recipe", "noise", "--samples", "5")
    facts = json.loads(done(*arguments, "--input-range", "image=0,1", "--json"))
    assert (facts["recipe"], facts["samples"]) == ("noise", 5)
    assert facts["output"] == str(output)
    assert facts["contact_sheet"] == str(tmp_path / "made.png")
    (given,) = facts["inputs"]
    assert (given["name"], given["shape"]) == ("image", [5, 1, 8, 8])
    with np.load(output) as arrays:
        assert arrays.files == ["image"]
        assert arrays["image"].shape == (5, 1, 8, 8)
        assert 0 <= arrays["image"].min() == pytest.approx(given["minimum"])
        assert 1 >= arrays["image"].max() == pytest.approx(given["maximum"])
    with Image.open(tmp_path / "made.png") as picture:
        assert picture.format == "PNG"
    said = done(*arguments)
    assert f"{output}, {tmp_path / 'made.png'}: 5 samples: normal noise" in said


def test_seeds_decide_and_settings_are_those_of_a_recipe(tmp_path: Path, saved: Path) -> None:
    common = ("synthesize", NETWORK, "--recipe", "noise", "--samples", "12")
    found: dict[str, bytes] = {}
    for name, more in (("again", ()), ("other", ("--seed", "1")), ("set", ("--set", "seed=1"))):
        done(*common, "-o", tmp_path / f"{name}.npz", *more)
        found[name] = (tmp_path / f"{name}.npz").read_bytes()
    assert found["again"] == saved.read_bytes() != found["other"]
    assert found["set"] == found["other"]


def test_quantize_saves_what_its_recipe_made(tmp_path: Path) -> None:
    output, data = tmp_path / "net.onnx", tmp_path / "made.npz"
    arguments = ("--recipe", "noise", "--save-data", data)
    assert quantized(output, *arguments, "--samples", "3")["samples"] == 3
    facts = quantized(output, *arguments, "--bits", "w4a8")
    assert (facts["samples"], facts["synthetic"]) == (32, True)
    assert (facts["data"], facts["contact_sheet"]) == (str(data), str(tmp_path / "made.png"))
    assert [step["name"] for step in facts["steps"]][1] == "synthesize"
    assert sorted(files(tmp_path)) == ["made.npz", "made.png", "net.onnx"]
    done("synthesize", NETWORK, "-o", tmp_path / "alone.npz", "--recipe", "noise")
    assert (tmp_path / "alone.npz").read_bytes() == data.read_bytes()
    said = done("quantize", NETWORK, "-o", output, "--recipe", "noise", "--save-data", data)
    assert f"from 32 synthetic samples ({data}, " in said
    without = quantized(output, "--recipe", "noise")
    assert (without["data"], without["contact_sheet"]) == (None, None)


def test_a_saved_set_calibrates_as_the_recipe_did(tmp_path: Path, saved: Path) -> None:
    there, here = tmp_path / "there.onnx", tmp_path / "here.onnx"
    ranges = ("--input-range", "image=0,1", "--set", "synthetic_samples=12")
    facts = quantized(there, "--recipe", "noise", *ranges, "--save-data", tmp_path / "made.npz")
    again = ("--recipe", "guideline", "--calibration", tmp_path / "made.npz", *ranges)
    assert quantized(here, *again)["samples"] == facts["samples"] == 12
    assert there.read_bytes() == here.read_bytes()
    assert quantized(here, "--calibration", saved)["synthetic"] is False


@pytest.mark.parametrize("setting", ["rounding=learned", "bias_correction=data"])
def test_any_recipe_makes_data_for_what_needs_some(tmp_path: Path, setting: str) -> None:
    output = tmp_path / "net.onnx"
    made = ("--set", "synthesis=noise", "--set", setting)
    assert quantized(output, "--recipe", "guideline", *made)["samples"] == 32


def test_other_verbs_read_a_saved_set(tmp_path: Path, saved: Path, lowered: Path) -> None:
    target = tmp_path / "net.onnx"
    done("quantize", NETWORK, "-o", target, "--recipe", "noise")
    said = done("compare", target, "--against", "onnxruntime", "--data", saved)
    assert "equals onnxruntime" in said
    assert "12 samples" in said
    facts = json.loads(done("simulate", lowered, "--data", saved, "--json"))
    assert facts["samples"] == 12
    common = ("diagnose", NETWORK, "--together-only", "--json")
    given = json.loads(done(*common, "--data", saved))
    assert (given["samples"], given["noise"], given["synthetic"]) == (12, False, False)
    calibrated = json.loads(done(*common, "--calibration", saved, "--limit", "3"))
    assert calibrated["samples"] == 3


def test_data_never_takes_the_place_of_its_network(tmp_path: Path) -> None:
    model = tmp_path / "net.npz"
    shutil.copyfile(NETWORK, model)
    before = files(tmp_path)
    for arguments in (
        ("synthesize", model, "--recipe", "noise", "-o", model),
        ("quantize", model, "--recipe", "noise", "-o", tmp_path / "q.onnx", "--save-data", model),
    ):
        finished = intaglio(*arguments)
        assert finished.code == 2
        assert "net.npz: it is the float model itself" in finished.err
        assert files(tmp_path) == before


def test_diagnose_measures_on_what_its_recipe_makes() -> None:
    common = ("diagnose", NETWORK, "--recipe", "noise", "--together-only")
    facts = json.loads(done(*common, "--limit", "5", "--json"))
    assert (facts["samples"], facts["noise"], facts["synthetic"]) == (5, False, True)
    assert "3 samples that the recipe made" in done(*common, "--limit", "3")
    given = json.loads(done(*common, "--data", HELDOUT, "--limit", "4", "--json"))
    assert (given["samples"], given["synthetic"]) == (4, False)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--recipe", "noise", "--calibration", HELDOUT), "calibration data is given too"),
        (("--save-data", "made.npz"), "--save-data made.npz: the recipe makes no data"),
        (("--recipe", "noise", "--save-data", "made.zip"), "name a file ending .npz"),
        (("--recipe", "noise", "--save-data", "absent/made.npz"), "there is no folder absent"),
        (("--recipe", "noise", "-o", "a.npz", "--save-data", "a.npz"), "it is the output too"),
        (("--recipe", "noize"), "choose noise."),
        (("--set", "synthesis=batch_norm"), "choose batch-norm."),
        (("--set", "iterations=1.5"), "give a whole number."),
        (("--set", "learning_rate=0"), "learning_rate 0.0: it is out of bounds"),
        (("--recipe", "minmax"), "as --recipe dsg does"),
    ],
)
def test_quantize_refuses_what_makes_no_sense(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str | Path, ...], words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    finished = intaglio("quantize", NETWORK, "-o", "net.onnx", *arguments)
    assert (finished.code, finished.out) == (2, "")
    assert words in finished.err
    assert finished.err.count("\n") == 1
    assert files(tmp_path) == {}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--recipe", "dfq"), "--recipe dfq: it makes no data; choose dsg, gzsq, leaves, "),
        (("--recipe", "noise", "--samples", "0"), "--samples"),
        (("--recipe", "noise", "--input-range", "picture=0,1"), "the model has no such input"),
        (("--recipe", "noise", "--preprocessing", "tv"), "tv"),
        (("--recipe", "noise", "-o", "made.onnx"), "name a file ending .npz"),
    ],
)
def test_synthesize_refuses_what_makes_no_sense(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    finished = intaglio("synthesize", NETWORK, "-o", "made.npz", *arguments)
    assert (finished.code, finished.out) == (2, "")
    assert words in finished.err
    assert files(tmp_path) == {}


def test_what_was_made_outlives_a_later_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*arguments: object) -> None:
        raise KeyboardInterrupt

    # The package shows the function of that name, not the module.
    module = import_module("intaglio.compiler.recipes.quantize")
    monkeypatch.setattr(module, "correct", interrupted)
    common = ("quantize", NETWORK, "-o", tmp_path / "net.onnx", "--recipe", "noise")
    assert intaglio(*common, "--save-data", tmp_path / "made.npz").code == 130
    assert sorted(files(tmp_path)) == ["made.npz", "made.png"]


@pytest.mark.parametrize("verb", ["synthesize", "quantize"])
def test_an_interrupt_while_data_is_made_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    def interrupted(*arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("intaglio.compiler.recipes.synthetic_data.noise", interrupted)
    output = {"synthesize": "made.npz", "quantize": "net.onnx"}[verb]
    finished = intaglio(verb, NETWORK, "-o", tmp_path / output, "--recipe", "noise")
    assert (finished.code, finished.out, finished.err.strip()) == (130, "", "")
    assert files(tmp_path) == {}
