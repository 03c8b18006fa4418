# SPDX-License-Identifier: Apache-2.0
"""What follows from the file alone, such as a computed shape, is evaluated while reading."""

from math import prod
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
from onnx.reference import ReferenceEvaluator

from intaglio.compiler.ir.graph import Array
from intaglio.frontends.onnx.meanings import Meaning, Static
from intaglio.frontends.onnx.site import Site
from intaglio.frontends.refusal import Refusal

_KEEP_SIZE = frozenset(
    {"Cast", "Identity", "Reshape", "Slice", "Squeeze", "Transpose", "Unsqueeze"}
)
_BROADCAST = frozenset({"Add", "Concat", "Div", "Gather", "Mul", "Neg", "Sub"})
_MOST_ELEMENTS = 2**24


def fold(site: Site) -> Meaning | None:
    """The result of a node with known operands, None where the node isn't of that kind.

    Raises:
        Refusal: the node is malformed.
    """
    match site.node.op_type:
        case "Constant":
            return _evaluated(site, [])
        case "Shape":
            return _shape(site)
        case "CastLike":
            return _cast_like(site)
        case op if op in _KEEP_SIZE or op in _BROADCAST:
            known = [operand for operand in site.operands if isinstance(operand, Static)]
            if not known or len(known) < len(site.operands):
                return None
            largest = prod(max(operand.array.size, 1) for operand in known)
            if op in _BROADCAST and largest > _MOST_ELEMENTS:
                raise Refusal("computes a large constant; fold constants before quantizing")
            return _evaluated(site, known)
        case _:
            return None


def _cast_like(site: Site) -> Static | None:
    """A constant in the element type of another operand, which may be computed."""
    given, other = site.operand(0), site.operand(1)
    if not isinstance(given, Static):
        return None
    if isinstance(other, Static):
        return _evaluated(site, [given, other])
    site.real(1)
    return Static(site.source, given.array.astype(np.float32), ir.DataType.FLOAT)


def _shape(site: Site) -> Static:
    shape = site.operand(0).shape
    if shape is None:
        raise Refusal("asks for a shape that is not known")
    rank = len(shape)
    taken = shape[slice(site.integer("start", 0), site.integer("end", rank))]
    return Static(site.source, np.array(taken, np.int64), ir.DataType.INT64)


def _evaluated(site: Site, operands: list[Static]) -> Static:
    """One node run by ONNX's reference implementation."""
    node = ir.serde.serialize_node(site.node)
    inputs = {operand.name: operand for operand in operands}
    del node.input[:]
    node.input.extend(operand.name for operand in operands)
    graph = onnx.helper.make_graph(
        [node],
        "constant",
        [
            onnx.helper.make_tensor_value_info(name, static.element, None)
            for name, static in inputs.items()
        ],
        [onnx.ValueInfoProto(name=site.source)],
    )
    model = onnx.helper.make_model(
        graph, opset_imports=[onnx.helper.make_opsetid("", site.opset)], ir_version=10
    )
    try:
        feeds = {name: static.array for name, static in inputs.items()}
        evaluator: Any = ReferenceEvaluator(model)
        array: Array = np.asarray(evaluator.run(None, feeds)[0])
    except Exception as error:  # ONNX's evaluator raises whatever its operators do
        raise Refusal(f"can't be evaluated: {error}") from None
    return Static(site.source, array, ir.DataType.from_numpy(array.dtype))
