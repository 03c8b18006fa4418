# SPDX-License-Identifier: Apache-2.0
"""Operands and results whose shapes don't follow."""

from tests.compiler.ir.bad_graphs.cases import PLANE, SHIFT, WEIGHTS, Case, X, conv

SHAPES = [
    Case(
        "result's shape",
        X + "%y: i9[2,1] = add(%x, %x)",
        "add %y: found a result of shape [2,1], expected [1,2].",
    ),
    Case(
        "broadcast",
        X + "%z: i8[3] = input\n%y: i9[1,3] = add(%x, %z)",
        "add %y: found operands of shapes [1,2] and [3], "
        "expected extents that are equal or 1, from the last axis on.",
    ),
    Case(
        "convolution's rank",
        X + WEIGHTS + "%y: i32[1,2] = conv2d(%x, %w) accumulator=accumulator(type=i32)",
        "conv2d %y: found an input of shape [1,2], expected 4 dimensions [N, H, W, C].",
    ),
    Case(
        "convolution's weights",
        conv("i32[1,4,4,2]", "", weights="%w: i8[2,1,1,1] = constant [1, 2]\n"),
        'conv2d %y (from "Conv_1"): found weights of shape [2,1,1,1], '
        "expected 2 input channels a group.",
    ),
    Case(
        "convolution's groups",
        conv("i32[1,4,4,2]", "groups=4"),
        'conv2d %y (from "Conv_1"): found 2 input channels in 4 groups, '
        "expected groups of equal size.",
    ),
    Case(
        "convolution's bias",
        conv("i32[1,4,4,2]", "", bias="%b: i32[3] = constant [1, 2, 3]\n"),
        'conv2d %y (from "Conv_1"): found a bias of shape [3], expected [2].',
    ),
    Case(
        "convolution's strides",
        conv("i32[1,4,4,2]", "strides=[0, 1]"),
        'conv2d %y (from "Conv_1"): found strides=[0, 1], expected numbers of 1 or more.',
    ),
    Case(
        "convolution's pads",
        conv("i32[1,4,4,2]", "pads=[0, 0, 0, -1]"),
        'conv2d %y (from "Conv_1"): found pads=[0, 0, 0, -1], expected numbers of 0 or more.',
    ),
    Case(
        "convolution's plane",
        conv("i32[1,4,4,2]", "strides=[2, 1]"),
        'conv2d %y (from "Conv_1"): found a result of shape [1,4,4,2], expected [1,2,4,2].',
    ),
    Case(
        "window beyond the plane",
        conv("i32[1,1,1,2]", "", weights=f"%w: i8[2,5,1,2] = constant [{'1, ' * 19}1]\n"),
        'conv2d %y (from "Conv_1"): found a window over 5 of 4 positions, '
        "expected a window that fits.",
    ),
    Case(
        "transposed convolution's plane",
        PLANE + WEIGHTS + "%y: i32[1,9,7,2] = conv_transpose2d(%x, %w) strides=[2, 2] "
        "accumulator=accumulator(type=i32)",
        "conv_transpose2d %y: found a result of shape [1,9,7,2], expected 7 to 8 rows.",
    ),
    Case(
        "matrix rows",
        X + "%w: i8[3,1] = constant [1, 2, 3]\n"
        "%y: i32[1,1] = mat_mul(%x, %w) accumulator=accumulator(type=i32)",
        "mat_mul %y: found operands of shapes [1,2] and [3,1], expected 2 rows in the right one.",
    ),
    Case(
        "matrix batches",
        "%x: i8[2,1,2] = input\n%w: i8[3,2,1] = input\n"
        "%y: i32[2,1,1] = mat_mul(%x, %w) accumulator=accumulator(type=i32)",
        "mat_mul %y: found operands of shapes [2,1,2] and [3,2,1], "
        "expected the same leading dimensions.",
    ),
    Case(
        "reduced axes",
        PLANE + "%y: i32[1,4] = reduce_sum(%x) accumulator=accumulator(type=i32) axes=[2, 1] "
        "keep_dimensions=false",
        "reduce_sum %y: found axes [2, 1], expected at least one axis, sorted, each once.",
    ),
    Case(
        "reduced axis outside",
        X + "%y: i32[1] = reduce_sum(%x) accumulator=accumulator(type=i32) axes=[2] "
        "keep_dimensions=false",
        "reduce_sum %y: found axis 2 of shape [1,2], expected an axis from 0 to 1.",
    ),
    Case(
        "requantizers",
        X + f"%y: i4[1,2] = requantize(%x) requantizers=3 * {SHIFT}",
        "requantize %y: found 3 requantizers for shape [1,2], expected 1 or 2.",
    ),
    Case(
        "bounds by channel",
        X + "%y: i8[1,2] = clamp(%x) low=[0] high=[1, 2, 3]",
        "clamp %y: found 3 high bounds for shape [1,2], expected 1 or 2.",
    ),
    Case(
        "table's size",
        X + "%t: i8[4] = constant [1, 2, 3, 4]\n%y: i8[1,2] = lookup(%x, %t)",
        "lookup %y: found a table of shape [4], expected [256] or [2,256].",
    ),
    Case(
        "pool sees padding alone",
        PLANE + "%y: i8[1,6,4,2] = max_pool2d(%x) kernel=[1, 1] pads=[1, 0, 1, 0]",
        "max_pool2d %y: found pads [1, 1] around 4 elements under a window of 1, "
        "expected an element, not padding alone, in every window.",
    ),
    Case(
        "pool's plane",
        PLANE + "%y: i8[1,2,3,2] = max_pool2d(%x) kernel=[2, 2] strides=[2, 2]",
        "max_pool2d %y: found a result of shape [1,2,3,2], expected [1,2,2,2].",
    ),
    Case(
        "softmax's axis",
        X + "%y: i8[1,2] = softmax(%x) algorithm=fixed_point_softmax(multiplier=1, left_shift=1, "
        "difference_minimum=0, low=-128, high=127) axis=-1",
        "softmax %y: found axis -1 of shape [1,2], expected an axis from 0 to 1.",
    ),
    Case(
        "permutation",
        X + "%y: i8[1,2] = transpose(%x) permutation=[0, 0]",
        "transpose %y: found permutation [0, 0] of shape [1,2], expected each of 0 to 1 once.",
    ),
    Case(
        "reshape",
        X + "%y: i8[3] = reshape(%x)",
        "reshape %y: found shape [1,2] as [3], expected 2 elements.",
    ),
    Case(
        "slice's axes",
        X + "%y: i8[1,1] = slice(%x) starts=[0] steps=[1, 1]",
        "slice %y: found starts, steps and result for [1,2,2] axes, "
        "expected 2 axes, those of the operand.",
    ),
    Case(
        "slice's bounds",
        X + "%y: i8[1,2] = slice(%x) starts=[0, 0] steps=[1, -1]",
        "slice %y: found indices 0 to -1 along axis 1 of shape [1,2], expected indices of 0 to 1.",
    ),
    Case(
        "slice's step",
        X + "%y: i8[1,2] = slice(%x) starts=[0, 0] steps=[1, 0]",
        "slice %y: found steps=[1, 0], expected steps other than 0.",
    ),
    Case(
        "joined extents",
        X + "%z: i8[2,2] = input\n%y: i8[1,4] = concat(%x, %z) axis=1",
        "concat %y: found operands of shapes [1,2] and [2,2], "
        "expected the same extents except along axis 1.",
    ),
    Case(
        "pad's axes",
        X + "%y: i8[1,3] = pad(%x) before=[0, 1] after=[0]",
        "pad %y: found before and after for [2,1] axes, expected 2 axes, those of the operand.",
    ),
    Case(
        "reflection",
        X + "%y: i8[1,4] = pad(%x) before=[0, 2] after=[0, 0] mode=reflect",
        "pad %y: found a reflection of 2 out of 2 elements, expected at most 1.",
    ),
    Case(
        "nearest rows",
        PLANE + "%y: i8[1,2,1,2] = resize_nearest(%x) rows=[0, 4] columns=[3]",
        "resize_nearest %y: found rows [4], expected indices of 0 to 3.",
    ),
    Case(
        "no rows",
        PLANE + "%y: i8[1,1,1,2] = resize_nearest(%x) rows=[] columns=[3]",
        "resize_nearest %y: found no rows, expected at least one index.",
    ),
    Case(
        "bilinear weights",
        PLANE + "%y: i12[1,1,1,2] = resize_linear(%x) rows_low=[0] rows_high=[1] row_weights=[3] "
        "columns_low=[0] columns_high=[1] column_weights=[0] row_denominator=2 "
        "column_denominator=2",
        "resize_linear %y: found row weights [3], expected weights of 0 to 2.",
    ),
    Case(
        "bilinear lists",
        PLANE + "%y: i12[1,1,1,2] = resize_linear(%x) rows_low=[0] rows_high=[] row_weights=[1] "
        "columns_low=[0] columns_high=[1] column_weights=[0] row_denominator=2 "
        "column_denominator=2",
        "resize_linear %y: found row lists of lengths [1,0,1], "
        "expected a low neighbour, a high one and a weight for each.",
    ),
]
