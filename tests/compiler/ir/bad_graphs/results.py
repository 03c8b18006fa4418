# SPDX-License-Identifier: Apache-2.0
"""Numbers that make no sense, results and codes outside of their types."""

from tests.compiler.ir.bad_graphs.cases import PLANE, SHIFT, Case, X, conv

PAIR = "left_zero_point=0, right_zero_point=0, left_numerator=1, right_numerator=1"

PARAMETERS = [
    Case(
        "clamp's bounds",
        X + "%y: i8[1,2] = clamp(%x) low=[3] high=[4, 2]",
        "clamp %y: found bounds 3 to 2, expected the low bound at or below the high one.",
    ),
    Case(
        "long shift",
        X + "%y: i4[1,2] = requantize(%x) requantizers=[requantizer(scaling=shift(shift=-999, "
        "rounding=floor), zero_point=0, low=-8, high=7)]",
        "requantize %y: found a shift by -999, expected at most 256 bits.",
    ),
    Case(
        "pair's shift",
        X + "%y: i8[1,2] = pairwise(%x, %x) arithmetic=shared_shift_sum(left_multiplier=1, "
        "right_multiplier=1, bias=0, shift=-1, rounding=floor, zero_point=0, low=0, high=1)",
        "pairwise %y: found shift=-1, expected 0 to 256.",
    ),
    Case(
        "pair's denominator",
        X + f"%y: i8[1,2] = pairwise(%x, %x) arithmetic=rational_sum({PAIR}, denominator=0, "
        "rounding=floor, zero_point=0, low=0, high=1)",
        "pairwise %y: found denominator=0, expected 1 or more.",
    ),
    Case(
        "scale",
        X + "%y: f32[1,2] = dequantize(%x) scale=f32(-0.5) zero_point=0",
        "dequantize %y: found scale=-0.5, expected a positive number.",
    ),
    Case(
        "requantizers by count",
        PLANE + "%y: i4[1,2,2,2] = average_pool2d(%x) kernel=[2, 2] strides=[2, 2] "
        f"arithmetic=requantized_sum(input_zero_point=0, by_count=2 * {SHIFT})",
        "average_pool2d %y: found 2 requantizers by count, expected 4, one for each divisor.",
    ),
    Case(
        "softmax's table",
        X + "%y: u8[1,2] = softmax(%x) axis=1 algorithm=integer_table_softmax(table=[0, 1], "
        "numerator=1, denominator=1, rounding=floor, zero_point=0, low=0, high=255)",
        "softmax %y: found a table with a sum of 0 or below, "
        "expected table[0] above 0, no entry below 0.",
    ),
]

RESULTS = [
    Case(
        "sum's type",
        X + "%y: i8[1,2] = add(%x, %x)",
        "add %y: found a result of i8 for values in [-256, 254], expected a type such as i9.",
    ),
    Case(
        "difference's type",
        X + "%u: u8[1,2] = input\n%y: i9[1,2] = subtract(%x, %u)",
        "subtract %y: found a result of i9 for values in [-383, 127], expected a type such as i10.",
    ),
    Case(
        "product's type",
        X + "%y: i16[1,2] = multiply(%x, %x) left_zero_point=-128 right_zero_point=127",
        "multiply %y: found a result of i16 for values in [-65025, 0], "
        "expected a type such as i17.",
    ),
    Case(
        "beyond 64 bits",
        "%x: i64[2] = input\n%y: i64[2] = add(%x, %x)",
        "add %y: found a result of i64 for values in "
        "[-18446744073709551616, 18446744073709551614], expected values that 64 bits hold.",
    ),
    Case(
        "clamp's type",
        X + "%y: u4[1,2] = clamp(%x) low=[0] high=[15, 16]",
        "clamp %y: found a result of u4 for values in [0, 16], expected a type such as u5.",
    ),
    Case(
        "maximum's type",
        X + "%u: u8[1,2] = input\n%y: i8[1,2] = maximum(%x, %u)",
        "maximum %y: found a result of i8 for values in [0, 255], expected a type such as u8.",
    ),
    Case(
        "requantized type",
        X + f"%y: u4[1,2] = requantize(%x) requantizers=[{SHIFT}]",
        "requantize %y: found a result of u4 for values in [-8, 7], expected a type such as i4.",
    ),
    Case(
        "pair's type",
        X + f"%y: u8[1,2] = pairwise(%x, %x) arithmetic=rational_sum({PAIR}, denominator=1, "
        "rounding=floor, zero_point=0, low=-1, high=1)",
        "pairwise %y: found a result of u8 for values in [-1, 1], expected a type such as i2.",
    ),
    Case(
        "accumulator's type",
        conv("i31[1,4,4,2]", ""),
        'conv2d %y (from "Conv_1"): found a result of i31, expected i32.',
    ),
    Case(
        "table's type",
        "%x: u1[2] = input\n%t: i8[2] = constant [1, 2]\n%y: u8[2] = lookup(%x, %t)",
        "lookup %y: found a table of i8, expected u8, the result's.",
    ),
    Case(
        "computed table",
        "%x: u1[2] = input\n%t: i8[2] = input\n%y: i8[2] = lookup(%x, %t)",
        "lookup %y: found the computed table %t, expected a constant.",
    ),
    Case(
        "input's zero point",
        conv("i32[1,4,4,2]", "input_zero_point=128"),
        'conv2d %y (from "Conv_1"): found input_zero_point 128, expected a code of i8.',
    ),
    Case(
        "weights' zero points",
        conv("i32[1,4,4,2]", "weight_zero_points=[0, -129]"),
        'conv2d %y (from "Conv_1"): found weight zero point -129, expected a code of i8.',
    ),
    Case(
        "padding's code",
        conv("i32[1,4,4,2]", "pad_value=-129"),
        'conv2d %y (from "Conv_1"): found pad_value -129, expected a code of i8.',
    ),
    Case(
        "pad's code",
        X + "%y: i8[1,3] = pad(%x) before=[0, 1] after=[0, 0] value=128",
        "pad %y: found value 128, expected a code of i8.",
    ),
    Case(
        "pair's zero point",
        X + "%y: i8[1,2] = pairwise(%x, %x) arithmetic=rational_sum(left_zero_point=0, "
        "right_zero_point=128, left_numerator=1, right_numerator=1, denominator=1, "
        "rounding=floor, zero_point=0, low=-1, high=1)",
        "pairwise %y: found right_zero_point 128, expected a code of i8.",
    ),
    Case(
        "move's element",
        X + "%y: i9[2] = reshape(%x)",
        "reshape %y: found i8 in %x and i9 in the result, expected one element type.",
    ),
    Case(
        "pool's element",
        PLANE + "%y: i9[1,2,2,2] = max_pool2d(%x) kernel=[2, 2] strides=[2, 2]",
        "max_pool2d %y: found i8 in %x and i9 in the result, expected one element type.",
    ),
]
