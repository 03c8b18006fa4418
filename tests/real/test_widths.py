# SPDX-License-Identifier: Apache-2.0
"""ResNet8 at widths other than 8 bits, and with shifts alone."""

from pathlib import Path

import pytest

from intaglio.compiler.real.onnx_runtime import Session
from intaglio.compiler.real.quantization.options import QuantizationOptions
from intaglio.compiler.recipes.minmax import quantize_minmax
from tests.compiler.recipes.quantized_file import QuantizedFile
from tests.compiler.recipes.widths import WIDTHS, assert_width_works
from tests.real.networks import NETWORKS

pytestmark = pytest.mark.real

RESNET8 = NETWORKS["resnet8"]
CALIBRATION = 100
EVALUATED = 500

LOSSES = {
    "w8a8": (QuantizationOptions(), 0.01),
    "w8a16": (QuantizationOptions(8, 16), 0.01),
    "w6a6": (QuantizationOptions(6, 6), 0.08),
    "w4a8": (QuantizationOptions(4, 8), 0.35),
}
"""How much of float's top-1 the plain recipe may lose; fewer bits ask for better recipes."""


@pytest.mark.parametrize("bits", WIDTHS)
def test_every_width(bits: str, real_data: Path, tmp_path: Path) -> None:
    model = RESNET8.load(real_data)
    calibration = list(RESNET8.feeds(real_data, model, 8, skip=1))
    (sample,) = RESNET8.feeds(real_data, model, 1)
    assert_width_works(model, calibration, sample, bits, tmp_path / "quantized.onnx")


@pytest.mark.slow
@pytest.mark.parametrize("name", [*LOSSES, "shifts"])
def test_accuracy(name: str, real_data: Path, tmp_path: Path) -> None:
    shifts = QuantizationOptions(power_of_two_scales=True)
    options, allowed = LOSSES.get(name, (shifts, 0.02))
    profile = "pow2-half-up" if options.power_of_two_scales else "single-rounding"
    model = RESNET8.load(real_data)
    evaluated = list(RESNET8.labelled(real_data, model, EVALUATED))
    result = quantize_minmax(
        model, RESNET8.feeds(real_data, model, CALIBRATION, skip=EVALUATED), options
    )
    file = QuantizedFile.written(result.model, result.plan, tmp_path / "quantized.onnx")
    session = Session(model, threads=1)
    right = [
        int(scores.argmax()) == label
        for feeds, label in evaluated
        for scores in session.run(feeds).values()
    ]
    real, found = sum(right) / len(right), file.accuracy(profile, evaluated)
    print(f"{name}: float {real:.3f}, integer {found:.3f}")
    assert found >= real - allowed
