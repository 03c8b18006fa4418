# SPDX-License-Identifier: Apache-2.0
"""Operators that move codes, against what NumPy moves."""

from typing import Any

import numpy as np
import pytest

from intaglio.compiler.ir.graph import Graph
from intaglio.compiler.passes.select_arithmetic import select_arithmetic
from intaglio.errors import UnsupportedModel
from intaglio.frontends.readers import MOVE
from intaglio.frontends.tflite import import_tflite
from intaglio.numerics.profile import load_profile
from intaglio.simulator import reference
from tests.frontends.rules_asked import words_of
from tests.frontends.tflite.writing import Array, Operator, OptionValue, Tensor, write
from tests.simulator.engines import assert_engines_agree

X = np.arange(-12, 12, dtype=np.int8).reshape(2, 3, 4)


def _graph(
    kind: str,
    constants: tuple[Any, ...],
    shapes: tuple[tuple[int, ...], ...],
    options_type: str = "",
    options: dict[str, OptionValue] | None = None,
    x: Array = X,
    first: int = 0,
) -> Graph:
    """One operator on codes; the quantized operand stands behind ``first`` constants."""
    lists = [Tensor.plain(values) for values in constants]
    tensors = [Tensor(x.shape, zero_points=(3,)), *lists]
    tensors += [Tensor(shape, zero_points=(3,)) for shape in shapes]
    operands = [*range(1, len(lists) + 1)]
    operands.insert(first, 0)
    results = tuple(range(len(lists) + 1, len(tensors)))
    step = Operator(kind, tuple(operands), results, options_type, options or {})
    return import_tflite(write(tensors, [step], [0], results), "net")


def _moved(graph: Graph, x: Array = X) -> list[Array]:
    fixed = select_arithmetic(graph, load_profile("litert-ref-1.3"))
    return list(reference.run(fixed, {fixed.inputs[0].name: x}).values())


def _demand(graph: Graph, *expected: Array, x: Array = X) -> None:
    found = _moved(graph, x)
    assert [array.tolist() for array in found] == [array.tolist() for array in expected]


@pytest.mark.parametrize("shape", [(4, 6), (-1, 2), (2, -1, 1), (24,)])
def test_reshape(shape: tuple[int, ...]) -> None:
    expected = X.reshape(shape)
    _demand(_graph("RESHAPE", (shape,), (expected.shape,)), expected)
    by_options = _graph("RESHAPE", (), (expected.shape,), "ReshapeOptions", {"NewShape": shape})
    _demand(by_options, expected)


def test_squeeze_leaves_out_all_axes_of_one_or_those_named() -> None:
    x = X.reshape(1, 6, 1, 4)
    for named, shape in (((), (6, 4)), ((2,), (1, 6, 4)), ((-4,), (6, 1, 4))):
        options: dict[str, OptionValue] = {"SqueezeDims": named}
        graph = _graph("SQUEEZE", (), (shape,), "SqueezeOptions", options, x)
        _demand(graph, x.reshape(shape), x=x)


@pytest.mark.parametrize("axis", [0, 3, -1, -4])
def test_expand_dims(axis: int) -> None:
    expected = np.expand_dims(X, axis)
    _demand(_graph("EXPAND_DIMS", (axis,), (expected.shape,)), expected)


def test_transpose() -> None:
    expected = X.transpose(2, 0, 1)
    _demand(_graph("TRANSPOSE", ((2, 0, 1),), (expected.shape,)), expected)


def test_pad_adds_the_zero_point() -> None:
    expected = np.pad(X, ((1, 0), (0, 2), (0, 0)), constant_values=3)
    _demand(_graph("PAD", (((1, 0), (0, 2), (0, 0)),), (expected.shape,)), expected)


def test_padv2_adds_a_code() -> None:
    tensors = [
        Tensor(X.shape, zero_points=(3,)),
        Tensor.plain(((0, 0), (1, 1), (0, 0))),
        Tensor((1,), zero_points=(3,), data=b"\xf7"),
        Tensor((2, 5, 4), zero_points=(3,)),
    ]
    content = write(tensors, [Operator("PADV2", (0, 1, 2), (3,))], [0], [3])
    graph = import_tflite(content, "net")
    _demand(graph, np.pad(X, ((0, 0), (1, 1), (0, 0)), constant_values=-9))


def test_slice_with_an_open_size() -> None:
    _demand(_graph("SLICE", ((0, 1, 2), (2, -1, 1)), ((2, 2, 1),)), X[0:2, 1:, 2:3])


