# SPDX-License-Identifier: Apache-2.0
"""``benchmarks.zero_shot`` on a real network: real data is out of bounds until it is evaluated."""

from pathlib import Path

import pytest

from benchmarks.data_free_cases import RESNET20
from benchmarks.zero_shot_cases import RANGES_ONLY, Case
from benchmarks.zero_shot_run import copy_network, measure, run_guarded

pytestmark = pytest.mark.real

NOISE = (
    Case(RESNET20, "noise", "dsg", "w8a8", RANGES_ONLY).noise().changed({"synthetic_samples": 8})
)


def test_a_case_is_quantized_and_evaluated(real_data: Path) -> None:
    found = measure(NOISE, 1, 50)
    assert found.key == NOISE.key(1, 50)
    assert (found.seed, found.refused, found.last_loss) == (1, None, None)
    assert found.did == "8 samples: normal noise"
    assert found.options.endswith("--set start=normal --set synthetic_samples=8")
    assert found.data_seconds is not None
    assert 0 < found.data_seconds < found.seconds
    assert found.accuracy is not None
    assert found.accuracy.images == 50
    assert found.accuracy.integer_top1 is not None
    assert found.accuracy.integer_top1 > 60


def test_real_images_calibrate_what_it_is_held_against(real_data: Path) -> None:
    found = measure(NOISE.real(), 0, 50)
    assert (found.did, found.data_seconds, found.refused) == ("", None, None)
    assert found.accuracy is not None
    assert found.accuracy.same_class > 80


def test_a_folded_network_is_refused_with_the_recipe_that_works(real_data: Path) -> None:
    case = Case(RESNET20, "zeroq", "zeroq", "w8a8", folded=True, input_range=(-2.0, 2.0))
    found = measure(case, 0, 50)
    assert found.accuracy is None
    assert found.refused is not None
    assert "choose --recipe gzsq" in found.refused


def test_a_recipe_cannot_calibrate_with_real_data(real_data: Path, tmp_path: Path) -> None:
    model, output = tmp_path / "net.onnx", tmp_path / "net.q.onnx"
    copy_network(RESNET20, model)
    arguments: list[str | Path] = ["quantize", model, "-o", output]
    arguments += ["--recipe", "dsg", "--set", "synthesis=none"]
    arguments += ["--calibration", RESNET20.path(RESNET20.calibration), "--samples", "2"]
    arguments += ["--preprocessing", RESNET20.preprocessing]
    with pytest.raises(RuntimeError, match=r"RealDataOpened: .*train_2000.npz is real data"):
        run_guarded(tmp_path, arguments)
    assert not output.exists()
    run_guarded(tmp_path, arguments, forbidden=False)
    assert output.exists()
