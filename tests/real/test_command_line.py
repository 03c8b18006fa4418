# SPDX-License-Identifier: Apache-2.0
"""The main job through the command line on a real network and real photographs."""

import json
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.running import ROOT

IMAGES = 60
GIBIBYTE = 1 << 20  # in the units of ru_maxrss


def intaglio(*arguments: str | Path) -> str:
    command = [sys.executable, "-m", "intaglio.cli", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout


@pytest.mark.real
@pytest.mark.slow
def test_a_mobilenet_from_float_to_photographs_in_bounded_memory(
    real_data: Path, tmp_path: Path
) -> None:
    folder = real_data / "imagenet"
    images = (folder / "images.zip", "--labels", folder / "labels.tsv", "--preprocessing", "tf")
    model, lowered = tmp_path / "net.onnx", tmp_path / "net.intaglio"
    network = folder / "mobilenet_v1_075_224_bn.onnx"
    intaglio("quantize", network, "-o", model, "--calibration", *images, "--samples", "16")
    intaglio("lower", model, "-o", lowered)
    printed = intaglio("simulate", lowered, "--data", *images, "--limit", str(IMAGES), "--json")
    facts = json.loads(printed)
    assert facts["samples"] == IMAGES
    assert facts["top1"] > 0.7
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss < 2 * GIBIBYTE
