# SPDX-License-Identifier: Apache-2.0
"""Whole networks as ONNX Runtime's own tool quantizes them, under ``ort-x86-vnni``: equality.

Float networks with folded normalizations are quantized on four real samples; four others are run.
Of models of operators on codes every tensor of codes is compared, of QDQ models the results: there
further outputs would keep the runtime from fusing.
"""

import importlib
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
import pytest

from intaglio.compiler.pipeline import lower
from intaglio.compiler.real.normalization.normalize import normalize
from intaglio.compiler.real.onnx_runtime import Feeds, Session, parse
from intaglio.compiler.real.save import save_model
from intaglio.frontends.onnx import import_onnx
from intaglio.numerics.profile import load_profile
from intaglio.simulator.vectorized import Program
from tests.peers.onnx_runtime import entries
from tests.real.networks import NETWORKS

pytestmark = [pytest.mark.real, pytest.mark.peer]

CALIBRATED, COMPARED = 4, 4


@dataclass(frozen=True, slots=True)
class Variant:
    """How ONNX Runtime's tool shall quantize."""

    format: str
    activations: str
    per_channel: bool

    def __str__(self) -> str:
        scales = "channel" if self.per_channel else "tensor"
        return f"{self.format}-{self.activations}-{scales}"


VARIANTS = [
    Variant(*each)
    for each in itertools.product(("QDQ", "QOperator"), ("QUInt8", "QInt8"), (True, False))
]
QUICK = (VARIANTS[0], VARIANTS[3], VARIANTS[5], VARIANTS[6])
CASES = [
    pytest.param(name, variant, marks=[] if variant in QUICK else [pytest.mark.slow])
    for name in NETWORKS
    if name != "mobilenet_v1_075"  # as mobilenet_v1_025, but wider
    for variant in VARIANTS
]


def quantized(
    model: ir.Model, feeds: list[Feeds], variant: Variant, folder: Path
) -> onnx.ModelProto:
    """The model in the format and with the types of ``variant``, calibrated on ``feeds``."""
    tool: Any = importlib.import_module("onnxruntime.quantization")
    source, target = folder / "float.onnx", folder / "quantized.onnx"
    save_model(normalize(model), source)
    waiting = iter(feeds)

    class Reader(tool.CalibrationDataReader):  # type: ignore[misc]  # the tool has no types
        def get_next(self) -> Any:
            return next(waiting, None)

    tool.quantize_static(
        str(source),
        str(target),
        Reader(),
        quant_format=getattr(tool.QuantFormat, variant.format),
        per_channel=variant.per_channel,
        activation_type=getattr(tool.QuantType, variant.activations),
        weight_type=tool.QuantType.QInt8,
    )
    proto = parse(target.read_bytes())
    if variant.format == "QOperator":
        proto.graph.output.extend(tensors_of_codes(proto.graph))
    return proto


def tensors_of_codes(graph: onnx.GraphProto) -> Iterator[onnx.ValueInfoProto]:
    """What operators on codes compute, as further outputs."""
    for node in graph.node:
        if node.op_type == "QuantizeLinear" or node.op_type.startswith(("QLinear", "QGemm")):
            yield onnx.ValueInfoProto(name=node.output[0])


@pytest.mark.parametrize(("name", "variant"), CASES, ids=str)
def test_no_value_differs(name: str, variant: Variant, real_data: Path, tmp_path: Path) -> None:
    network = NETWORKS[name]
    model = network.load(real_data)
    feeds = list(network.feeds(real_data, model, CALIBRATED + COMPARED))
    proto = quantized(model, feeds[:CALIBRATED], variant, tmp_path)
    session = Session(proto, threads=1, entries=entries())
    graph = lower(import_onnx(ir.from_proto(proto), name), load_profile("ort-x86-vnni"))
    (given,) = graph.inputs
    if variant.format == "QOperator":
        assert len(graph.outputs) > 5
    program = Program(graph)
    for each in feeds[CALIBRATED:]:
        (array,) = each.values()
        found = program.run({given.name: np.asarray(array)})
        for output, expected in zip(graph.outputs, session.run(each).values(), strict=True):
            differing = int(np.count_nonzero(found[output] != expected))
            assert differing == 0, f"%{output}: {differing} of {expected.size} values differ"
