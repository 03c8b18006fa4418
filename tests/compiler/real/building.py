# SPDX-License-Identifier: Apache-2.0
"""Small float models from ONNX's own text form, and how two models are compared."""

from typing import Any

import numpy as np
import onnx
import onnx.parser
import onnx_ir as ir
from numpy.typing import NDArray
from onnx import numpy_helper

from intaglio.compiler.real.load import infer_shapes
from intaglio.compiler.real.onnx_runtime import Session, check, to_proto
from intaglio.compiler.real.statistics import write_channel_statistics

Array = NDArray[Any]


def parse(text: str, **constants: Array) -> ir.Model:
    """A model of opset 21 from ``(inputs) => (outputs) { nodes }``; constants by name."""
    header = '<ir_version: 10, opset_import: ["" : 21]> small '
    proto = onnx.parser.parse_model(header + text)
    for name, array in constants.items():
        proto.graph.initializer.append(numpy_helper.from_array(array, name))
    model = infer_shapes(ir.from_proto(proto))
    check(to_proto(model), shapes=True)
    return model


def random(seed: int, *shape: int) -> NDArray[np.float32]:
    """Normal numbers in float32."""
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def random_feeds(model: ir.Model, seed: int = 0, batch: int = 2) -> dict[str, Array]:
    """Normal numbers for every input; a symbolic dimension becomes ``batch``."""
    feeds: dict[str, Array] = {}
    for index, value in enumerate(model.graph.inputs):
        assert value.shape is not None
        dims = [dim if isinstance(dim, int) else batch for dim in value.shape]
        feeds[value.name or ""] = random(seed + index, *dims)
    return feeds


def run(model: ir.Model, feeds: dict[str, Array], *, optimize: bool = True) -> dict[str, Array]:
    """What ONNX Runtime computes."""
    return Session(model, threads=1, optimize=optimize).run(feeds)


def assert_same_function(first: ir.Model, second: ir.Model, tolerance: float = 1e-5) -> None:
    """Both are valid and yield the same outputs but for float32 rounding, whatever the batch."""
    for model in (first, second):
        check(to_proto(model), shapes=True)
    for seed, batch in ((0, 1), (7, 3)):
        feeds = random_feeds(first, seed, batch)
        expected, found = run(first, feeds), run(second, feeds)
        assert list(expected) == list(found)
        for name, array in expected.items():
            assert array.shape == found[name].shape
            span = max(float(np.ptp(array)), 1e-3)
            assert float(np.abs(array - found[name]).max()) <= tolerance * span, name


def ops(model: ir.Model) -> list[str]:
    """The ops of a model in order."""
    return [node.op_type for node in model.graph]


def initializer(model: ir.Model, name: str) -> Array:
    """The array of a constant."""
    tensor = model.graph.initializers[name].const_value
    assert tensor is not None
    return tensor.numpy()


def note_statistics(model: ir.Model, feeds: dict[str, Array], *names: str) -> ir.Model:
    """Note mean and std of some values over feeds by channel, in place, as BatchNorm would."""
    if not names:
        return model
    copy = model.clone()
    copy.graph.outputs.clear()
    copy.graph.outputs.extend(v for n in copy.graph for v in n.outputs if v.name in names)
    used = {value.name for value in copy.graph.inputs}
    seen = run(copy, {name: array for name, array in feeds.items() if name in used})
    for value in (v for node in model.graph for v in node.outputs if v.name in names):
        by_channel = np.moveaxis(seen[value.name or ""].astype(np.float64), 1, 0)
        flat = by_channel.reshape(len(by_channel), -1)
        write_channel_statistics(value, flat.mean(axis=1), flat.std(axis=1))
    return model