@pytest.mark.parametrize("axis", [0, 2, -1])
def test_split(axis: int) -> None:
    parts = np.split(X, 2, axis)
    shapes = tuple(part.shape for part in parts)
    options: dict[str, OptionValue] = {"NumSplits": 2}
    graph = _graph("SPLIT", (axis,), shapes, "SplitOptions", options, first=1)
    _demand(graph, *parts)


def test_split_v_with_an_open_size() -> None:
    options: dict[str, OptionValue] = {"NumSplits": 3}
    graph = _graph(
        "SPLIT_V", ((1, -1, 1), 2), ((2, 3, 1), (2, 3, 2), (2, 3, 1)), "SplitVOptions", options
    )
    _demand(graph, X[..., :1], X[..., 1:3], X[..., 3:])


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_unpack_and_pack(axis: int) -> None:
    parts = [np.take(X, index, axis) for index in range(X.shape[axis])]
    options: dict[str, OptionValue] = {"Num": len(parts), "Axis": axis}
    shapes = tuple(part.shape for part in parts)
    _demand(_graph("UNPACK", (), shapes, "UnpackOptions", options), *parts)
    tensors = [Tensor(X.shape, zero_points=(3,))]
    tensors += [Tensor(shape, zero_points=(3,)) for shape in shapes] + [tensors[0]]
    middle = tuple(range(1, len(parts) + 1))
    steps = [
        Operator("UNPACK", (0,), middle, "UnpackOptions", options),
        Operator("PACK", middle, (len(parts) + 1,), "PackOptions", {"Axis": axis}),
    ]
    _demand(import_tflite(write(tensors, steps, [0], [len(parts) + 1]), "net"), X)


@pytest.mark.parametrize(
    ("begin", "end", "step", "masks", "expected"),
    [
        ((0, 1, 0), (2, 3, 4), (1, 1, 2), {}, X[0:2, 1:3, 0:4:2]),
        ((1, 9, -1), (2, -9, -9), (1, -1, -2), {}, X[1:2, 9:-9:-1, -1:-9:-2]),
        ((0, 1, 0), (1, 0, 0), (1, 1, 1), {"EndMask": 6}, X[0:1, 1:]),
        ((1, 2), (0, 0), (1, 1), {"BeginMask": 2, "EndMask": 3}, X[1:]),
        ((1, 0, 2), (0, 0, 0), (1, 1, 1), {"ShrinkAxisMask": 5, "EndMask": 2}, X[1, :, 2]),
        ((0, -1), (0, 0), (1, 1), {"EllipsisMask": 1, "ShrinkAxisMask": 2}, X[..., -1]),
        ((0, 0, 1), (0, 0, 2), (1, 1, 1), {"NewAxisMask": 1, "EndMask": 2}, X[None, :, 1:2]),
        ((0, 0, 1), (0, 0, 3), (1, 1, 1), {"NewAxisMask": 2, "EllipsisMask": 1}, X[..., None, 1:3]),
    ],
)
def test_strided_slice(
    begin: tuple[int, ...],
    end: tuple[int, ...],
    step: tuple[int, ...],
    masks: dict[str, OptionValue],
    expected: Array,
) -> None:
    graph = _graph(
        "STRIDED_SLICE", (begin, end, step), (expected.shape,), "StridedSliceOptions", masks
    )
    _demand(graph, expected)


@pytest.mark.parametrize(
    ("axis", "indices"), [(1, (2, 0, 0)), (-1, ((3, 1), (0, 2))), (0, 1), (2, (0,))]
)
def test_gather(axis: int, indices: Any) -> None:
    expected = np.take(X, indices, axis)
    graph = _graph("GATHER", (indices,), (expected.shape,), "GatherOptions", {"Axis": axis})
    _demand(graph, expected)


def test_concatenation_of_codes_and_a_constant() -> None:
    tensors = [
        Tensor(X.shape, zero_points=(3,)),
        Tensor((2, 1, 4), zero_points=(3,), data=bytes(range(8))),
        Tensor((2, 4, 4), zero_points=(3,)),
    ]
    step = Operator("CONCATENATION", (0, 1), (2,), "ConcatenationOptions", {"Axis": -2})
    more = np.arange(8, dtype=np.int8).reshape(2, 1, 4)
    graph = import_tflite(write(tensors, [step], [0], [2]), "net")
    _demand(graph, np.concatenate([X, more], 1))


def test_concatenation_in_another_scale_is_refused() -> None:
    tensors = [Tensor((2,)), Tensor((2,), scales=(0.25,)), Tensor((4,))]
    step = Operator("CONCATENATION", (0, 1), (2,), "ConcatenationOptions", {})
    with pytest.raises(UnsupportedModel, match="expected operands in the result's scale"):
        import_tflite(write(tensors, [step], [0, 1], [2]), "net")


