# SPDX-License-Identifier: Apache-2.0
"""Moves as ONNX Runtime makes them, with every way to count axes and places."""

import numpy as np
import onnx_ir as ir
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from intaglio.compiler.synthesis.graph_module import GraphModule
from intaglio.errors import UnsupportedModel
from tests.compiler.real.building import Array, parse, random
from tests.compiler.synthesis.executing import (
    Attribute,
    assert_as_onnx_runtime,
    assert_gradients,
    one_node,
)

SHAPE = (2, 3, 4, 5)


def whole(*numbers: int) -> Array:
    return np.array(numbers, np.int64)


@pytest.mark.parametrize("axis", [0, 1, 3, -1, -4])
def test_concat(axis: int) -> None:
    text = (
        f"(float[2, 2] x, float[2, 2] z) => (float[] y) {{ y = Concat<axis = {axis}>(x, c, z, x) }}"
    )
    shape = [2, 2]
    if abs(axis) < 2:
        shape[axis] = 3
        assert_as_onnx_runtime(parse(text, c=random(1, *shape)))
    wide = text.replace("float[2, 2]", "float[2, 2, 2, 2]")
    assert_as_onnx_runtime(parse(wide, c=random(1, 2, 2, 2, 2)))


@pytest.mark.parametrize("axis", [None, 0, 1, 3, 4, -1, -4])
def test_flatten(axis: int | None) -> None:
    assert_as_onnx_runtime(one_node("Flatten", SHAPE, {} if axis is None else {"axis": axis}))


@pytest.mark.parametrize(
    "shape", [(-1,), (0, -1), (0, 0, 20), (8, 0, -1), (2, 1, 3, 20), (0, 0, 0, 0)]
)
def test_reshape(shape: tuple[int, ...]) -> None:
    assert_as_onnx_runtime(one_node("Reshape", SHAPE, constants={"target": whole(*shape)}))


def test_reshape_may_mean_zero() -> None:
    model = one_node("Reshape", ("N", 0), {"allowzero": 1}, {"target": whole(0, 7)})
    assert_as_onnx_runtime(model, {"x": np.zeros((4, 0), np.float32)})


@pytest.mark.parametrize("axes", [None, (0,), (2,), (-2, 0), (-4, -2)])
def test_squeeze(axes: tuple[int, ...] | None) -> None:
    constants: dict[str, Array] = {} if axes is None else {"axes": whole(*axes)}
    assert_as_onnx_runtime(one_node("Squeeze", (1, 3, 1, 5), constants=constants))


@pytest.mark.parametrize("axes", [(0,), (2,), (-1,), (3, 0), (-1, 0), (1, 2), (-3, 4), (4, 1)])
def test_unsqueeze(axes: tuple[int, ...]) -> None:
    assert_as_onnx_runtime(one_node("Unsqueeze", (2, 3, 4), constants={"axes": whole(*axes)}))


@pytest.mark.parametrize("order", [None, (0, 1, 2, 3), (0, 2, 3, 1), (3, 0, 2, 1)])
def test_transpose(order: tuple[int, ...] | None) -> None:
    assert_as_onnx_runtime(one_node("Transpose", SHAPE, {} if order is None else {"perm": order}))


@pytest.mark.parametrize("axis", [None, 1, -1])
def test_split_into_given_extents(axis: int | None) -> None:
    extents = whole(1, 4) if axis == -1 else whole(1, 2) if axis == 1 else whole(0, 2)
    given: dict[str, Attribute] = {} if axis is None else {"axis": axis}
    model = one_node("Split", SHAPE, given, {"split": extents}, outputs=("y", "z"))
    assert_as_onnx_runtime(model)


@pytest.mark.parametrize(("extent", "parts"), [(6, 3), (7, 3), (5, 5), (7, 2), (4, 1)])
def test_split_into_equal_parts(extent: int, parts: int) -> None:
    outputs = tuple(f"y{index}" for index in range(parts))
    model = one_node("Split", (2, extent), {"axis": 1, "num_outputs": parts}, outputs=outputs)
    assert_as_onnx_runtime(model)


