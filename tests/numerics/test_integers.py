# SPDX-License-Identifier: Apache-2.0
"""Integer types: ranges, conversions and their array twins."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from intaglio.errors import InvalidData, InvalidOption
from intaglio.numerics import IntType

types = st.builds(IntType, st.integers(1, 64), st.booleans())
WORDS = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")


@pytest.mark.parametrize(
    ("text", "low", "high", "dtype"),
    [
        ("i1", -1, 0, "int8"),
        ("u1", 0, 1, "uint8"),
        ("u3", 0, 7, "uint8"),
        ("i8", -128, 127, "int8"),
        ("i9", -256, 255, "int16"),
        ("u16", 0, 65535, "uint16"),
        ("i17", -65536, 65535, "int32"),
        ("u33", 0, 2**33 - 1, "uint64"),
        ("i64", -(2**63), 2**63 - 1, "int64"),
        ("u64", 0, 2**64 - 1, "uint64"),
    ],
)
def test_ranges(text: str, low: int, high: int, dtype: str) -> None:
    integers = IntType.parse(text)
    assert (integers.minimum, integers.maximum) == (low, high)
    assert (integers.interval.low, integers.interval.high) == (low, high)
    assert integers.dtype == np.dtype(dtype)
    assert str(integers) == text


@given(types, st.integers(-(2**70), 2**70))
def test_wrap_and_saturate(integers: IntType, value: int) -> None:
    wrapped, saturated = integers.wrap(value), integers.saturate(value)
    assert integers.contains(wrapped)
    assert (wrapped - value) % 2**integers.bits == 0
    assert integers.contains(saturated)
    if integers.contains(value):
        assert wrapped == saturated == value
    else:
        assert saturated == (integers.minimum if value < 0 else integers.maximum)


@given(types, st.sampled_from(WORDS), st.data())
def test_array_twins(integers: IntType, word: str, data: st.DataObject) -> None:
    held = np.iinfo(word)
    values = data.draw(st.lists(st.integers(int(held.min), int(held.max)), min_size=1))
    values += [int(held.min), int(held.max)]
    for array in (np.array(values, dtype=word), np.array(values, dtype=object)):
        wrapped, saturated = integers.wrap_array(array), integers.saturate_array(array)
        assert wrapped.dtype == saturated.dtype == integers.dtype
        assert wrapped.tolist() == [integers.wrap(value) for value in values]
        assert saturated.tolist() == [integers.saturate(value) for value in values]


def test_array_twins_keep_the_shape() -> None:
    array = np.arange(-300, 300, dtype=object).reshape(2, 3, 100)
    assert IntType(8, True).wrap_array(array).shape == (2, 3, 100)


@pytest.mark.parametrize("text", ["", "8", "i0", "i65", "u99", "x8", "i8 ", "i08"])
def test_parse_refuses(text: str) -> None:
    with pytest.raises(InvalidOption):
        IntType.parse(text)


def test_floats_are_refused() -> None:
    with pytest.raises(InvalidData, match="found an array of float64, expected an array of int"):
        IntType(8, True).wrap_array(np.zeros(3))
