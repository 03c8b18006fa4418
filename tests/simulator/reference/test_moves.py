# SPDX-License-Identifier: Apache-2.0
"""Moves by hand, on codes and on floats."""

import pytest

from tests.simulator.text_cases import outcome


def test_transpose() -> None:
    found = outcome(
        """
        %x: i8[1,2,3] = input
        %y: i8[3,1,2] = transpose(%x) permutation=[2, 0, 1]
        """,
        x=[[[1, 2, 3], [4, 5, 6]]],
    )
    assert found == [[[1, 4]], [[2, 5]], [[3, 6]]]


def test_reshape_keeps_row_major_order() -> None:
    found = outcome("%x: u8[2,3] = input\n%y: u8[3,2] = reshape(%x)", x=[[1, 2, 3], [4, 5, 6]])
    assert found == [[1, 2], [3, 4], [5, 6]]


def test_slice_backward_and_with_gaps() -> None:
    found = outcome(
        """
        %x: i8[2,5] = input
        %y: i8[2,3] = slice(%x) starts=[1, 0] steps=[-1, 2]
        """,
        x=[[1, 2, 3, 4, 5], [6, 7, 8, 9, 10]],
    )
    assert found == [[6, 8, 10], [1, 3, 5]]


@pytest.mark.parametrize(
    ("mode", "expected"),
    [("reflect", [[3, 2, 1, 2, 3, 2]]), ("symmetric", [[2, 1, 1, 2, 3, 3]])],
)
def test_mirror_images_without_and_with_the_edge(mode: str, expected: list[list[int]]) -> None:
    found = outcome(
        f"""
        %x: i8[1,3] = input
        %y: i8[1,6] = pad(%x) before=[0, 2] after=[0, 1] mode={mode}
        """,
        x=[[1, 2, 3]],
    )
    assert found == expected


def test_concat() -> None:
    found = outcome(
        """
        %a: i8[2,1] = input
        %b: i8[2,2] = input
        %y: i8[2,3] = concat(%a, %b) axis=1
        """,
        a=[[1], [2]],
        b=[[3, 4], [5, 6]],
    )
    assert found == [[1, 3, 4], [2, 5, 6]]


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("constant", [9, 9, 1, 2, 3, 9]),
        ("edge", [1, 1, 1, 2, 3, 3]),
        ("reflect", [3, 2, 1, 2, 3, 2]),
    ],
)
def test_pad(mode: str, expected: list[int]) -> None:
    value = " value=9" if mode == "constant" else ""
    found = outcome(
        f"%x: i8[3] = input\n%y: i8[6] = pad(%x) before=[2] after=[1] mode={mode}{value}",
        x=[1, 2, 3],
    )
    assert found == expected


def test_nearest_rows_and_columns() -> None:
    found = outcome(
        """
        %x: i8[1,2,2,1] = input
        %y: i8[1,3,2,1] = resize_nearest(%x) rows=[1, 0, 0] columns=[0, 0]
        """,
        x=[[[[1], [2]], [[3], [4]]]],
    )
    assert found == [[[[3], [3]], [[1], [1]], [[1], [1]]]]