def test_extents_for_other_outputs_are_refused() -> None:
    model = parse(
        "(float[4] x) => (float[2] y, float[2] z) { [sole] y, z = Split(x, split) }",
        split=whole(2, 2),
    )
    value = model.graph.initializers["split"]
    value.const_value = ir.tensor(whole(1, 1, 2))
    with pytest.raises(UnsupportedModel, match="it has 2 outputs and 3 extents of parts"):
        GraphModule(model)


@st.composite
def slicings(draw: st.DrawFn) -> ir.Model:
    count = draw(st.integers(1, 3))
    ends = st.integers(-7, 7) | st.sampled_from([-(2**63) + 1, -(2**31), 2**31 - 1, 2**63 - 1])
    steps = st.integers(-3, 3).filter(bool)

    def each(numbers: st.SearchStrategy[int]) -> Array:
        return whole(*draw(st.lists(numbers, min_size=count, max_size=count)))

    constants: dict[str, Array] = {"starts": each(ends), "ends": each(ends)}
    if draw(st.booleans()):
        order = draw(st.permutations(range(4)))[:count]
        constants["axes"] = whole(*(axis - draw(st.sampled_from([0, 4])) for axis in order))
        if draw(st.booleans()):
            constants["steps"] = each(steps)
    return one_node("Slice", SHAPE, constants=constants)


@given(slicings())
@settings(max_examples=100, deadline=None)
def test_slice(model: ir.Model) -> None:
    assert_as_onnx_runtime(model)


def test_steps_without_axes() -> None:
    constants = {"starts": whole(-1, 0), "ends": whole(-5, 3), "steps": whole(-1, 2)}
    model = one_node("Slice", SHAPE, constants=constants, operands=("starts", "ends", "", "steps"))
    assert_as_onnx_runtime(model)


@st.composite
def paddings(draw: st.DrawFn) -> ir.Model:
    axes = draw(st.none() | st.lists(st.integers(-4, 3), min_size=1, unique_by=lambda a: a % 4))
    count = 4 if axes is None else len(axes)
    amounts = draw(st.lists(st.integers(-2, 3), min_size=2 * count, max_size=2 * count))
    for place, axis in enumerate(range(4) if axes is None else axes):
        assume(SHAPE[axis] + amounts[place] + amounts[place + count] > 0)
    constants: dict[str, Array] = {"pads": whole(*amounts)}
    if draw(st.booleans()):
        constants["value"] = np.array(draw(st.sampled_from([0.0, -1.5, 7.25])), np.float32)
    if axes is not None:
        constants["axes"] = whole(*axes)
    present = "value" in constants
    operands = ("pads", "value" if present else "", *(["axes"] if axes is not None else []))
    return one_node("Pad", SHAPE, constants=constants, operands=operands)


@given(paddings())
@settings(max_examples=100, deadline=None)
def test_pad(model: ir.Model) -> None:
    assert_as_onnx_runtime(model)


@pytest.mark.parametrize("mode", ["reflect", "edge", "wrap"])
def test_other_padding_is_refused(mode: str) -> None:
    model = one_node("Pad", (4, 4), {"mode": mode}, {"pads": whole(1, 1, 1, 1)})
    with pytest.raises(UnsupportedModel, match=rf"node sole \(Pad\): its mode is {mode}, not one"):
        GraphModule(model)


@pytest.mark.parametrize(
    "model",
    [
        one_node("Reshape", (2, 6), constants={"target": whole(3, 4)}),
        one_node("Transpose", (2, 3), {"perm": [1, 0]}),
        one_node(
            "Slice",
            (2, 6),
            constants={"starts": whole(-1), "ends": whole(0), "axes": whole(1), "steps": whole(-2)},
        ),
        one_node("Pad", (2, 3), constants={"pads": whole(0, -1, 1, 2)}),
        one_node("Split", (2, 3), {"axis": 1}, {"split": whole(2, 1)}, outputs=("y", "z")),
    ],
    ids=["Reshape", "Transpose", "Slice", "Pad", "Split"],
)
def test_gradients(model: ir.Model) -> None:
    assert_gradients(model)
