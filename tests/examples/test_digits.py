# SPDX-License-Identifier: Apache-2.0
from collections import Counter
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import pytest
from onnx import numpy_helper

from examples.digits.network import build
from intaglio.compiler.real.onnx_runtime import Session, parse

FOLDER = Path(__file__).parents[2] / "examples" / "digits"


@pytest.fixture(scope="module")
def model() -> onnx.ModelProto:
    return parse((FOLDER / "digits.onnx").read_bytes())


@pytest.mark.parametrize(("name", "images"), [("heldout", 540), ("calibration", 100)])
def test_the_images_are_as_documented(name: str, images: int) -> None:
    with np.load(FOLDER / f"{name}.npz", allow_pickle=False) as data:
        inputs, labels = data["inputs"], data["labels"]
    assert (inputs.shape, inputs.dtype) == ((images, 1, 8, 8), np.float32)
    assert (labels.shape, labels.dtype) == ((images,), np.int64)
    assert np.array_equal(inputs * 16, np.rint(inputs * 16))
    assert (inputs.min(), inputs.max()) == (0, 1)
    assert set(labels) == set(range(10))


def test_no_held_out_image_is_a_calibration_image() -> None:
    held_out, calibration = (
        {image.tobytes() for image in np.load(FOLDER / f"{name}.npz")["inputs"]}
        for name in ("heldout", "calibration")
    )
    assert held_out.isdisjoint(calibration)


def test_the_float_network_reads_the_held_out_digits(model: onnx.ModelProto) -> None:
    with np.load(FOLDER / "heldout.npz") as data:
        logits = Session(model).run({"image": data["inputs"]})["logits"]
        assert int((logits.argmax(axis=1) == data["labels"]).sum()) == 538


def test_the_network_exercises_what_the_demo_shows(model: onnx.ModelProto) -> None:
    kinds = Counter(node.op_type for node in model.graph.node)
    assert kinds["BatchNormalization"] == kinds["Conv"] == 14
    assert kinds["Add"] == 2
    assert kinds["GlobalAveragePool"] == kinds["Gemm"] == 1
    assert (FOLDER / "digits.onnx").stat().st_size < 500_000


def test_the_committed_file_is_what_the_builder_builds(model: onnx.ModelProto) -> None:
    # "stem/bn/scale" in the file was "stem.bn.weight" in training.
    trained = {
        "scale": "weight",
        "shift": "bias",
        "mean": "running_mean",
        "variance": "running_var",
    }
    parameters: dict[str, npt.NDArray[np.float32]] = {}
    for tensor in model.graph.initializer:
        module, _, role = tensor.name.rpartition("/")
        if module.endswith("/bn"):
            role = trained[role]
        elif module != "classifier":
            module += "/conv"
        parameters[f"{module}/{role}".replace("/", ".")] = numpy_helper.to_array(tensor)
    assert build(parameters).SerializeToString() == model.SerializeToString()
