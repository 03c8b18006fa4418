# SPDX-License-Identifier: Apache-2.0
"""Pools as ONNX Runtime computes them, with padding, dilation and windows that reach beyond."""

from itertools import product

import onnx_ir as ir
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from intaglio.compiler.synthesis.graph_module import GraphModule
from intaglio.errors import UnsupportedModel
from tests.compiler.real.building import parse
from tests.compiler.synthesis.executing import (
    Attribute,
    assert_as_onnx_runtime,
    assert_gradients,
    attributes,
    one_node,
)


@st.composite
def pools(draw: st.DrawFn) -> tuple[ir.Model, str]:
    rank = draw(st.integers(1, 3))

    def each(low: int, high: int, count: int = rank) -> list[int]:
        return draw(st.lists(st.integers(low, high), min_size=count, max_size=count))

    op = draw(st.sampled_from(["AveragePool", "MaxPool"]))
    extents, kernel, strides, dilations = each(1, 8), each(1, 4), each(1, 3), each(1, 2)
    chosen: dict[str, Attribute] = {"kernel_shape": kernel}
    if draw(st.booleans()):
        chosen["strides"] = strides
    pads = [0] * 2 * rank
    match draw(st.sampled_from(["NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID", "pads"])):
        case "pads":
            pads = each(0, 3, 2 * rank)
            chosen["pads"] = pads
            chosen["ceil_mode"] = draw(st.integers(0, 1))
            chosen["dilations"] = dilations
        case automatic:
            dilations = [1] * rank
            chosen["auto_pad"] = automatic
    if op == "AveragePool":
        chosen["count_include_pad"] = draw(st.integers(0, 1))
    for axis in range(rank):
        reach = dilations[axis] * (kernel[axis] - 1) + 1
        begin, end = pads[axis], pads[axis + rank]
        assume(begin + extents[axis] + end >= reach)
        # A window must see at least one element.
        assume(max(begin, end) < kernel[axis])
        # ONNX Runtime takes strides beyond the kernel for negative padding.
        assume("auto_pad" not in chosen or kernel[axis] >= strides[axis] or "strides" not in chosen)
        assume(extents[axis] >= dilations[axis])
    return one_node(op, ("N", 2, *extents), chosen), op


@given(pools())
@settings(max_examples=50, deadline=None)
def test_pools(pool: tuple[ir.Model, str]) -> None:
    assert_as_onnx_runtime(pool[0])


@pytest.mark.parametrize("op", ["AveragePool", "MaxPool"])
@pytest.mark.parametrize("extent", [1, 2, 4, 7])
def test_every_pool_of_a_short_axis(op: str, extent: int) -> None:
    def chosen(
        kernel: int, stride: int, dilation: int, pads: tuple[int, ...], ceil: int, included: int
    ) -> dict[str, Attribute]:
        """The attributes of one pool."""
        given: dict[str, Attribute] = {"kernel_shape": [kernel], "strides": [stride], "pads": pads}
        given |= {"dilations": [dilation], "ceil_mode": ceil}
        return given | ({"count_include_pad": included} if op == "AveragePool" else {})

    pools = [
        chosen(kernel, stride, dilation, pads, ceil, included)
        for kernel, stride, dilation in product(range(1, 5), range(1, 4), (1, 2))
        for pads in product(range(min(kernel, 3)), repeat=2)
        for ceil, included in product((0, 1), range(1 + (op == "AveragePool")))
        if sum(pads) + extent > dilation * (kernel - 1)
        # The maximum of padding alone is ONNX Runtime's own affair.
        and (op == "AveragePool" or extent >= dilation)
    ]
    outputs = [f"y{index}" for index in range(len(pools))]
    nodes = " ".join(
        f"{output} = {op} {attributes(given)} (x)"
        for output, given in zip(outputs, pools, strict=True)
    )
    declared = ", ".join(f"float[] {output}" for output in outputs)
    assert_as_onnx_runtime(parse(f"(float[N, 1, {extent}] x) => ({declared}) {{ {nodes} }}"))


@pytest.mark.parametrize("op", ["AveragePool", "MaxPool"])
@pytest.mark.parametrize("ceil_mode", [0, 1])
def test_gradients(op: str, ceil_mode: int) -> None:
    chosen: dict[str, Attribute] = {
        "kernel_shape": [3, 2],
        "strides": [2, 2],
        "pads": [1, 0, 0, 1],
        "ceil_mode": ceil_mode,
    }
    assert_gradients(one_node(op, (1, 2, 4, 5), chosen))


def test_indices_are_refused() -> None:
    model = parse(
        """(float[1, 1, 4, 4] x) => (float[1, 1, 3, 3] y) {
            [sole] y, indices = MaxPool<kernel_shape = [2, 2]>(x)
        }"""
    )
    with pytest.raises(UnsupportedModel, match=r"node sole \(MaxPool\): it returns indices"):
        GraphModule(model)
