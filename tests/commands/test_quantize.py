# SPDX-License-Identifier: Apache-2.0
from pathlib import Path

import numpy as np
import onnx_ir as ir
import pytest

from intaglio.commands.quantize import (
    CalibrationSource,
    Given,
    quantize_file,
)
from intaglio.compiler.real.save import save_model
from tests.compiler.real.building import parse, random


def network(batch: int | str) -> ir.Model:
    text = f"(float[{batch}, 2] x) => (float[{batch}, 3] y) {{ y = Gemm(x, w) }}"
    return parse(text, w=random(1, 2, 3))


@pytest.mark.parametrize("batch", ["N", 4])
def test_samples_that_fill_a_batch_up_are_not_reported(tmp_path: Path, batch: int | str) -> None:
    model, data = tmp_path / "net.onnx", tmp_path / "data.npz"
    save_model(network(batch), model)
    np.savez(data, x=random(2, 6, 2))
    given = Given(calibration=CalibrationSource(data))
    assert quantize_file(model, tmp_path / "out.onnx", given=given).samples == 6
