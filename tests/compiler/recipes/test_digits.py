# SPDX-License-Identifier: Apache-2.0
"""The digits network at every width, and with shifts alone."""

from pathlib import Path

import numpy as np
import pytest

from intaglio.compiler.real.load import load_model
from intaglio.compiler.real.onnx_runtime import Array, Feeds
from intaglio.compiler.real.quantization.options import QuantizationOptions
from intaglio.compiler.recipes.minmax import quantize_minmax
from tests.compiler.recipes.quantized_file import QuantizedFile
from tests.compiler.recipes.widths import WIDTHS, assert_width_works

FOLDER = Path(__file__).parents[3] / "examples" / "digits"
MODEL = load_model(FOLDER / "digits.onnx")
INPUT = MODEL.graph.inputs[0].name or ""


def arrays(file: str) -> tuple[Array, Array]:
    with np.load(FOLDER / file) as data:
        return data["inputs"].astype(np.float32), data["labels"]


def calibration() -> list[Feeds]:
    return [{INPUT: arrays("calibration.npz")[0]}]


@pytest.mark.parametrize("bits", WIDTHS)
def test_every_width(bits: str, tmp_path: Path) -> None:
    sample = {INPUT: arrays("heldout.npz")[0][:1]}
    assert_width_works(MODEL, calibration(), sample, bits, tmp_path / "quantized.onnx")


@pytest.mark.parametrize("signed", [False, True])
def test_shifts_alone_lose_nothing(signed: bool, tmp_path: Path) -> None:
    options = QuantizationOptions(
        power_of_two_scales=True, symmetric_activations=signed, signed_activations=signed
    )
    result = quantize_minmax(MODEL, calibration(), options)
    scales = {
        scale
        for parameters in (*result.plan.activations.values(), *result.plan.constants.values())
        for scale in parameters.scales
    }
    assert {np.frexp(scale)[0] for scale in scales} == {0.5}
    file = QuantizedFile.written(result.model, result.plan, tmp_path / "quantized.onnx")
    heldout = (
        ({INPUT: image[None]}, int(label))
        for image, label in zip(*arrays("heldout.npz"), strict=True)
    )
    assert file.accuracy("pow2-half-up", heldout) >= 0.99


@pytest.mark.parametrize(
    "profile",
    ["ethos-u", "gemmini", "nvdla", "deeploy", "nemo", "finn", "vta", "ap-fixed"],
)
def test_accelerators_lose_hardly_anything(profile: str, tmp_path: Path) -> None:
    options = QuantizationOptions(
        power_of_two_scales=profile in ("vta", "ap-fixed"),
        symmetric_activations=True,
        signed_activations=True,
    )
    result = quantize_minmax(MODEL, calibration(), options)
    file = QuantizedFile.written(result.model, result.plan, tmp_path / "quantized.onnx")
    images, labels = arrays("heldout.npz")
    heldout = (
        ({INPUT: image[None]}, int(label))
        for image, label in zip(images[:200], labels, strict=False)
    )
    assert file.accuracy(profile, heldout) >= 0.98
