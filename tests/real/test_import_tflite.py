# SPDX-License-Identifier: Apache-2.0
"""Real .tflite files through the frontend; their codes are compared in tests/peers."""

from pathlib import Path

import pytest

from intaglio.compiler.ir.graph import Level
from intaglio.errors import InvalidFile
from intaglio.frontends.tflite import import_tflite

pytestmark = pytest.mark.real


@pytest.mark.parametrize(
    ("name", "nodes"),
    [
        ("mlperf_tiny/ic01_resnet8_int8", 16),
        ("mlperf_tiny/vww01_int8", 31),
        ("tflite/tflm_person_detect", 31),
        ("tflite/coral_tf2_mobilenet_v2_1.0_224_ptq", 68),
    ],
)
def test_a_model_becomes_one_node_for_each_operator(real_data: Path, name: str, nodes: int) -> None:
    graph = import_tflite((real_data / f"{name}.tflite").read_bytes(), name)
    assert graph.level is Level.SCALED
    assert len(graph.nodes) == nodes


def test_a_float_model_is_refused_as_such(real_data: Path) -> None:
    content = (real_data / "mlperf_tiny/ic01_resnet8_float.tflite").read_bytes()
    with pytest.raises(InvalidFile, match="it is a float model"):
        import_tflite(content, "net")
