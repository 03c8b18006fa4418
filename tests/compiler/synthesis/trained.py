# SPDX-License-Identifier: Apache-2.0
"""Small networks whose BatchNormalizations keep the statistics of known data."""

from collections.abc import Mapping, Sequence

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from intaglio.compiler.synthesis.options import SynthesisOptions
from intaglio.compiler.synthesis.prepared_model import prepare
from tests.compiler.real.building import Array, initializer, parse, random, run

# By value: mean and standard deviation of each channel.
Moments = dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]]

# Two blocks and a classifier, of which the second block has positions left.
BLOCKS = """(float[N,3,8,8] x) => (float[N,4] y) {
    a = Conv <pads = [1,1,1,1]> (x, w0) b = BatchNormalization(a, g0, o0, m0, v0) c = Relu(b)
    d = Conv(c, w1) e = BatchNormalization(d, g1, o1, m1, v1) f = Relu(e)
    p = GlobalAveragePool(f) q = Flatten(p) y = Gemm(q, w2)
}"""
QUICK = SynthesisOptions("batch-norm", synthetic_samples=4, iterations=15)


def trained(
    text: str, channels: Sequence[int], data: Mapping[str, Array], **constants: Array
) -> ir.Model:
    """A prepared model whose i-th BatchNormalization, ``(x, g, o, m, v)`` with i, saw the data.

    Args:
        text: the model.
        channels: of each BatchNormalization, in order.
        data: by input.
        constants: the others.
    """
    for i, count in enumerate(channels):
        constants[f"g{i}"] = 1 + 0.2 * random(100 + i, count)
        constants[f"o{i}"] = 0.3 * random(200 + i, count)
        constants[f"m{i}"] = np.zeros(count, np.float32)
        constants[f"v{i}"] = np.ones(count, np.float32)
    for i in range(len(channels)):
        model = parse(text, **constants)
        value = [node.inputs[0] for node in model.graph if node.op_type == "BatchNormalization"][i]
        assert value is not None
        mean, std = moments(model, data, [value.name or ""])[value.name or ""]
        constants[f"m{i}"] = mean.astype(np.float32)
        constants[f"v{i}"] = np.square(std).astype(np.float32)
    return prepare(parse(text, **constants))


def blocks(batch: int | str = "N") -> ir.Model:
    """``BLOCKS``, that saw gradients of light with a little noise."""
    ramps = np.linspace(-1, 1, 8, dtype=np.float32)
    images = random(1, 64, 3, 1, 1) * ramps + random(2, 64, 3, 1, 1) * ramps[:, None]
    images = images + 0.2 * random(3, 64, 3, 8, 8) + random(4, 64, 1, 1, 1)
    weights = {"w0": random(5, 5, 3, 3, 3), "w1": random(6, 6, 5, 3, 3), "w2": random(7, 6, 4)}
    free = trained(BLOCKS, (5, 6), {"x": images}, **weights)
    if batch == "N":
        return free
    names = ("w0", "w1", "w2", "g0", "o0", "m0", "v0", "g1", "o1", "m1", "v1")
    kept = {name: initializer(free, name) for name in names}
    return prepare(parse(BLOCKS.replace("[N,", f"[{batch},"), **kept))


def moments(model: ir.Model, data: Mapping[str, Array], names: Sequence[str]) -> Moments:
    """What ONNX Runtime sees in values, over samples and positions."""
    copy = model.clone()
    copy.graph.outputs.clear()
    copy.graph.outputs.extend(v for n in copy.graph for v in n.outputs if v.name in names)
    used = {value.name for value in copy.graph.inputs}
    found: Moments = {}
    for name, array in run(copy, {n: a for n, a in data.items() if n in used}).items():
        by_channel = np.moveaxis(array.astype(np.float64), 1, 0)
        flat = by_channel.reshape(len(by_channel), -1)
        found[name] = flat.mean(axis=1), flat.std(axis=1)
    return found
