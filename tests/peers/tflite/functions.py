# SPDX-License-Identifier: Apache-2.0
"""Functions of one operand over every code, and softmax."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from intaglio.compiler.ir import scaled
from intaglio.numerics.float32 import Float32
from tests.peers.tflite.draw import Draw
from tests.peers.tflite.single_op import Case, Operator, Tensor, case


def quantizations(draw: Draw) -> Iterator[Case]:
    """QUANTIZE of float32, ties and both kinds of overflow among them."""
    for repeat in range(draw.repeats):
        result = draw.result((1, 1017), draw.scale())
        steps = draw.rng.integers(-700, 701, result.codes.shape) / 2
        reals = (steps * result.scales[0]).astype(np.float32)
        operator = Operator("QUANTIZE", (Tensor(reals),), result, "QuantizeOptions")
        yield case(f"{repeat}", scaled.Quantize(), (Tensor(reals),), result, operator)


def dequantizations(draw: Draw) -> Iterator[Case]:
    """DEQUANTIZE of every code."""
    for repeat in range(draw.repeats):
        x = draw.activation(draw.every_code())
        result = Tensor(np.zeros(x.codes.shape, np.float32))
        operator = Operator("DEQUANTIZE", (x,), result, "DequantizeOptions")
        yield case(f"{repeat}", scaled.Dequantize(), (x,), result, operator)


def requantizations(draw: Draw) -> Iterator[Case]:
    """QUANTIZE of codes to the same dtype."""
    yield from _requantizations(draw, draw)


def sign_changes(draw: Draw) -> Iterator[Case]:
    """QUANTIZE between int8 and uint8."""
    other = np.uint8 if draw.dtype is np.int8 else np.int8
    yield from _requantizations(draw, Draw(draw.rng, draw.kind, other))


def _requantizations(source: Draw, target: Draw) -> Iterator[Case]:
    for repeat in range(source.repeats):
        codes = source.every_code()
        # An odd number reaches the scalar tail behind the vector lanes.
        x = source.activation(codes if repeat % 2 else codes[:, 1:])
        wanted = x.scales[0] * float(source.rng.choice([0.7, 1.3, 2.0, 4.0, 5.0]))
        result = target.result(x.codes.shape, wanted)
        operator = Operator("QUANTIZE", (x,), result, "QuantizeOptions")
        yield case(f"{repeat}", scaled.Requantize(), (x,), result, operator)


def leaky_rectifiers(draw: Draw) -> Iterator[Case]:
    """LEAKY_RELU with slopes below and above one, and a negative one."""
    for repeat in range(draw.repeats):
        for alpha in (0.125, 0.1, 0.01, 0.3, 1.5, -0.25):
            x = draw.activation(draw.every_code())
            result = draw.result(x.codes.shape, x.scales[0])
            operator = Operator("LEAKY_RELU", (x,), result, "LeakyReluOptions", {"alpha": alpha})
            op = scaled.Unary(scaled.UnaryFunction.LEAKY_RELU, Float32.from_value(alpha))
            yield case(f"alpha {alpha}, {repeat}", op, (x,), result, operator)


def parametric_rectifiers(draw: Draw) -> Iterator[Case]:
    """PRELU: a slope for each channel, negative ones too."""
    for repeat in range(draw.repeats):
        codes = np.repeat(draw.every_code().reshape(1, -1, 1, 1), 5, axis=3)
        x = draw.activation(np.ascontiguousarray(codes))
        slopes = draw.weights((5,))
        if draw.dtype is np.uint8:
            slopes = draw.rng.integers(0, 256, 5).astype(np.uint8)
        slope = Tensor(slopes, draw.weight_scales(1), (draw.zero_point(),), constant=True)
        result = draw.result(x.codes.shape, x.scales[0])
        shaped = Tensor(slopes.reshape(1, 1, 5), slope.scales, slope.zero_points, constant=True)
        operator = Operator("PRELU", (x, shaped), result)
        yield case(f"{repeat}", scaled.PRelu(), (x, slope), result, operator)


def logistics(draw: Draw) -> Iterator[Case]:
    """LOGISTIC, whose result TFLite fixes at 1/256."""
    yield from _fixed_result(draw, "LOGISTIC", scaled.UnaryFunction.SIGMOID)


def hyperbolic_tangents(draw: Draw) -> Iterator[Case]:
    """TANH, whose result TFLite fixes at 1/128."""
    yield from _fixed_result(draw, "TANH", scaled.UnaryFunction.TANH)


def hard_swishes(draw: Draw) -> Iterator[Case]:
    """HARD_SWISH; the result's scale is at least half the operand's, as the kernel asks."""
    for repeat in range(draw.repeats):
        x = draw.activation(draw.every_code())
        result = draw.result(x.codes.shape, x.scales[0] * float(draw.rng.choice([0.8, 1.1, 2.0])))
        operator = Operator("HARD_SWISH", (x,), result, "HardSwishOptions")
        op = scaled.Unary(scaled.UnaryFunction.HARD_SWISH)
        yield case(f"{repeat}", op, (x,), result, operator)


def softmaxes(draw: Draw) -> Iterator[Case]:
    """SOFTMAX over short and long rows, with beta."""
    low = int(np.iinfo(draw.dtype).min)
    for columns, beta in ((2, 1.0), (10, 1.0), (17, 0.5), (100, 1.0), (10, 2.0), (9000, 8.0)):
        x = _fine(draw, draw.activation(draw.codes(64 if columns < 9000 else 2, columns)))
        scale, zero_point = (2.0**-15, 0) if _wide(draw) else (1 / 256, low)
        result = Tensor(np.zeros(x.codes.shape, draw.dtype), (scale,), (zero_point,))
        operator = Operator("SOFTMAX", (x,), result, "SoftmaxOptions", {"beta": beta})
        op = scaled.Softmax(1, Float32.from_value(beta))
        yield case(f"{columns} columns, beta {beta}", op, (x,), result, operator)


def logarithms_of_softmax(draw: Draw) -> Iterator[Case]:
    """LOG_SOFTMAX, whose result TFLite fixes at 1/16, of codes far apart and near."""
    high = int(np.iinfo(draw.dtype).max)
    for columns, step in ((1, 1.0), (2, 1.0), (10, 1.0), (100, 0.01), (1000, 1.0), (4000, 0.1)):
        for factor in (1.0, 30.0):
            x = draw.activation(draw.codes(48 if columns < 4000 else 4, columns))
            x = replace(x, scales=(float(np.float32(x.scales[0] * step * factor)),))
            x.codes[:2] = high
            result = Tensor(np.zeros(x.codes.shape, draw.dtype), (1 / 16,), (high,))
            operator = Operator("LOG_SOFTMAX", (x,), result, "LogSoftmaxOptions")
            label = f"{columns} columns, scale {x.scales[0]}"
            yield case(label, scaled.LogSoftmax(1), (x,), result, operator)


def softmaxes_to_int16(draw: Draw) -> Iterator[Case]:
    """SOFTMAX of int8 into int16; TFLite Micro takes a scale that is off by a little."""
    for columns, scale in ((2, 2.0**-16), (10, 1 / 65535), (100, 2.0**-16)):
        x = _fine(draw, draw.activation(draw.codes(64, columns)))
        result = Tensor(np.zeros(x.codes.shape, np.int16), (float(np.float32(scale)),), (-32768,))
        operator = Operator("SOFTMAX", (x,), result, "SoftmaxOptions", {"beta": 1.0})
        op = scaled.Softmax(1, Float32.from_value(1.0))
        yield case(f"{columns} columns into int16", op, (x,), result, operator)


def table_scales_of_two(draw: Draw) -> Iterator[Case]:
    """LOGISTIC and TANH of int16 at and near the scales that they have code of their own for."""
    scales = (2.0**-12, 2.0**-11, 2.0**-12 * 1.0004, 2.0**-12 * 1.002)
    for scale in scales if draw.kind == "powers" else ():
        x = Tensor(draw.every_code(), (float(np.float32(scale)),))
        for name, function in (
            ("LOGISTIC", scaled.UnaryFunction.SIGMOID),
            ("TANH", scaled.UnaryFunction.TANH),
        ):
            result = Tensor(np.zeros(x.codes.shape, draw.dtype), (2.0**-15,))
            operator = Operator(name, (x,), result)
            yield case(f"{name} {scale}", scaled.Unary(function), (x,), result, operator)


def unit_vectors(draw: Draw) -> Iterator[Case]:
    """L2_NORMALIZATION of long and short rows, of tiny ones and of zeros."""
    middle = (int(np.iinfo(draw.dtype).min) + int(np.iinfo(draw.dtype).max) + 1) // 2
    for columns in (1, 2, 7, 64, 1000):
        x = draw.activation(draw.codes(48, columns))
        near = x.zero_points[0] + draw.rng.integers(-1, 2, (16, columns))
        x.codes[:16] = near
        x.codes[0] = x.zero_points[0]
        x.codes[1] = np.iinfo(draw.dtype).max if columns % 2 else np.iinfo(draw.dtype).min
        result = Tensor(np.zeros(x.codes.shape, draw.dtype), (1 / 128,), (middle,))
        operator = Operator("L2_NORMALIZATION", (x,), result, "L2NormOptions")
        yield case(f"{columns} columns", scaled.L2Normalization(1), (x,), result, operator)


def _fixed_result(draw: Draw, name: str, function: scaled.UnaryFunction) -> Iterator[Case]:
    info = np.iinfo(draw.dtype)
    low = int(info.min)
    parameters = {"LOGISTIC": (1 / 256, low), "TANH": (1 / 128, low + 128)}
    if _wide(draw):
        parameters = dict.fromkeys(parameters, (2.0**-15, 0))
    scale, zero_point = parameters[name]
    for repeat in range(max(draw.repeats, 3)):
        x = draw.activation(draw.every_code())
        if _wide(draw):
            x = replace(x, scales=(x.scales[0] * 2.0 ** -(5 * repeat),))
        result = Tensor(np.zeros(x.codes.shape, draw.dtype), (scale,), (zero_point,))
        yield case(f"{repeat}", scaled.Unary(function), (x,), result, Operator(name, (x,), result))


def _wide(draw: Draw) -> bool:
    return bool(np.dtype(draw.dtype).itemsize > 1)


def _fine(draw: Draw, x: Tensor) -> Tensor:
    """The operand with a finer scale, where its codes are 16 bits wide."""
    return replace(x, scales=(x.scales[0] / 256,)) if _wide(draw) else x


def exponentials(draw: Draw) -> Iterator[Case]:
    """EXP."""
    for repeat in range(draw.repeats):
        x = _fine(draw, draw.activation(draw.every_code()))
        half = int(np.iinfo(draw.dtype).max) // 2
        wanted = float(np.exp(half * x.scales[0])) / (2 * half)
        result = draw.result(x.codes.shape, wanted)
        operator = Operator("EXP", (x,), result, "ExpOptions")
        op = scaled.Unary(scaled.UnaryFunction.EXP)
        yield case(f"{repeat}", op, (x,), result, operator)


def inverse_square_roots(draw: Draw) -> Iterator[Case]:
    """RSQRT of codes from the zero point on: the others it refuses."""
    for repeat in range(draw.repeats):
        every = draw.every_code()
        x = draw.activation(every)
        x = replace(x, codes=every[:, every[0] >= x.zero_points[0]])
        highest = int(np.iinfo(draw.dtype).max)
        wanted = 1 / np.sqrt(x.scales[0]) / highest * (0.3 + repeat % 3)
        result = draw.result(x.codes.shape, float(wanted))
        op = scaled.Unary(scaled.UnaryFunction.RSQRT)
        yield case(f"{repeat}", op, (x,), result, Operator("RSQRT", (x,), result))


def exponential_units(draw: Draw) -> Iterator[Case]:
    """ELU."""
    for repeat in range(draw.repeats):
        x = draw.activation(draw.every_code())
        result = draw.result(x.codes.shape, x.scales[0])
        op = scaled.Unary(scaled.UnaryFunction.ELU, Float32.from_value(1.0))
        yield case(f"{repeat}", op, (x,), result, Operator("ELU", (x,), result))


def gaussian_units(draw: Draw) -> Iterator[Case]:
    """GELU, and its approximation by a hyperbolic tangent."""
    for repeat in range(draw.repeats):
        for approximate in (False, True):
            x = _fine(draw, draw.activation(draw.every_code()))
            result = draw.result(x.codes.shape, x.scales[0])
            options = {"approximate": approximate}
            operator = Operator("GELU", (x,), result, "GeluOptions", options)
            gelu = scaled.UnaryFunction.GELU_TANH if approximate else scaled.UnaryFunction.GELU
            yield case(f"{gelu.value}, {repeat}", scaled.Unary(gelu), (x,), result, operator)
