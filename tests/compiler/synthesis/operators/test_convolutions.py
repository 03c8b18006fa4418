# SPDX-License-Identifier: Apache-2.0
"""Convolutions as ONNX Runtime computes them, with every way to say where windows lie."""

from dataclasses import dataclass

import onnx_ir as ir
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from intaglio.compiler.synthesis.graph_module import GraphModule
from intaglio.errors import UnsupportedModel
from tests.compiler.real.building import Array, random
from tests.compiler.synthesis.executing import (
    Attribute,
    assert_as_onnx_runtime,
    assert_gradients,
    one_node,
)

AUTOMATIC = ["SAME_UPPER", "SAME_LOWER", "VALID"]


@dataclass(frozen=True, slots=True)
class Case:
    """One node's attributes, the shape of its input, and its constants."""

    shape: tuple[int | str, ...]
    given: dict[str, Attribute]
    constants: dict[str, Array]


@st.composite
def cases(draw: st.DrawFn, *, transposed: bool) -> Case:
    rank = draw(st.integers(1, 3))

    def each(low: int, high: int, count: int = rank) -> list[int]:
        return draw(st.lists(st.integers(low, high), min_size=count, max_size=count))

    groups, inputs, outputs = (draw(st.integers(1, 3)) for _ in range(3))
    extents, kernel, strides, dilations = each(1, 7), each(1, 3), each(1, 3), each(1, 2)
    chosen: dict[str, Attribute] = {"group": groups, "strides": strides, "dilations": dilations}
    pads = each(0, 3, 2 * rank)
    added = each(0, 1) if transposed else [0] * rank
    if draw(st.booleans()):
        chosen["kernel_shape"] = kernel
    if transposed:
        chosen["output_padding"] = added
    automatic = draw(st.sampled_from(["NOTSET", *AUTOMATIC]))
    if automatic != "NOTSET":
        chosen["auto_pad"] = automatic
        dilations = [1] * rank  # which ONNX Runtime demands
        chosen.pop("dilations")
        pads = [0] * 2 * rank
    elif draw(st.booleans()):
        chosen["pads"] = pads
    else:
        pads = [0] * 2 * rank
    for axis in range(rank):
        reach, pad = dilations[axis] * (kernel[axis] - 1) + 1, pads[axis] + pads[axis + rank]
        if transposed:
            full = (extents[axis] - 1) * strides[axis] + reach + added[axis]
            assume(full - pad >= 1 and added[axis] < strides[axis])
        else:
            assume(extents[axis] + pad >= reach or automatic.startswith("SAME"))
    channels = groups * inputs, groups * outputs
    weight = (channels[0], outputs, *kernel) if transposed else (channels[1], inputs, *kernel)
    constants: dict[str, Array] = {"w": random(1, *weight)}
    if draw(st.booleans()):
        constants["b"] = random(2, channels[1])
    return Case(("N", channels[0], *extents), chosen, constants)


@given(cases(transposed=False))
@settings(max_examples=60, deadline=None)
def test_convolutions(case: Case) -> None:
    assert_as_onnx_runtime(one_node("Conv", case.shape, case.given, case.constants))


@given(cases(transposed=True))
@settings(max_examples=60, deadline=None)
def test_transposed_convolutions(case: Case) -> None:
    assert_as_onnx_runtime(one_node("ConvTranspose", case.shape, case.given, case.constants))


@pytest.mark.parametrize("automatic", ["NOTSET", "SAME_UPPER", "SAME_LOWER"])
@pytest.mark.parametrize("shape", [[7, 9], [10, 11], [12, 13]])
def test_a_transposed_convolution_finds_the_padding_of_its_output_shape(
    automatic: str, shape: list[int]
) -> None:
    chosen: dict[str, Attribute] = {"strides": [2, 2], "output_shape": shape, "auto_pad": automatic}
    model = one_node("ConvTranspose", ("N", 2, 5, 5), chosen, {"w": random(1, 2, 3, 3, 4)})
    assert_as_onnx_runtime(model)


@pytest.mark.parametrize("op", ["Conv", "ConvTranspose"])
def test_gradients(op: str) -> None:
    chosen: dict[str, Attribute] = {"strides": [2, 1], "pads": [1, 0, 0, 1], "group": 2}
    model = one_node(op, (1, 4, 3, 4), chosen, {"w": random(1, 4, 2, 2, 3), "b": random(2, 4)})
    assert_gradients(model)


def test_more_than_three_spatial_axes_are_refused() -> None:
    model = one_node("Conv", (1, 1, 2, 2, 2, 2), constants={"w": random(1, 1, 1, 1, 1, 1, 1)})
    with pytest.raises(UnsupportedModel, match=r"node sole \(Conv\): it has 4 spatial axes"):
        GraphModule(model)


def test_an_automatic_padding_that_does_not_exist_is_refused() -> None:
    model = one_node("Conv", (1, 1, 4, 4), constants={"w": random(1, 1, 1, 3, 3)})
    model.graph[0].attributes["auto_pad"] = ir.AttrString("auto_pad", "SAME")
    with pytest.raises(UnsupportedModel, match=r"node sole \(Conv\): its auto_pad is SAME,"):
        GraphModule(model)


def test_attributes_of_another_rank_are_refused() -> None:
    model = one_node("Conv", (1, 1, 4, 4), constants={"w": random(1, 1, 1, 3, 3)})
    model.graph[0].attributes["strides"] = ir.AttrInt64s("strides", [1])
    with pytest.raises(UnsupportedModel, match=r"node sole \(Conv\): its strides has 1 numbers"):
        GraphModule(model)
