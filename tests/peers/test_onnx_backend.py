# SPDX-License-Identifier: Apache-2.0
"""ONNX's own backend tests of quantization under profile ``onnx-spec``: every case exact.

Each is one node that takes even its scales as inputs.  What a model on a device knows beforehand
(scales, zero points, the weights of convolutions) is given as constants here; data stay inputs.
"""

import warnings
from functools import cache
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from onnx import numpy_helper
from onnx.backend.test.loader import load_model_tests

from intaglio.compiler.passes.select_arithmetic import select_arithmetic
from intaglio.errors import UnsupportedModel
from intaglio.frontends.onnx import import_onnx
from intaglio.numerics.profile import load_profile
from tests.simulator.engines import assert_engines_agree

pytestmark = pytest.mark.peer

DATA = {
    "ConvInteger": (0,),
    "DequantizeLinear": (0,),
    "DynamicQuantizeLinear": (0,),
    "MatMulInteger": (0, 1),
    "QLinearConv": (0,),
    "QLinearMatMul": (0, 3),
    "QuantizeLinear": (0,),
}
"""Which operands stay inputs."""

REFUSED = {
    "e4m3fn": "FLOAT8E4M3FN",
    "e5m2": "FLOAT8E5M2",
    "float4e2m1": "FLOAT4E2M1",
    "dynamic": "",
}
"""Parts of the names of cases that speak of no integers, or compute their scales."""


@cache
def cases() -> dict[str, Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the generators of the other cases
        found = load_model_tests(kind="node")
    return {
        case.name: case
        for case in found
        if case.model is not None and any(node.op_type in DATA for node in case.model.graph.node)
    }


def is_refused(name: str) -> bool:
    return any(part in name for part in REFUSED)


def arrays(values: list[Any]) -> list[np.ndarray[Any, Any]]:
    """Cases hold arrays, or messages where NumPy lacks the type."""
    return [
        numpy_helper.to_array(value) if isinstance(value, onnx.TensorProto) else np.asarray(value)
        for value in values
    ]


def folded(case: Any) -> tuple[ir.Model, dict[str, np.ndarray[Any, Any]], np.ndarray[Any, Any]]:
    """The model with its parameters as constants, what to feed, and the golden result."""
    proto = onnx.ModelProto()
    proto.CopyFrom(case.model)
    ((given, results),) = case.data_sets
    inputs, (golden,) = arrays(given), arrays(results)
    node = proto.graph.node[0]
    kept = {node.input[index] for index in DATA[node.op_type]}
    feeds: dict[str, np.ndarray[Any, Any]] = {}
    for value, array in zip(list(proto.graph.input), inputs, strict=True):
        if value.name in kept:
            feeds[value.name] = array
            continue
        type = value.type.tensor_type.elem_type
        tensor = onnx.helper.make_tensor(value.name, type, array.shape, array.ravel())
        proto.graph.initializer.append(tensor)
        proto.graph.input.remove(value)
    return ir.from_proto(proto), feeds, golden


def test_the_cases_are_those_that_we_know() -> None:
    names = [name for name in cases() if not is_refused(name)]
    assert (len(cases()), len(names)) == (45, 31)


@pytest.mark.parametrize("name", [name for name in cases() if not is_refused(name)])
def test_every_case_is_exact(name: str) -> None:
    model, feeds, golden = folded(cases()[name])
    graph = select_arithmetic(import_onnx(model, name), load_profile("onnx-spec"))
    types = {given.source: given.type.element for given in graph.inputs}
    plain = {
        source: array.astype(getattr(types[source], "dtype", np.float32))
        for source, array in feeds.items()
    }
    (output,) = graph.outputs
    found = assert_engines_agree(graph, plain)[output]
    np.testing.assert_array_equal(found, golden.astype(found.dtype))


@pytest.mark.parametrize("name", [name for name in cases() if is_refused(name)])
def test_what_is_no_integer_is_refused_by_name(name: str) -> None:
    proto: onnx.ModelProto = cases()[name].model
    model: ir.Model = ir.from_proto(proto)
    with pytest.raises(UnsupportedModel) as caught:
        import_onnx(model, name)
    assert "(" in str(caught.value)