@pytest.mark.parametrize("profile", ["litert-ref-1.2", "litert-opt-x86", "litert-xnnpack-x86"])
def test_concatenation_rescales_uint8(profile: str) -> None:
    """Each operation in float32, halves away from zero; what has the result's scale stays."""
    codes = np.arange(256, dtype=np.uint8)
    tensors = [
        Tensor((256,), "UINT8", (0.25,), (7,)),
        Tensor((256,), "UINT8", (0.3,), (200,), data=codes.tobytes()),
        Tensor((256,), "UINT8", (0.5,), (121,)),
        Tensor((768,), "UINT8", (0.5,), (121,)),
    ]
    step = Operator("CONCATENATION", (0, 1, 2), (3,), "ConcatenationOptions", {})
    graph = import_tflite(write(tensors, [step], [0, 2], [3]), "net")
    assert words_of(graph) == {MOVE, "joined"}
    fixed = select_arithmetic(graph, load_profile(profile))
    feeds = dict.fromkeys([given.name for given in fixed.inputs], codes)
    found = assert_engines_agree(fixed, feeds)[fixed.outputs[0]]
    halves = (codes.astype(float) - 7) / 2
    first = np.trunc(halves + np.copysign(0.5, halves)) + 121
    factor = np.float32(0.3) * np.float32(2)
    values = (codes * factor + np.float32(-200) * factor).astype(float)
    second = np.trunc(values + np.copysign(0.5, values)) + 121
    expected = np.concatenate([np.clip(first, 0, 255), np.clip(second, 0, 255), codes])
    assert found.tolist() == expected.tolist()


def test_a_shape_that_is_computed_from_constants() -> None:
    """SHAPE, STRIDED_SLICE and PACK in front of a RESHAPE, as converters write an open batch."""
    tensors = [
        Tensor(X.shape, zero_points=(3,), signature=(-1, 3, 4)),
        Tensor((3,), "INT32", (), ()),
        Tensor.plain((0,)),
        Tensor.plain((1,)),
        Tensor((), "INT32", (), ()),
        Tensor.plain(12),
        Tensor((2,), "INT32", (), ()),
        Tensor((2, 12), zero_points=(3,), signature=(-1, 12)),
    ]
    steps = [
        Operator("SHAPE", (0,), (1,)),
        Operator("STRIDED_SLICE", (1, 2, 3, 3), (4,), "StridedSliceOptions", {"ShrinkAxisMask": 1}),
        Operator("PACK", (4, 5), (6,), "PackOptions", {"ValuesCount": 2}),
        Operator("RESHAPE", (0, 6), (7,)),
    ]
    content = write(tensors, steps, [0], [7])
    _demand(import_tflite(content, "net"), X.reshape(2, 12))
    wide = np.concatenate([X, X[::-1], X])
    _demand(import_tflite(content, "net", batch=6), wide.reshape(6, 12), x=wide)


def test_codes_that_are_moved_take_the_result_scale() -> None:
    """Kernels move codes as they stand, whatever the file says of their scales."""
    tensors = [Tensor((2, 3)), Tensor.plain((6,)), Tensor((6,), scales=(0.625,))]
    graph = import_tflite(write(tensors, [Operator("RESHAPE", (0, 1), (2,))], [0], [2]), "net")
    assert graph.nodes[-1].type.scaled.scale.value == 0.625
    codes = np.arange(6, dtype=np.int8)
    _demand(graph, codes, x=codes.reshape(2, 3))


@pytest.mark.parametrize("aligned", [False, True])
@pytest.mark.parametrize("half_pixel", [False, True])
def test_nearest_resize(aligned: bool, half_pixel: bool) -> None:
    x = np.arange(12, dtype=np.int8).reshape(1, 3, 4, 1)
    options: dict[str, OptionValue] = {"AlignCorners": aligned, "HalfPixelCenters": half_pixel}
    name = "ResizeNearestNeighborOptions"
    if aligned and half_pixel:
        with pytest.raises(UnsupportedModel, match="not both of"):
            _graph("RESIZE_NEAREST_NEIGHBOR", ((7, 2),), ((1, 7, 2, 1),), name, options, x)
        return
    rows, columns = {
        (False, False): ([0, 0, 0, 1, 1, 2, 2], [0, 2]),
        (False, True): ([0, 0, 1, 1, 1, 2, 2], [1, 3]),
        (True, False): ([0, 0, 1, 1, 1, 2, 2], [0, 3]),
    }[aligned, half_pixel]
    graph = _graph("RESIZE_NEAREST_NEIGHBOR", ((7, 2),), ((1, 7, 2, 1),), name, options, x)
    _demand(graph, x[:, rows][:, :, columns], x=x)
