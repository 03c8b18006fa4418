# SPDX-License-Identifier: Apache-2.0
"""Broken rules of quantizations and of scaled ops."""

from tests.compiler.ir.bad_graphs.cases import Case

S = "{scale=f32(0.5)}"
SX = f"%x: i8[1,2]{S} = input\n"

SCALED_CASES = [
    Case(
        "integer without a scale",
        "%y: i8[2] = input",
        "input %y: found i8 without a scale, expected a scale.",
    ),
    Case(
        "scales without an axis",
        "%y: i8[2]{scale=[f32(0.5), f32(0.25)]} = input",
        "input %y: found 2 scales without an axis, expected 1.",
    ),
    Case(
        "zero points along an axis",
        "%y: i8[1,2]{axis=1, scale=f32(0.5), zero_point=[1, 2, 3]} = input",
        "input %y: found 3 zero points along axis 1, expected 1 or 2.",
    ),
    Case(
        "axis outside",
        "%y: i8[1,2]{axis=2, scale=f32(0.5)} = input",
        "input %y: found scales along axis 2 of shape [1,2], expected an axis from 0 to 1.",
    ),
    Case(
        "scale not positive",
        "%y: i8[2]{scale=f32(0.0)} = input",
        "input %y: found the scale 0.0, expected a positive one.",
    ),
    Case(
        "zero point outside",
        "%y: u8[2]{scale=f32(0.5), zero_point=-1} = input",
        "input %y: found the zero point -1, expected a code of u8.",
    ),
    Case(
        "read as another type",
        SX + f"%y: u8[1,2]{S} = reinterpret(%x)",
        "reinterpret %y: found u8 from codes of i8, expected i8.",
    ),
    Case(
        "moved to another scale",
        SX + "%y: i8[2]{scale=f32(0.25)} = reshape(%x)",
        "reshape %y: found a result with another scale than %x, expected the same.",
    ),
    Case(
        "pooled to another zero point",
        f"%x: i8[1,4,4,2]{S} = input\n%y: i8[1,2,2,2]{{scale=f32(0.5), zero_point=1}} = "
        "max_pool2d(%x) kernel=[2, 2] strides=[2, 2]",
        "max_pool2d %y: found a result with another scale than %x, expected the same.",
    ),
    Case(
        "transposed along the wrong axis",
        "%x: i8[1,2]{axis=1, scale=[f32(0.5), f32(0.25)]} = input\n"
        "%t: i8[2,1]{axis=0, scale=[f32(0.5), f32(0.25)]} = transpose(%x) permutation=[1, 0]\n"
        "%z: i8[2,2]{axis=1, scale=[f32(0.5), f32(0.25)]} = input\n"
        "%y: i8[2,2]{axis=1, scale=[f32(0.5), f32(0.25)]} = transpose(%z) permutation=[1, 0]",
        "transpose %y: found a result with another scale than %z, expected the same.",
    ),
    Case(
        "scales by channel in a sum",
        f"%x: i8[1,2]{{axis=1, scale=[f32(0.5), f32(0.25)]}} = input\n%y: i8[1,2]{S} = add(%x, %x)",
        "add %y: found scales of %x along axis 1, expected one scale.",
    ),
    Case(
        "scales along the wrong axis of weights",
        SX + "%w: i8[2,2]{axis=0, scale=[f32(0.5), f32(0.25)]} = constant [1, 2, 3, 4]\n"
        f"%y: i8[1,2]{S} = fully_connected(%x, %w)",
        "fully_connected %y: found scales of %w along axis 0, expected axis 1 or one.",
    ),
    Case(
        "scales by channel in a result",
        SX + "%y: i8[1,2]{axis=1, scale=[f32(0.5), f32(0.25)]} = requantize(%x)",
        "requantize %y: found scales of the result along axis 1, expected one scale.",
    ),
    Case(
        "computed weights",
        SX + f"%w: i8[2,2]{S} = input\n%y: i8[1,2]{S} = fully_connected(%x, %w)",
        "fully_connected %y: found the computed operand %w, expected a constant.",
    ),
    Case(
        "slope's shape",
        SX + f"%s: i8[3]{S} = constant [1, 2, 3]\n%y: i8[1,2]{S} = prelu(%x, %s)",
        "prelu %y: found a slope of shape [3], expected [1] or [2].",
    ),
    Case(
        "bounds of an activation",
        SX + f"%y: i8[1,2]{S} = requantize(%x) activation=clip(low=[f32(0.0), f32(0.0), f32(1.0)])",
        "requantize %y: found 3 low bounds of the activation, expected 0, 1 or 2.",
    ),
    Case(
        "bounds of an activation out of order",
        SX + f"%y: i8[1,2]{S} = requantize(%x) activation=clip(low=[f32(2.0)], high=[f32(1.0)])",
        "requantize %y: found a low bound above a high one, expected room between them.",
    ),
    Case(
        "index with a scale",
        SX + f"%y: i32[1]{S} = arg_max(%x) axis=1 keep_dimensions=false",
        "arg_max %y: found an index with a scale of its own, expected scale 1 and zero point 0.",
    ),
    Case(
        "index in a narrow type",
        f"%x: i8[1,9]{S} = input\n%y: i4[1]{{scale=f32(1.0)}} = arg_min(%x) axis=1 "
        "keep_dimensions=false",
        "arg_min %y: found a result of i4, expected a type that holds 8.",
    ),
    Case(
        "bilinear rank",
        SX + f"%y: i8[1,2]{S} = resize_linear(%x) half_pixel=true align_corners=false",
        "resize_linear %y: found an input of shape [1,2], expected 4 dimensions [N, H, W, C].",
    ),
]
