# SPDX-License-Identifier: Apache-2.0
"""Broken rules of the graph and of single values."""

from tests.compiler.ir.bad_graphs.cases import Case, X

STRUCTURE = [
    Case(
        "name taken twice",
        X + "%x: i8[1,2] = input\n%y: i9[1,2] = add(%x, %x)",
        "input %x: found two values of that name, expected one.",
    ),
    Case(
        "operand undefined",
        X + '%y: i9[1,2] = add(%x, %z) from "Add_3"',
        'add %y (from "Add_3"): found the operand %z, never defined, expected one defined before.',
    ),
    Case(
        "operand later",
        X + "%y: i9[1,2] = add(%x, %z)\n%z: i9[1,2] = add(%x, %x)",
        "add %y: found the operand %z, defined later, expected one defined before.",
    ),
    Case(
        "output undefined",
        X,
        "return: found the output %y, never defined, expected a defined value.",
    ),
    Case(
        "too few operands",
        X + "%y: i9[1,2] = add(%x)",
        "add %y: found 1 operands, expected 2.",
    ),
    Case(
        "too many operands",
        X + "%y: i32[1,2] = mat_mul(%x, %x, %x, %x) accumulator=accumulator(type=i32)",
        "mat_mul %y: found 4 operands, expected 2 or 3.",
    ),
    Case(
        "no operand to join",
        "%y: i8[1,2] = concat() axis=0",
        "concat %y: found 0 operands, expected 1 or more.",
    ),
]

VALUES = [
    Case(
        "absurd size",
        "%y: i8[65536,65536] = input",
        "input %y: found 4294967296 elements in shape [65536,65536], expected fewer than 2**31.",
    ),
    Case(
        "scale at the fixed level",
        "%y: i8[2]{scale=f32(0.5)} = constant [1, 2]",
        "constant %y: found a scale at the fixed level, expected none: the ops hold it.",
    ),
    Case(
        "scale on float32",
        "%y: f32[2]{scale=f32(0.5)} = input",
        "input %y: found a scale on float32, expected none.",
    ),
    Case(
        "constant out of range",
        '%y: i5[2] = constant [3, 16] from "weight"',
        'constant %y (from "weight"): found the element 16, expected values of i5.',
    ),
]

FLOATS = [
    Case(
        "float in integer arithmetic",
        "%x: f32[2] = input\n%y: i9[2] = add(%x, %x)",
        "add %y: found the operand %x of f32, expected integers.",
    ),
    Case(
        "float out of integer arithmetic",
        X + "%y: f32[1,2] = add(%x, %x)",
        "add %y: found a result of f32, expected integers.",
    ),
    Case(
        "integers in the tail",
        X + "%y: f32[1,2] = float32_softmax(%x) axis=1",
        "float32_softmax %y: found the operand %x of i8, expected f32.",
    ),
    Case(
        "quantizing again",
        X + "%r: f32[1,2] = dequantize(%x) scale=f32(0.5) zero_point=0\n"
        "%m: f32[2,1] = reshape(%r)\n"
        "%y: i8[2,1] = quantize(%m) scale=f32(0.5) zero_point=0 rounding=half-even",
        "quantize %y: found the computed float32 %m, expected a graph input.",
    ),
    Case(
        "float padded with a code",
        "%x: f32[2] = input\n%y: f32[3] = pad(%x) before=[1] after=[0] value=3",
        "pad %y: found value=3 around float32, expected 0.",
    ),
]
