# SPDX-License-Identifier: Apache-2.0
import pickle

import pytest

from intaglio.errors import (
    AccumulatorTrapped,
    EmulationFailed,
    ExceedsBudget,
    IntaglioError,
    InvalidData,
    InvalidFile,
    InvalidGraph,
    InvalidOption,
    InvalidProfile,
    InvalidText,
    MissingPeer,
    MissingTool,
    PeerFailed,
    UnsupportedModel,
)

ERRORS = (
    InvalidFile("net.onnx", "the file is empty", "copy it again"),
    InvalidOption("--batch", 0, "is not positive", "choose 1 or more"),
    InvalidData("data.npz", "2 images", "3", "add one"),
    InvalidGraph("net", ["rule one", "rule two"]),
    InvalidText(3, "%x = ?", "?", "an op"),
    InvalidProfile("mine", "bound", "x", "y"),
    UnsupportedModel("net.onnx", ["node a: no"], "Replace it"),
    AccumulatorTrapped("conv", "the sum 128, which i8 doesn't hold"),
    ExceedsBudget("net.onnx", ["conv: found 9 bytes, expected 8"], ["narrower codes"]),
    MissingPeer("litert"),
    MissingTool("qemu-aarch64", "install it"),
    EmulationFailed("cortex-m4", "exit code 8", "report it"),
    PeerFailed("litert", "it ended", "leave the model out"),
)


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_an_error_comes_back_whole_from_another_process(error: IntaglioError) -> None:
    back: IntaglioError = pickle.loads(pickle.dumps(error))
    assert type(back) is type(error)
    assert (str(back), back.__dict__) == (str(error), error.__dict__)


def test_every_error_is_among_them() -> None:
    known = {
        kind for kind in IntaglioError.__subclasses__() if kind.__module__ == "intaglio.errors"
    }
    assert {type(error) for error in ERRORS} == known
