# SPDX-License-Identifier: Apache-2.0
import os
from pathlib import Path

import numpy as np
import pytest

from intaglio.compiler.real.load import load_model
from intaglio.compiler.real.onnx_runtime import parse as parse_bytes
from intaglio.compiler.real.save import save_model
from intaglio.compiler.real.statistics import (
    ChannelStatistics,
    read_channel_statistics,
    write_channel_statistics,
)
from intaglio.errors import InvalidFile
from tests.compiler.real.building import parse, random

TEXT = "(float[N,4] x) => (y) { h = Gemm(x, w)  y = Relu(h) }"


def test_versions_and_notes_survive(tmp_path: Path) -> None:
    model = parse(TEXT, w=random(1, 4, 2))
    hidden = model.graph[0].outputs[0]
    write_channel_statistics(hidden, np.array([0.1, -2.0]), np.array([0.3, 1e-9]))
    path = tmp_path / "model.onnx"
    save_model(model, path)
    proto = parse_bytes(path.read_bytes())
    assert (proto.ir_version, proto.opset_import[0].version) == (10, 21)
    again = load_model(path).graph[0].outputs[0]
    assert read_channel_statistics(again) == ChannelStatistics((0.1, -2.0), (0.3, 1e-9))
    assert os.listdir(tmp_path) == ["model.onnx"]


def test_an_invalid_model_leaves_the_old_file(tmp_path: Path) -> None:
    model = parse(TEXT, w=random(1, 4, 2))
    path = tmp_path / "model.onnx"
    save_model(model, path)
    before = path.read_bytes()
    broken = model.clone()
    broken.graph[0].replace_input_with(0, None)
    with pytest.raises(InvalidFile, match=r"model\.onnx: the model to write isn't valid ONNX"):
        save_model(broken, path)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["model.onnx"]


def test_another_opset_is_refused(tmp_path: Path) -> None:
    model = parse(TEXT, w=random(1, 4, 2))
    model.graph.opset_imports[""] = 20
    with pytest.raises(InvalidFile, match="opset 20"):
        save_model(model, tmp_path / "model.onnx")
    assert os.listdir(tmp_path) == []


def test_a_failing_disk_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(source: str, target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(InvalidFile, match="No space left on device"):
        save_model(parse(TEXT, w=random(1, 4, 2)), tmp_path / "model.onnx")
    assert os.listdir(tmp_path) == []


def test_a_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(InvalidFile, match="the file can't be written"):
        save_model(parse(TEXT, w=random(1, 4, 2)), tmp_path / "absent" / "model.onnx")
