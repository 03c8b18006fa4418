# SPDX-License-Identifier: Apache-2.0
import numpy as np
from numpy.typing import NDArray

from intaglio.commands.engines import Comparison, Difference, compare
from intaglio.compiler.ir.graph import Array


def floats(*values: float) -> NDArray[np.float32]:
    return np.array(values, np.float32)


def test_equal_tensors() -> None:
    tensors: dict[str, Array] = {"a": np.arange(6).reshape(2, 3), "b": floats(1.5)}
    assert compare(tensors, {name: array.copy() for name, array in tensors.items()}) == Comparison(
        tensors=2, values=7, differing=0, first=None
    )


def test_the_first_difference_is_the_first_in_the_expected_order() -> None:
    expected = {"z": np.zeros((2, 2), np.int8), "a": np.zeros(3, np.int8)}
    found = {"a": np.array([1, 0, 1], np.int8), "z": np.array([[0, 0], [7, 9]], np.int8)}
    assert compare(found, expected) == Comparison(2, 7, 4, Difference("z", (1, 0), "7", "0"))


def test_the_sign_of_a_zero_and_the_last_bit_count() -> None:
    expected = {"x": floats(0.0, 1.0)}
    found = {"x": floats(-0.0, 1 + 2**-23)}
    assert compare(found, expected) == Comparison(1, 2, 2, Difference("x", (0,), "-0.0", "0.0"))


def test_nan_equals_itself() -> None:
    tensors = {"x": floats(np.nan)}
    assert compare(tensors, {"x": tensors["x"].copy()}).differing == 0


def test_another_type_or_shape_differs_as_a_whole() -> None:
    expected = {"x": np.zeros((2, 3), np.int8)}
    for found in (np.zeros((2, 3), np.int16), np.zeros((3, 2), np.int8), np.zeros(6, np.int8)):
        comparison = compare({"x": found}, expected)
        assert (comparison.differing, comparison.values) == (6, 6)
        assert comparison.first is not None
        assert comparison.first.expected == "int8[2, 3]"


def test_a_missing_and_a_surplus_tensor_differ() -> None:
    array = np.zeros(2, np.int8)
    missing = compare({}, {"x": array})
    assert (missing.differing, missing.first) == (2, Difference("x", (), "nothing", "int8[2]"))
    surplus = compare({"x": array, "y": array}, {"x": array})
    assert surplus.first == Difference("y", (), "a tensor", "nothing")


def test_comparisons_of_runs_add_up_and_keep_the_first_difference() -> None:
    first = Difference("x", (0,), "1", "2", run=1)
    runs = (
        Comparison(3, 10, 0, None),
        Comparison(3, 10, 2, first),
        Comparison(3, 10, 1, Difference("a", (), "1", "2", run=2)),
    )
    total = Comparison()
    for run in runs:
        total += run
    assert total == Comparison(3, 30, 3, first)
