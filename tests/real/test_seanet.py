# SPDX-License-Identifier: Apache-2.0
"""TFLite Micro's single-operator models of int16 activations: our integers are its goldens."""

import zipfile
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from intaglio.commands.peers.catalog import Peer
from intaglio.commands.peers.running import Job, WholeModel, run_peer
from intaglio.compiler.ir.graph import Array, Graph
from intaglio.compiler.pipeline import lower
from intaglio.errors import MissingPeer
from intaglio.frontends.tflite import import_tflite
from intaglio.frontends.tflite.schema import read_model
from intaglio.numerics.profile import load_profile
from intaglio.simulator import compiled, vectorized
from tests.frontends.tflite.writing import Operator, Tensor, write
from tests.simulator.engines import assert_engines_agree

pytestmark = pytest.mark.real

NUMBERS = {
    "add": (0, 3, 5, 7, 9, 10, 12, 14, 16),
    "conv": (1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 20),
    "leaky_relu": (1, 4, 6, 8, 11, 13, 15, 17, 19, 20, 22),
    "pad": (0, 3, 5, 7, 9, 10, 12, 14, 16, 18),
    "quantize": (1,),
    "strided_slice": (1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 20, 22, 24, 26, 28, 31, 33),
    "sub": (1, 3),
    "transpose_conv": (0, 2, 4),
}
CASES = [f"{kind}/{kind}{number}" for kind, numbers in NUMBERS.items() for number in numbers]

OTHERWISE_IN_TFLM = {"leaky_relu/leaky_relu11": 1, "leaky_relu/leaky_relu19": 1}
"""Values that TFLite Micro itself computes otherwise than its goldens; its test allows one code."""


@dataclass(frozen=True, slots=True)
class Archive:
    """The archive, read case by case."""

    files: zipfile.ZipFile

    def model(self, case: str) -> bytes:
        """The model; a shape that is an input becomes the constant that the case feeds."""
        content = self.files.read(f"{case}.tflite")
        if case.startswith("transpose_conv"):
            return with_constant_input(content, self.arrays(f"{case}_input0")[0])
        return content

    def arrays(self, prefix: str) -> list[Array]:
        """Each array whose file begins so."""
        names = sorted(name for name in self.files.namelist() if name.startswith(f"{prefix}_"))
        return [self._array(name) for name in names]

    def inputs(self, case: str) -> list[Array]:
        """What is fed."""
        found = [array for at in range(3) for array in self.arrays(f"{case}_input{at}")]
        return found[1:] if case.startswith("transpose_conv") else found

    def _array(self, name: str) -> Array:
        words = self.files.read(name).decode().replace("\n", ",").split(",")
        dtype = name.removesuffix(".csv").rpartition("_")[2]
        return np.array([int(word) for word in words if word.strip()], dtype)


def with_constant_input(content: bytes, value: Array) -> bytes:
    """The same model with its first input as a constant."""
    model = read_model(content, "case")
    first = model.inputs[0]
    tensors = [
        Tensor(
            stored.shape,
            stored.kind,
            () if stored.quantization is None else tuple(map(float, stored.quantization.scales)),
            () if stored.quantization is None else stored.quantization.zero_points,
            0 if stored.quantization is None else stored.quantization.axis,
            value.tobytes()
            if index == first
            else None
            if stored.data is None
            else stored.data.tobytes(),
            stored.label,
        )
        for index, stored in enumerate(model.tensors)
    ]
    operators = [
        Operator(each.kind, each.operands, each.results, "TransposeConvOptions", each.options)
        for each in model.operators
    ]
    return write(tensors, operators, model.inputs[1:], model.outputs)


@pytest.fixture(scope="module")
def archive(real_data: Path) -> Generator[Archive, None, None]:
    with zipfile.ZipFile(real_data / "vectors" / "tflm_seanet.zip") as files:
        yield Archive(files)


@dataclass(frozen=True, slots=True)
class Lowered:
    """A case under a profile."""

    graph: Graph
    feeds: Mapping[str, Array]
    golden: Array

    def differing(self, found: Array) -> int:
        """How many values aren't golden."""
        assert (found.dtype, found.size) == (self.golden.dtype, self.golden.size)
        return int(np.count_nonzero(found.reshape(-1) != self.golden))


def lowered(archive: Archive, case: str, profile: str) -> Lowered:
    graph = lower(import_tflite(archive.model(case), "case"), load_profile(profile))
    feeds = {
        given.name: array.reshape(given.type.shape)
        for given, array in zip(graph.inputs, archive.inputs(case), strict=True)
    }
    (golden,) = archive.arrays(f"{case}_golden")
    return Lowered(graph, feeds, golden)


def test_every_case_runs(archive: Archive) -> None:
    models = [name for name in archive.files.namelist() if name.endswith(".tflite")]
    assert sorted(f"{case}.tflite" for case in CASES) == sorted(models)
    assert len(CASES) == 64


@pytest.mark.parametrize("case", CASES)
def test_litert_computes_the_goldens(archive: Archive, case: str) -> None:
    subject = lowered(archive, case, "litert-ref-1.3")
    (result,) = subject.graph.outputs
    assert subject.differing(assert_engines_agree(subject.graph, subject.feeds)[result]) == 0


@pytest.mark.parametrize("case", CASES)
def test_tflm_computes_them_but_for_two_slopes(archive: Archive, case: str) -> None:
    subject = lowered(archive, case, "tflm")
    (found,) = vectorized.run(subject.graph, subject.feeds).values()
    assert subject.differing(found) == OTHERWISE_IN_TFLM.get(case, 0)


@pytest.mark.peer
def test_tflm_itself_computes_them_so(archive: Archive) -> None:
    cases = [case for case in CASES if case.startswith("leaky_relu")]
    subjects = [lowered(archive, case, "tflm") for case in cases]
    jobs = [
        Job(case, WholeModel(archive.model(case)), [list(subject.feeds.values())])
        for case, subject in zip(cases, subjects, strict=True)
    ]
    try:
        results = run_peer(Peer.TFLM, jobs).results
    except MissingPeer as error:
        pytest.skip(str(error))
    for subject, result in zip(subjects, results, strict=True):
        (found,) = vectorized.run(subject.graph, subject.feeds).values()
        assert np.array_equal(found, result.outputs[0].values[0])


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_machine_code_computes_the_goldens(
    archive: Archive, case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INTAGLIO_CACHE", str(tmp_path))
    subject = lowered(archive, case, "litert-ref-1.3")
    (found,) = compiled.run(subject.graph, subject.feeds).values()
    assert subject.differing(found) == 0
