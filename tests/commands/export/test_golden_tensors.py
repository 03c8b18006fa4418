# SPDX-License-Identifier: Apache-2.0
"""An export alone suffices to compute a layer, and to check it."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.cli.running import DIGITS, done

SAMPLES = 3


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> dict[str, NDArray[Any]]:
    folder = tmp_path_factory.mktemp("export")
    quantized, path = folder / "digits.onnx", folder / "digits.npz"
    calibration = DIGITS / "calibration.npz"
    done("quantize", DIGITS / "digits.onnx", "-o", quantized, "--calibration", calibration)
    heldout: Path = DIGITS / "heldout.npz"
    done(
        "export", quantized, "--integers", "-o", path, "--data", heldout, "--samples", str(SAMPLES)
    )
    with np.load(path, allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}


def test_every_value_has_golden_tensors(exported: dict[str, NDArray[Any]]) -> None:
    index = json.loads(str(exported["index"]))
    values = [each["value"] for each in (*index["inputs"], *index["nodes"])]
    for each in (*index["inputs"], *index["nodes"]):
        assert exported[f"golden/{each['value']}"].shape == (SAMPLES, *each["shape"])
    assert {f"golden/{value}" for value in values} == {
        name for name in exported if name.startswith("golden/")
    }
    with np.load(DIGITS / "heldout.npz") as data:
        np.testing.assert_array_equal(exported["golden/image"][:, 0], data["inputs"][:SAMPLES])


def test_a_layer_computed_from_the_export_equals_its_golden_tensors(
    exported: dict[str, NDArray[Any]],
) -> None:
    index = json.loads(str(exported["index"]))
    layers = [each for each in index["nodes"] if each["op"] == "requantize"]
    for layer in layers:
        name, (accumulator,), words = layer["value"], layer["operands"], layer["words"]
        assert words["requantizers.scaling.kind"] == "multiply_shift"
        assert words["requantizers.scaling.rounding"] == "half-toward-positive"
        fields = f"nodes/{name}/requantizers."
        x = exported[f"golden/{accumulator}"].astype(np.int64)
        multiplier = exported[f"{fields}scaling.multiplier"].astype(np.int64)
        shift = exported[f"{fields}scaling.shift"].astype(np.int64)
        scaled = (x * multiplier + (1 << (shift - 1))) >> shift
        low, high = exported[f"{fields}low"], exported[f"{fields}high"]
        y = np.clip(scaled + exported[f"{fields}zero_point"], low, high)
        np.testing.assert_array_equal(y, exported[f"golden/{name}"])
    assert len(layers) >= 15


def test_the_first_convolution_computed_from_the_export(
    exported: dict[str, NDArray[Any]],
) -> None:
    index = json.loads(str(exported["index"]))
    node = next(each for each in index["nodes"] if each["op"] == "conv2d")
    x, weights, bias = (
        exported.get(f"golden/{name}", exported.get(f"constants/{name}"))
        for name in node["operands"]
    )
    assert x is not None
    assert weights is not None
    assert bias is not None
    fields = f"nodes/{node['value']}/"
    zero, pad = exported[f"{fields}input_zero_point"], int(exported[f"{fields}pad_value"])
    assert exported[f"{fields}pads"].tolist() == [1, 1, 1, 1]
    assert exported[f"{fields}strides"].tolist() == [1, 1]
    padded = np.pad(x[:, 0].astype(np.int64), ((0, 0), (1, 1), (1, 1), (0, 0)), constant_values=pad)
    windows = np.lib.stride_tricks.sliding_window_view(padded - zero, (3, 3), axis=(1, 2))
    sums = np.einsum("nijcrs,orsc->nijo", windows, weights.astype(np.int64)) + bias
    np.testing.assert_array_equal(sums, exported[f"golden/{node['value']}"][:, 0])
