# SPDX-License-Identifier: Apache-2.0
"""The float tail, against the same operation in more precision."""

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from intaglio.numerics.float32 import Float32
from intaglio.simulator.reference.float_tail import float32_softmax
from tests.simulator.text_cases import outcome


def tail(op: str, a: list[int], b: list[int]) -> Any:
    """The op on ``a / 10`` and ``b * 3`` as float32."""
    return outcome(
        f"""
        %a: i16[{len(a)}] = input
        %b: i16[{len(b)}] = input
        %c: f32[{len(a)}] = dequantize(%a) scale=f32(0.1) zero_point=0
        %d: f32[{len(b)}] = dequantize(%b) scale=f32(3) zero_point=0
        %y: f32[{max(len(a), len(b))}] = {op}
        """,
        a=a,
        b=b,
    )


@pytest.mark.parametrize("function", ["add", "subtract", "multiply", "minimum", "maximum"])
@given(st.lists(st.tuples(*[st.integers(-(2**15), 2**15 - 1)] * 2), min_size=1, max_size=9))
def test_binary_functions_are_those_of_ieee_754(
    function: str, pairs: list[tuple[int, int]]
) -> None:
    codes = [list(column) for column in zip(*pairs, strict=True)]
    left = np.array(codes[0], np.float32) * np.float32(0.1)
    right = np.array(codes[1], np.float32) * np.float32(3)
    found = tail(f"float32_binary(%c, %d) function={function}", codes[0], codes[1])
    assert found == getattr(np, function)(left, right).tolist()


def test_one_operand_stretches() -> None:
    assert tail("float32_binary(%c, %d) function=maximum", [100], [1, 4]) == [10.0, 12.0]


def test_a_softmax_of_equal_elements_is_exact() -> None:
    x = [Float32.from_value(-1e38)] * 3
    assert float32_softmax(x) == [Float32.from_fraction(Fraction(1, 3))] * 3


def test_a_softmax_underflows_to_zero_by_way_of_subnormals() -> None:
    x = [Float32.from_value(value) for value in (0.0, -100.0, -104.0, -3e38)]
    assert [y.bits for y in float32_softmax(x)] == [0x3F800000, 27, 0, 0]


@given(st.lists(st.floats(-80, 80, width=32), min_size=1, max_size=20))
def test_a_softmax_is_correctly_rounded(values: list[float]) -> None:
    found = float32_softmax([Float32.from_value(value) for value in values])
    exponentials = np.exp(np.array(values, np.longdouble))
    for y, share in zip(found, exponentials / exponentials.sum(), strict=True):
        # Extended precision is itself off by some 2**-60, so half a unit and a little more.
        unit = float(np.spacing(np.float32(y.value)))
        assert abs(float(share - np.longdouble(y.value))) <= unit * (0.5 + 1e-6)


def test_a_softmax_runs_along_its_axis() -> None:
    found = outcome(
        """
        %x: i8[2,2] = input
        %c: f32[2,2] = dequantize(%x) scale=f32(1) zero_point=0
        %y: f32[2,2] = float32_softmax(%c) axis=0
        """,
        x=[[3, -1], [3, -1]],
    )
    assert found == [[0.5, 0.5], [0.5, 0.5]]
