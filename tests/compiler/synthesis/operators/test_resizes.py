# SPDX-License-Identifier: Apache-2.0
"""Resize as ONNX Runtime computes it, in every coordinate mode."""

import numpy as np
import onnx_ir as ir
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from intaglio.compiler.synthesis.graph_module import GraphModule
from intaglio.errors import UnsupportedModel
from tests.compiler.real.building import Array
from tests.compiler.synthesis.executing import (
    Attribute,
    assert_as_onnx_runtime,
    assert_gradients,
    one_node,
)

COORDINATES = [
    "half_pixel",
    "pytorch_half_pixel",
    "asymmetric",
    "align_corners",
]
ROUNDINGS = ["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"]


def resizing(
    extents: tuple[int, ...],
    given: dict[str, Attribute],
    *,
    sizes: tuple[int, ...] | None = None,
    scales: tuple[float, ...] | None = None,
) -> ir.Model:
    constants: dict[str, Array] = {}
    operands: tuple[str, ...] = ("", "scales")
    if sizes is not None:
        constants["sizes"] = np.array(sizes, np.int64)
        operands = ("", "", "sizes")
    else:
        constants["scales"] = np.array(scales, np.float32)
    return one_node("Resize", (2, 3, *extents), given, constants, operands=operands)


@st.composite
def resizings(draw: st.DrawFn) -> ir.Model:
    rank = draw(st.integers(1, 2))

    def each(low: int, high: int) -> tuple[int, ...]:
        return tuple(draw(st.lists(st.integers(low, high), min_size=rank, max_size=rank)))

    extents = each(1, 9)
    chosen: dict[str, Attribute] = {"mode": draw(st.sampled_from(["nearest", "linear"]))}
    chosen["coordinate_transformation_mode"] = draw(st.sampled_from(COORDINATES))
    if chosen["mode"] == "nearest":
        chosen["nearest_mode"] = draw(st.sampled_from(ROUNDINGS))
    if draw(st.booleans()):
        return resizing(extents, chosen, sizes=(2, 3, *each(1, 20)))
    quarters = tuple(quarter / 4 for quarter in each(4, 14))
    return resizing(extents, chosen, scales=(1.0, 1.0, *quarters))


@given(resizings())
@settings(max_examples=200, deadline=None)
def test_resize(model: ir.Model) -> None:
    assert_as_onnx_runtime(model)


@pytest.mark.parametrize("mode", ["nearest", "linear"])
def test_an_open_batch_stays_as_it_is(mode: str) -> None:
    scales = np.array([1, 1, 2, 2], np.float32)
    model = one_node(
        "Resize", ("N", 3, 4, 5), {"mode": mode}, {"scales": scales}, operands=("", "scales")
    )
    assert_as_onnx_runtime(model)


@pytest.mark.parametrize("mode", ["nearest", "linear"])
@pytest.mark.parametrize("coordinates", COORDINATES)
def test_scales_that_change_no_extent(mode: str, coordinates: str) -> None:
    given: dict[str, Attribute] = {"mode": mode, "coordinate_transformation_mode": coordinates}
    if mode == "nearest":
        given["nearest_mode"] = "floor"
    assert_as_onnx_runtime(resizing((2, 3), given, scales=(1.0, 1.0, 1.25, 1.3)))
    assert_as_onnx_runtime(resizing((2, 3), given, scales=(1.0, 1.0, 1.25, 2.0)))


@pytest.mark.parametrize("mode", ["nearest", "linear"])
def test_axes_are_named(mode: str) -> None:
    sizes = np.array([7, 3], np.int64)
    given: dict[str, Attribute] = {"mode": mode, "axes": [3, 2]}
    model = one_node("Resize", ("N", 3, 4, 5), given, {"sizes": sizes}, operands=("", "", "sizes"))
    assert_as_onnx_runtime(model)


@pytest.mark.parametrize("mode", ["nearest", "linear"])
@pytest.mark.parametrize("coordinates", COORDINATES)
def test_gradients(mode: str, coordinates: str) -> None:
    given: dict[str, Attribute] = {"mode": mode, "coordinate_transformation_mode": coordinates}
    assert_gradients(resizing((3, 4), given, sizes=(2, 3, 5, 3)))


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"mode": "cubic"}, "its mode is cubic, not one of nearest, linear"),
        ({"mode": "linear", "antialias": 1}, "it sets antialias"),
        ({"coordinate_transformation_mode": "half_pixel_symmetric"}, "its coordinate_transf"),
        ({"coordinate_transformation_mode": "tf_crop_and_resize"}, "its coordinate_transf"),
        ({"keep_aspect_ratio_policy": "not_larger"}, "its keep_aspect_ratio_policy is not_larger"),
    ],
)
def test_other_interpolation_is_refused(given: dict[str, Attribute], reason: str) -> None:
    model = resizing((4, 4), given, sizes=(2, 3, 8, 8))
    with pytest.raises(UnsupportedModel, match=rf"node sole \(Resize\): {reason}"):
        GraphModule(model)
