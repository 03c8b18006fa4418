# SPDX-License-Identifier: Apache-2.0
"""Resize and Upsample of opset 10 and below, where no attribute says which elements they read.

ONNX's version converter leaves such nodes with the defaults of opset 11, which read others.
"""

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

_SCALES = 2  # the place of the scales among the inputs, from opset 11 on


def state_old_coordinates(graph: onnx.GraphProto, version: int) -> list[str]:
    """State on every Resize of a converted graph what its older opset means.

    Element ``i`` of a result lies at ``i / scale``: ``asymmetric``. To the nearest means ``floor``
    where an axis grows and ``ceil`` where it shrinks.  Source: ONNX Runtime 1.31, as measured; the
    operators Upsample-7 to Resize-10 leave it open.

    Args:
        graph: a graph of opset 11 or above, whose nodes are changed.
        version: the opset it had before, at most 10.

    Returns:
        A sentence about each node that no attribute can describe: one that shrinks one axis and
        enlarges another, or has scales that aren't stored. Upsample, alone before opset 10, only
        enlarges.
    """
    problems: list[str] = []
    stored = _stored(graph)
    for node in graph.node:
        if node.op_type != "Resize":
            continue
        scales = stored.get(node.input[_SCALES])
        shrinks = version >= 10 and (scales is None or bool((scales < 1).any()))
        grows = scales is None or bool((scales > 1).any())
        if _mode(node) == "nearest" and shrinks and grows:
            reason = "scales that aren't stored" if scales is None else f"scales {scales.tolist()}"
            problems.append(
                f"node {node.name or node.output[0]} (Resize): opset {version} and the {reason} "
                "leave open which elements are the nearest"
            )
            continue
        node.attribute.append(helper.make_attribute("coordinate_transformation_mode", "asymmetric"))
        node.attribute.append(helper.make_attribute("nearest_mode", "ceil" if shrinks else "floor"))
    return problems


def _mode(node: onnx.NodeProto) -> str:
    return next((a.s.decode() for a in node.attribute if a.name == "mode"), "nearest")


def _stored(graph: onnx.GraphProto) -> dict[str, NDArray[np.float32]]:
    """The float32 arrays of initializers and Constant nodes by name."""
    tensors = {tensor.name: tensor for tensor in graph.initializer}
    for node in graph.node:
        for attribute in node.attribute:
            if node.op_type == "Constant" and attribute.name == "value":
                tensors[node.output[0]] = attribute.t
    return {
        name: numpy_helper.to_array(tensor).astype(np.float32, copy=False)
        for name, tensor in tensors.items()
        if tensor.data_type == onnx.TensorProto.FLOAT
    }
