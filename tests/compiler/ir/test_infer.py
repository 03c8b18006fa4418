# SPDX-License-Identifier: Apache-2.0
"""Shapes and ranges against counting and enumeration."""

import operator
from collections.abc import Callable
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from intaglio.compiler.ir import fixed, scaled
from intaglio.compiler.ir.graph import AnyOp
from intaglio.compiler.ir.infer import Mismatch, Shape, exact_result, operand_counts, result_shape
from intaglio.compiler.ir.text.kinds import op_classes
from intaglio.compiler.ir.text.parsing import parse_graph
from intaglio.compiler.ir.types import TensorType
from intaglio.numerics.integers import IntType
from intaglio.numerics.intervals import Interval
from tests.compiler.ir.every_op import FIXED, SCALED

I8 = IntType(8, signed=True)
SHAPES = st.lists(st.sampled_from([1, 1, 2, 3]), max_size=4).map(tuple)


def shape_of(op: AnyOp, *operands: Shape, declared: Shape = ()) -> Shape:
    return result_shape(op, [TensorType(I8, operand) for operand in operands], declared)


@given(left=SHAPES, right=SHAPES)
def test_broadcasting_is_numpys(left: Shape, right: Shape) -> None:
    try:
        expected = np.broadcast_shapes(left, right)
    except ValueError:
        with pytest.raises(Mismatch):
            shape_of(fixed.Add(), left, right)
    else:
        assert shape_of(fixed.Add(), left, right) == expected


@given(
    extent=st.integers(1, 9),
    kernel=st.integers(1, 4),
    stride=st.integers(1, 3),
    dilation=st.integers(1, 3),
    pads=st.tuples(st.integers(0, 3), st.integers(0, 3)),
)
def test_windows_are_those_that_fit(
    extent: int, kernel: int, stride: int, dilation: int, pads: tuple[int, int]
) -> None:
    padded = extent + sum(pads)
    taps = [[start + tap * dilation for tap in range(kernel)] for start in range(0, padded, stride)]
    fitting = [window for window in taps if window[-1] < padded]
    op = scaled.Conv2d(strides=(stride, 1), dilations=(dilation, 1), pads=(pads[0], 0, pads[1], 0))
    operands = ((1, extent, 1, 1), (5, kernel, 1, 1))
    if fitting:
        assert shape_of(op, *operands) == (1, len(fitting), 1, 5)
    else:
        with pytest.raises(Mismatch):
            shape_of(op, *operands)


@given(
    extent=st.integers(1, 6),
    kernel=st.integers(1, 4),
    stride=st.integers(1, 3),
    dilation=st.integers(1, 3),
    pads=st.tuples(st.integers(0, 4), st.integers(0, 4)),
)
def test_an_accepted_pool_sees_an_element_in_every_window(
    extent: int, kernel: int, stride: int, dilation: int, pads: tuple[int, int]
) -> None:
    op = fixed.MaxPool2d(
        (kernel, 1), (stride, 1), (pads[0], 0, pads[1], 0), dilations=(dilation, 1)
    )
    try:
        windows = shape_of(op, (1, extent, 1, 1))[1]
    except Mismatch:
        return
    for window in range(windows):
        taps = [window * stride + tap * dilation - pads[0] for tap in range(kernel)]
        assert any(0 <= tap < extent for tap in taps)


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        ((5,), (5, 2), (2,)),
        ((3, 5), (5, 2), (3, 2)),
        ((4, 3, 5), (5, 2), (4, 3, 2)),
        ((4, 3, 5), (4, 5, 2), (4, 3, 2)),
    ],
)
def test_matrix_products_are_numpys(left: Shape, right: Shape, expected: Shape) -> None:
    assert (np.zeros(left) @ np.zeros(right)).shape == expected
    assert shape_of(scaled.MatMul(), left, right) == expected


@pytest.mark.parametrize("extra", [0, 1])
def test_a_transposed_convolution_may_extend_below_its_stride(extra: int) -> None:
    op = scaled.ConvTranspose2d(strides=(2, 1), pads=(1, 0, 0, 0), dilations=(1, 1), groups=2)
    declared = (1, (4 - 1) * 2 + 3 - 1 + extra, 4, 6)
    assert shape_of(op, (1, 4, 4, 4), (6, 3, 1, 2), declared=declared) == declared


@pytest.mark.parametrize(
    ("keep", "expected"), [(True, (2, 1, 4, 1)), (False, (2, 4))], ids=["kept", "dropped"]
)
def test_reduced_axes_are_kept_or_dropped(keep: bool, expected: Shape) -> None:
    op = scaled.ReduceMean(axes=(1, 3), keep_dimensions=keep)
    assert np.zeros((2, 3, 4, 5)).sum((1, 3), keepdims=keep).shape == expected
    assert shape_of(op, (2, 3, 4, 5)) == expected


def test_every_op_says_how_many_operands_it_takes() -> None:
    for text in (FIXED, SCALED):
        graph = parse_graph(text)
        counted = {type(node.op) for node in graph.nodes if operand_counts(node.op)}
        assert counted == set(op_classes(graph.level).values())


TYPES = [IntType(3, signed=True), IntType(2, signed=False), IntType(1, signed=True)]


def multiply(left: int, right: int) -> int:
    return (left + 1) * (right - 1)


@pytest.mark.parametrize(
    ("op", "meaning"),
    [
        (fixed.Add(), operator.add),
        (fixed.Subtract(), operator.sub),
        (fixed.Multiply(left_zero_point=-1, right_zero_point=1), multiply),
        (fixed.Minimum(), min),
        (fixed.Maximum(), max),
    ],
)
@pytest.mark.parametrize(("left", "right"), list(product(TYPES, TYPES)))
def test_results_of_two_operands_are_exact(
    op: fixed.Op, meaning: Callable[[int, int], int], left: IntType, right: IntType
) -> None:
    codes = [range(each.minimum, each.maximum + 1) for each in (left, right)]
    results = [meaning(*pair) for pair in product(*codes)]
    operands = (TensorType(left, ()), TensorType(right, ()))
    assert exact_result(op, operands) == Interval(min(results), max(results))


@pytest.mark.parametrize(
    ("low", "high"),
    [((-2,), (1,)), ((-2, 0), (1,)), ((5,), (6, 7)), ((-9, -8), (-7, -6)), ((-9, 3), (-7, 9))],
)
def test_clamped_results_are_exact(low: tuple[int, ...], high: tuple[int, ...]) -> None:
    x = IntType(3, signed=True)
    bounds = np.broadcast_arrays(low, high)
    results = [np.clip(code, *bounds) for code in range(x.minimum, x.maximum + 1)]
    expected = Interval(int(np.min(results)), int(np.max(results)))
    assert exact_result(fixed.Clamp(low, high), (TensorType(x, (2,)),)) == expected


def test_interpolated_results_are_exact() -> None:
    op = fixed.ResizeLinear(
        (0,), (1,), (1,), (0,), (1,), (2,), row_denominator=3, column_denominator=5
    )
    corners = [
        sum(code * weight for code, weight in zip(codes, (2 * 3, 2 * 2, 1 * 3, 1 * 2), strict=True))
        for codes in product((-4, 3), repeat=4)
    ]
    x = TensorType(IntType(3, signed=True), (1, 2, 2, 1))
    assert exact_result(op, (x,)) == Interval(min(corners), max(corners))
