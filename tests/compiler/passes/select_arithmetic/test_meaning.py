# SPDX-License-Identifier: Apache-2.0
"""Every op at every width under every profile means what the scaled level says, or is refused.

The oracle is real arithmetic on the dequantized operands, quantized at the end; a profile's own
roundings may move a code by ``STEPS`` and no further.  A machine word that overflows moves it far.
"""

import numpy as np
import pytest

from intaglio.compiler.ir.text import parse_graph
from intaglio.compiler.ir.verify import check
from intaglio.numerics.integers import IntType
from intaglio.numerics.profile import profile_names
from tests.compiler.passes.select_arithmetic.alike import lowered_alike
from tests.frontends.onnx.evaluator import evaluate
from tests.simulator.engines import assert_engines_agree

STEPS = {"deeploy": 2, "dory": 3, "nvdla": 2, "litert-xnnpack-arm64": 2, "litert-xnnpack-x86": 2}
# TFLite walks by a step of 10 fractional bits, whatever the width of the codes.
TFLITE = ("tflm", "cmsis-nn", "litert")
COARSE = {("resize", name) for name in profile_names() if name.startswith(TFLITE)}
# LiteRT interpolates a root of 16 bits between 512 samples.
INTERPOLATED = {("rsqrt", name): 4 for name in profile_names() if name.startswith("litert")}
WIDTHS = [("i8", 3), ("u8", 129), ("i5", -3), ("u12", 2049), ("i16", 0), ("u16", 32769), ("i14", 0)]

_X = "{scale=SCALE, zero_point=ZERO}"
_Y = "{scale=OUTPUT, zero_point=ZERO}"
_PLANE = "1,4,4,2"
# (result shape, output scale in operand scales, constants, op)
OPS = {
    "add": (_PLANE, 2, "", "add(%x, %z)"),
    "subtract": (_PLANE, 2, "", "subtract(%x, %z)"),
    "multiply": (_PLANE, 2, "", "multiply(%x, %z)"),
    "minimum": (_PLANE, 1, "", "minimum(%x, %z)"),
    "maximum": (_PLANE, 2, "", "maximum(%x, %z)"),
    "squared": (_PLANE, 8, "", "squared_difference(%x, %z)"),
    "rsqrt": (_PLANE, 0.5, "", "unary(%x) function=rsqrt"),
    "requantize": (_PLANE, 1.5, "", "requantize(%x)"),
    "leaky": (_PLANE, 1, "", "unary(%x) function=leaky-relu alpha=f32(0.25)"),
    "sigmoid": (_PLANE, 0.5, "", "unary(%x) function=sigmoid"),
    "tanh": (_PLANE, 0.5, "", "unary(%x) function=tanh"),
    "swish": (_PLANE, 1, "", "unary(%x) function=hard-swish"),
    "prelu": (
        _PLANE,
        2,
        "%s: i8[2]{axis=0, scale=[f32(0.03125), f32(0.0078125)]} = constant [17, -90]\n",
        "prelu(%x, %s)",
    ),
    "mean": ("1,2", 0.5, "", "reduce_mean(%x) axes=[1,2] keep_dimensions=false"),
    "global": (
        "1,2",
        0.5,
        "",
        "reduce_mean(%x) axes=[1,2] keep_dimensions=false global_pool=true",
    ),
    "sum": ("1,2", 4, "", "reduce_sum(%x) axes=[1,2] keep_dimensions=false"),
    "average": (_PLANE, 1, "", "average_pool2d(%x) kernel=[3,3] pads=[1,1,1,1]"),
    "counted": (
        _PLANE,
        0.5,
        "",
        "average_pool2d(%x) kernel=[3,3] pads=[1,1,1,1] count_padding=true",
    ),
    "conv": (
        "1,4,4,1",
        2,
        "%w: i8[1,3,3,2]{scale=f32(0.0078125)} = constant "
        "[7, -9, 30, 41, -52, 6, 77, -88, 9, 10, -11, 12, 93, 14, -15, 106, 17, -118]\n",
        "conv2d(%x, %w) pads=[1,1,1,1]",
    ),
    "dense": (
        "1,4,4,3",
        2,
        "%w: i8[2,3]{axis=1, scale=[f32(0.0078125), f32(0.015625), f32(0.0078125)]} = constant "
        "[100, -77, 31, -4, 90, 127]\n",
        "fully_connected(%x, %w)",
    ),
    "resize": (
        "1,8,7,2",
        1,
        "",
        "resize_linear(%x) half_pixel=true align_corners=false",
    ),
}


@pytest.mark.parametrize(("element", "zero"), WIDTHS)
@pytest.mark.parametrize("op", OPS)
def test_codes_are_near_the_real_result(op: str, element: str, zero: int) -> None:
    word = IntType.parse(element)
    shape, factor, constants, expression = OPS[op]
    scale = 2.0 ** -(word.bits - 3)
    text = (
        "graph small scaled\n"
        f"%x: {element}[{_PLANE}]{_X} = input\n%z: {element}[{_PLANE}]{_X} = input\n"
        f"{constants}%y: {element}[{shape}]{_Y} = {expression}\nreturn %y\n"
    )
    text = text.replace("SCALE", f"f32({scale})").replace("OUTPUT", f"f32({scale * factor})")
    graph = parse_graph(text.replace("ZERO", str(zero)))
    check(graph)
    rng = np.random.default_rng(7)
    feeds = {
        name: rng.integers(word.minimum, word.maximum, (1, 4, 4, 2), endpoint=True).astype(
            word.dtype
        )
        for name in ("x", "z")
    }
    expected = evaluate(graph, feeds)["y"].astype(np.int64)
    taken = 0
    for group in lowered_alike(graph, profile_names()):
        lowered = group.lowered
        if lowered is None:
            continue
        taken += len(group.names)
        used = {value.name: feeds[value.name] for value in lowered.inputs}
        found = assert_engines_agree(lowered, used)[lowered.outputs[0]].astype(np.int64)
        farthest = int(np.abs(found - expected).max())
        for name in group.names:
            allowed = INTERPOLATED.get((op, name), STEPS.get(name, 1))
            if (op, name) in COARSE:
                allowed = max(1, word.maximum >> 7)
            assert farthest <= allowed, f"{name}: {farthest} codes from the real result"
    assert taken >= 3, "hardly any profile takes it"
