# SPDX-License-Identifier: Apache-2.0
"""The exact real scale of each sum: what the scaled graph knows and the fixed one has forgotten."""

from collections.abc import Mapping
from fractions import Fraction
from math import prod
from typing import cast

from intaglio.compiler.ir import scaled
from intaglio.compiler.ir.graph import Graph, Node

SUM_SUFFIX = "accumulator"
"""What the lowering calls the sum of a node, behind the node's own name and a point."""


def real_scales(graph: Graph) -> Mapping[str, tuple[Fraction, ...]]:
    """By the fixed name of a sum, ``s_x * s_w / s_y`` for each output channel, or one for all.

    Of a mean over n elements it is ``s_x / (n * s_y)``, of a sum ``s_x / s_y``.

    Args:
        graph: the scaled graph.
    """
    found: dict[str, tuple[Fraction, ...]] = {}
    for node in graph.nodes:
        scales = _scales(graph, node, cast("scaled.Op", node.op))
        if scales:
            found[f"{node.name}.{SUM_SUFFIX}"] = scales
    return found


def _scales(graph: Graph, node: Node, op: scaled.Op) -> tuple[Fraction, ...]:
    """Empty where the node is no sum, or its scales can't be told."""
    if not isinstance(
        op,
        scaled.Conv2d
        | scaled.ConvTranspose2d
        | scaled.FullyConnected
        | scaled.MatMul
        | scaled.ReduceMean
        | scaled.ReduceSum,
    ):
        return ()
    source, result = graph.type_of(node.operands[0]), node.type
    if source.quantization is None or result.quantization is None:
        return ()
    if not (source.scaled.per_tensor and result.scaled.per_tensor):
        return ()
    if not (source.scaled.scale.value and result.scaled.scale.value):
        return ()
    ratio = source.scaled.scale.fraction / result.scaled.scale.fraction
    match op:
        case scaled.ReduceMean():
            return (ratio / prod(source.shape[axis] for axis in op.axes),)
        case scaled.ReduceSum():
            return (ratio,)
        case _:
            weights = graph.type_of(node.operands[1]).scaled
            products = tuple(ratio * scale.fraction for scale in weights.scales)
            return products if all(products) else ()
