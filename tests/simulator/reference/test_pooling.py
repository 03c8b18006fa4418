# SPDX-License-Identifier: Apache-2.0
"""Pooling and interpolation by hand."""

import pytest

from tests.simulator.text_cases import outcome


def test_padding_takes_no_part_in_a_maximum() -> None:
    found = outcome(
        """
        %x: i8[1,1,3,1] = input
        %y: i8[1,1,2,1] = max_pool2d(%x) kernel=[1, 3] strides=[1, 2] pads=[0, 1, 0, 1]
        """,
        x=[[[[-5], [-9], [-7]]]],
    )
    assert found == [[[[-5], [-7]]]]


def test_a_dilated_maximum_skips_elements() -> None:
    found = outcome(
        """
        %x: i8[1,1,4,1] = input
        %y: i8[1,1,2,1] = max_pool2d(%x) kernel=[1, 2] dilations=[1, 2]
        """,
        x=[[[[1], [9], [2], [3]]]],
    )
    assert found == [[[[2], [9]]]]


def division(divisor: int) -> str:
    return (
        f"requantizer(scaling=rational_multiply(numerator=1, denominator={divisor}, "
        "rounding=half-away-from-zero), zero_point=0, low=-128, high=127)"
    )


@pytest.mark.parametrize(
    ("count_padding", "expected"), [("false", [-3, 1, 4]), ("true", [-2, 1, 2])]
)
def test_the_divisor_of_a_mean(count_padding: str, expected: list[int]) -> None:
    # Sums -5, 4, 7; by 2, 3, 2 elements: -2.5, 1.33, 3.5; by 3 places: -1.67, 1.33, 2.33.
    found = outcome(
        f"""
        %x: i8[1,1,3,1] = input
        %y: i8[1,1,3,1] = average_pool2d(%x) kernel=[1, 3] pads=[0, 1, 0, 1]
            count_padding={count_padding}
            arithmetic=requantized_sum(input_zero_point=0,
                by_count=[{division(1)}, {division(2)}, {division(3)}])
        """,
        x=[[[[-3], [-2], [9]]]],
    )
    assert [pixel[0] for pixel in found[0][0]] == expected


def test_a_float_mean_rounds_with_the_zero_point_inside() -> None:
    # Mean 0.5 at scale 1: the odd zero point 7 makes 7.5, which goes to 8; 6.5 would go to 6.
    text = """
        %x: u8[1,1,2,1] = input
        %y: u8[1,1,1,1] = average_pool2d(%x) kernel=[1, 2] arithmetic=float32_average(
            input_scale=f32(1), input_zero_point=3, output_scale=f32(1), output_zero_point=ZERO,
            low=0, high=255)
        """
    x = [[[[3], [4]]]]
    assert outcome(text.replace("ZERO", "7"), x=x) == [[[[8]]]]
    assert outcome(text.replace("ZERO", "6"), x=x) == [[[[6]]]]


def test_linear_interpolation_sums_four_weighted_neighbours() -> None:
    # Row weight 1 of 4, column weight 1 of 2: (3*(10 + 20) + 1*(30 + 50)) = 170 eighths.
    found = outcome(
        """
        %x: i8[1,2,2,1] = input
        %y: i11[1,1,1,1] = resize_linear(%x) rows_low=[0] rows_high=[1] row_weights=[1]
            columns_low=[0] columns_high=[1] column_weights=[1]
            row_denominator=4 column_denominator=2
        """,
        x=[[[[10], [20]], [[30], [50]]]],
    )
    assert found == [[[[170]]]]
