# SPDX-License-Identifier: Apache-2.0
"""Hold the codes of a QONNX model against the float32 tensors that qonnx computes."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import onnx_ir as ir

from intaglio.commands.peers.catalog import Peer
from intaglio.commands.peers.running import Job, Result, Tensor, WholeModel, run_peer
from intaglio.compiler.ir.graph import Array, Graph
from intaglio.compiler.ir.types import FLOAT32, TensorType
from intaglio.compiler.pipeline import lower
from intaglio.frontends.onnx import import_onnx
from intaglio.numerics.profile import load_profile
from intaglio.simulator import vectorized

Floats = npt.NDArray[np.float32]


def name_of(tensor: str) -> str:
    """What a tensor of a model is called in the integer graph, where its name is taken once."""
    return re.sub(r"[^A-Za-z0-9_.]+", "_", tensor).strip("_")


def reals(codes: Array, type: TensorType) -> Floats:
    """fl32(fl32(code - zero point) * scale)."""
    own = type.scaled
    along = [1] * type.rank
    if own.axis is not None:
        along[own.axis] = -1
    scales = np.array([scale.value for scale in own.scales], np.float32)
    zeros = np.array(own.zero_points, np.float32)
    scales = scales.reshape(along if scales.size > 1 else ())
    zeros = zeros.reshape(along if zeros.size > 1 else ())
    return (codes.astype(np.float32) - zeros) * scales


@dataclass(frozen=True, slots=True)
class Imported:
    """A model, imported and lowered under the profile of qonnx."""

    scaled: Graph
    fixed: Graph

    def run(self, feeds: Sequence[Array]) -> dict[str, Array]:
        """Every tensor for one run."""
        observed: dict[str, Array] = {}

        def observe(name: str, array: Array) -> None:
            observed[name] = array.copy()

        given = {i.name: feed for i, feed in zip(self.fixed.inputs, feeds, strict=True)}
        observed.update(vectorized.run(self.fixed, given, observe))
        return observed


def imported(model: ir.Model, datatypes: Mapping[str, str] | None = None) -> Imported:
    """The two graphs of a model."""
    scaled = import_onnx(model, "model", datatypes=datatypes)
    return Imported(scaled, lower(scaled, load_profile("qonnx")))


def run_qonnx(content: bytes, runs: Sequence[Sequence[Array]]) -> Result:
    """Every tensor of a model in qonnx."""
    answer = run_peer(Peer.QONNX, [Job("model", WholeModel(content), runs, every_tensor=True)])
    return answer.results[0]


@dataclass(frozen=True, slots=True)
class Difference:
    """A tensor's codes and what qonnx has there."""

    tensor: str
    run: int
    ours: Floats
    theirs: Floats

    @property
    def count(self) -> int:
        """How many numbers differ."""
        return int((self.ours != self.theirs).sum())


def compared(ours: Imported, result: Result, runs: Sequence[Sequence[Array]]) -> list[Difference]:
    """One entry a run for every tensor that both have, equal or not; constants once."""
    found = constants(ours.scaled, result.tensors)
    for number, feeds in enumerate(runs):
        observed = ours.run(feeds)
        for tensor in (*result.tensors, *result.outputs):
            name = name_of(tensor.name)
            if name not in ours.scaled.definitions or name not in observed:
                continue
            type, theirs = ours.scaled.type_of(name), tensor.values[number]
            mine = observed[name]
            if type.element != FLOAT32:
                mine = reals(mine, type)
            if mine.ndim == 4 and mine.shape != theirs.shape:
                mine = np.moveaxis(mine, -1, 1)  # inside, planes are in NHWC
            found.append(Difference(tensor.name, number, mine.astype(np.float32), theirs))
    return found


def constants(scaled: Graph, tensors: Sequence[Tensor]) -> list[Difference]:
    """The codes that the file holds."""
    found: list[Difference] = []
    by_name = {constant.source: constant for constant in scaled.constants}
    for tensor in tensors:
        constant = by_name.get(tensor.name)
        # The weights of convolutions lie in another order; their sums are compared.
        if constant is None or constant.array.ndim == 4:
            continue
        if constant.type.element != FLOAT32:
            mine, theirs = reals(constant.array, constant.type), tensor.values[0]
            # A Gemm's weights are kept as the product reads them.
            # Scales that an accumulator's type can't hold are kept as factors of its steps.
            factor = np.abs(theirs).max() if constant.type.scaled.scale.value == 1 else 1
            mine = mine * np.float32(factor)
            turned = mine.shape != theirs.shape or not np.array_equal(mine, theirs)
            found.append(Difference(tensor.name, 0, mine.T if turned else mine, theirs))
    return found
