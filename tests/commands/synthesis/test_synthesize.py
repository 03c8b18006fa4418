# SPDX-License-Identifier: Apache-2.0
"""Networks of many kinds: data is made, saved, and calibrates them."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx_ir as ir
import pytest

from intaglio.commands.quantize import CalibrationSource, Given, quantize_file
from intaglio.commands.synthesis.synthesize import default_source, synthesize_file
from intaglio.compiler.real.ranges.ranges import Range
from intaglio.compiler.real.save import save_model
from intaglio.compiler.recipes import load_choices
from intaglio.errors import InvalidData, InvalidOption, UnsupportedModel
from tests.compiler.real.building import parse, random


def several_inputs() -> ir.Model:
    text = """(float[N,3,8,8] image, float[N,6] angle) => (y) {
        a = Conv(image, w) b = Relu(a) c = GlobalAveragePool(b) d = Flatten(c)
        e = Gemm(angle, v) f = Add(d, e) y = Relu(f)
    }"""
    return parse(text, w=random(1, 4, 3, 3, 3), v=random(2, 6, 4))


def fixed_batch() -> ir.Model:
    text = "(float[5,3,8,8] image) => (y) { a = Conv(image, w) y = Relu(a) }"
    return parse(text, w=random(1, 4, 3, 3, 3))


def products_alone() -> ir.Model:
    text = "(float[N,6] image) => (y) { a = Gemm(image, v) b = Relu(a) y = Gemm(b, w) }"
    return parse(text, v=random(1, 6, 4), w=random(2, 4, 3))


def a_signal() -> ir.Model:
    text = "(float[N,2,50] image) => (y) { a = Conv(image, w) y = Relu(a) }"
    return parse(text, w=random(1, 4, 2, 5))


def channels_last() -> ir.Model:
    text = """(float[N,16,12,3] image) => (y) {
        t = Transpose <perm = [0, 3, 1, 2]> (image) a = Conv(t, w) y = Relu(a)
    }"""
    return parse(text, w=random(1, 4, 3, 3, 3))


def with_batch_norm() -> ir.Model:
    text = """(float[N,3,8,8] image) => (y) {
        a = Conv(image, w) b = BatchNormalization(a, one, zero, zero, var) y = Relu(b)
    }"""
    w = random(1, 4, 3, 3, 3)
    one, zero = np.ones(4, np.float32), np.zeros(4, np.float32)
    return parse(text, w=w, var=np.square(w).sum(axis=(1, 2, 3)), one=one, zero=zero)


def written(model: ir.Model, folder: Path) -> Path:
    path = folder / "net.onnx"
    save_model(model, path)
    return path


def given(model: ir.Model, low: float = -1.0, high: float = 1.0) -> Given:
    return Given(input_ranges={value.name or "": Range(low, high) for value in model.graph.inputs})


@pytest.mark.parametrize(
    ("network", "pictured"),
    [
        (several_inputs, True),
        (fixed_batch, True),
        (products_alone, False),
        (a_signal, True),
        (channels_last, True),
    ],
)
@pytest.mark.parametrize("start", ["normal", "natural"])
def test_any_network_gets_data_that_calibrates_it(
    tmp_path: Path, network: Callable[[], ir.Model], pictured: bool, start: str
) -> None:
    model = network()
    path, data = written(model, tmp_path), tmp_path / "made.npz"
    choices = load_choices("noise").changed({"start": start, "synthetic_samples": 7})
    found = synthesize_file(path, data, "noise", choices, given(model, 0, 255))
    assert found.made.samples == 7
    assert (found.saved.picture is not None) == pictured
    for array in found.made.inputs.values():
        assert array.min() >= 0
        assert array.max() <= 255
        assert array.max() > 150
    source = Given(calibration=CalibrationSource(data))
    summary = quantize_file(path, tmp_path / "net.q.onnx", None, source)
    assert (summary.samples, summary.made) == (7, False)
    own = quantize_file(path, tmp_path / "own.onnx", choices, given(model, 0, 255))
    assert (own.samples, own.made) == (7, True)


@pytest.mark.parametrize(
    "network", [several_inputs, fixed_batch, products_alone, a_signal, channels_last]
)
@pytest.mark.parametrize("synthesis", ["weight-sums", "moments"])
def test_networks_without_batch_norm_have_data_made(
    tmp_path: Path, network: Callable[[], ir.Model], synthesis: str
) -> None:
    model = network()
    path = written(model, tmp_path)
    settings = {"synthesis": synthesis, "synthetic_samples": 7, "iterations": 3}
    choices = load_choices("gzsq").changed(settings)
    found = synthesize_file(path, tmp_path / "made.npz", "gzsq", choices, given(model, 0, 255))
    assert found.made.samples == 7
    assert len(found.made.losses["total"]) == 3
    for array in found.made.inputs.values():
        assert np.isfinite(array).all()
        assert array.min() >= 0
        assert array.max() <= 255
    target = tmp_path / "net.q.onnx"
    needing = choices.changed({"bias_correction": "data"})
    assert quantize_file(path, target, needing, given(model, 0, 255)).samples == 7


def test_a_network_without_layers_has_nothing_to_make_data_from(tmp_path: Path) -> None:
    model = parse("(float[N,3,8,8] image) => (y) { y = Relu(image) }")
    path = written(model, tmp_path)
    for recipe in ("dsg", "gzsq"):
        with pytest.raises(InvalidData, match="give data with --calibration"):
            synthesize_file(path, tmp_path / "made.npz", recipe, given=given(model))
    assert sorted(each.name for each in tmp_path.iterdir()) == ["net.onnx"]


def test_the_recipe_suits_the_network(tmp_path: Path) -> None:
    assert default_source(written(with_batch_norm(), tmp_path)) == "dsg"
    assert default_source(written(a_signal(), tmp_path)) == "gzsq"


def test_a_recipe_without_data_is_refused(tmp_path: Path) -> None:
    path = written(a_signal(), tmp_path)
    with pytest.raises(InvalidOption, match="--recipe guideline: it makes no data"):
        synthesize_file(path, tmp_path / "made.npz", "guideline")


def test_an_input_that_nothing_is_known_of_is_named(tmp_path: Path) -> None:
    path = written(several_inputs(), tmp_path)
    with pytest.raises(InvalidData, match=r"input image: .*--input-range image=LOW,HIGH"):
        synthesize_file(path, tmp_path / "made.npz", "noise")
    half = Given(input_ranges={"image": Range(0, 1)})
    with pytest.raises(InvalidData, match=r"input angle: .*--input-range angle=LOW,HIGH"):
        synthesize_file(path, tmp_path / "made.npz", "noise", given=half)


def test_a_foreign_operator_is_named_with_the_file(tmp_path: Path) -> None:
    model = parse("(float[N,4] image) => (y) { y = Erf(image) }")
    path = written(model, tmp_path)
    with pytest.raises(UnsupportedModel, match=r"net\.onnx(.|\n)*Erf"):
        synthesize_file(path, tmp_path / "made.npz", "noise", given=given(model))
