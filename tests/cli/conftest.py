# SPDX-License-Identifier: Apache-2.0
"""The digits network, quantized and lowered once; compiled objects go to a folder of tests."""

from collections.abc import Generator
from pathlib import Path

import pytest

from tests.cli.running import DIGITS, done


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Generator[None, None, None]:
    """Where the compiled engine keeps objects."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("INTAGLIO_CACHE", str(tmp_path_factory.mktemp("compiled")))
        yield


@pytest.fixture(scope="session")
def quantized(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The quantized ONNX file; tests only read it."""
    path = tmp_path_factory.mktemp("quantized") / "digits.qdq.onnx"
    calibration = DIGITS / "calibration.npz"
    done("quantize", DIGITS / "digits.onnx", "-o", path, "--calibration", calibration)
    return path


@pytest.fixture(scope="session")
def lowered(quantized: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The ``.intaglio`` file; tests only read it."""
    path = tmp_path_factory.mktemp("lowered") / "digits.intaglio"
    done("lower", quantized, "-o", path)
    return path
