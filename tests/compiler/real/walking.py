# SPDX-License-Identifier: Apache-2.0
"""A small net with everything that a walk through it must get right, and what it shows."""

from collections.abc import Sequence

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from intaglio.compiler.real.layer_by_layer.layer_result import LayerResult
from intaglio.compiler.real.layer_by_layer.quantized_side import QuantizedSide
from intaglio.compiler.real.layer_by_layer.walk_in_float import walk_in_float
from intaglio.compiler.real.onnx_runtime import Feeds
from intaglio.compiler.real.quantization.plan import QuantizationPlan
from tests.compiler.real.building import Array, random

Reals = NDArray[np.float64]

# A residual block with a depthwise layer, a pool, a concatenation, a value that is read twice.
TEXT = """(float[N, 3, 8, 8] x) => (float[N, 5] y, float[N, 7, 4, 4] q) {
    a = Conv <pads = [1, 1, 1, 1]> (x, w1, b1)
    b = Clip (a, zero, six)
    c = Conv <pads = [1, 1, 1, 1], group = 4> (b, w2, b2)
    d = Add (c, b)
    e = MaxPool <kernel_shape = [2, 2], strides = [2, 2]> (d)
    f = Conv <strides = [2, 2]> (x, w3)
    q = Concat <axis = 1> (e, f)
    g = GlobalAveragePool (q)
    h = Reshape (g, shape)
    y = Gemm (h, w4, b4)
}"""
CONSTANTS: dict[str, Array] = {
    "w1": random(1, 4, 3, 3, 3),
    "b1": random(2, 4),
    "w2": random(3, 4, 1, 3, 3),
    "b2": random(4, 4),
    "w3": random(5, 3, 3, 1, 1),
    "w4": random(6, 7, 5),
    "b4": random(7, 5),
    "zero": np.array(0.0, np.float32),
    "six": np.array(6.0, np.float32),
    "shape": np.array([0, 7]),
}
LAYERS = ["a", "c", "f", "y"]


def means(
    model: ir.Model,
    plan: QuantizationPlan,
    batches: Sequence[Feeds],
    side: QuantizedSide = walk_in_float,
) -> dict[str, Reals]:
    """What a walk that changes nothing shows, by the name of the layer's result."""
    found: dict[str, Reals] = {}

    def visit(name: str, result: LayerResult) -> Reals:
        found[name] = result.means().mean(axis=0)
        return np.zeros(1)

    side(model, plan, batches, visit)
    return found
