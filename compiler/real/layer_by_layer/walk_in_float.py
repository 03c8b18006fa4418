# SPDX-License-Identifier: Apache-2.0
"""Run a network node by node over all samples, in float32 numbers that stand for codes."""

from collections.abc import Sequence

import numpy as np
import onnx_ir as ir

from intaglio.compiler.real.layer_by_layer.layer_result import LayerResult
from intaglio.compiler.real.layer_by_layer.node_by_node import UNQUANTIZED, NodeByNode
from intaglio.compiler.real.layer_by_layer.quantized_side import Visit
from intaglio.compiler.real.linear import read_linear
from intaglio.compiler.real.onnx_runtime import Array, Feeds
from intaglio.compiler.real.quantization.plan import QuantizationPlan

__all__ = ["UNQUANTIZED", "walk_in_float"]


def walk_in_float(
    model: ir.Model, plan: QuantizationPlan, batches: Sequence[Feeds], visit: Visit
) -> None:
    """A ``QuantizedSide`` in float32: ONNX Runtime on numbers that are rounded to codes and back.

    All that ``plan`` names is rounded, constants and values; a plan without activations quantizes
    the weights alone. Every node runs once for each batch, in a session of its own, before the
    next node does; a value is dropped after its last use.

    Raises:
        InvalidData: a batch doesn't fit the inputs.
    """
    steps = NodeByNode(model, plan, batches)
    for node in model.graph:
        results = steps.run(node)
        if read_linear(node) is not None:
            _show(node.outputs[0].name or "", results[0], visit)
        steps.keep(node, results)


def _show(name: str, arrays: list[Array], visit: Visit) -> None:
    shift = visit(name, LayerResult(arrays)).astype(np.float32)
    for array in arrays:
        array += shift.reshape(1, -1, *[1] * (array.ndim - 2))
