# SPDX-License-Identifier: Apache-2.0
"""Convolutions and matrix products as TFLite writes them."""

from collections.abc import Iterator
from dataclasses import replace
from math import sqrt
from typing import Any

import numpy as np

from intaglio.compiler.ir import scaled
from tests.peers.tflite.activations import ACTIVATIONS, NONE, Activation
from tests.peers.tflite.draw import Draw
from tests.peers.tflite.single_op import Array, Case, Operator, Tensor, case, plain
from tests.peers.tflite.windows import SAME, VALID, plane

_TYPICAL_PART = 0.16
"""Of a result's range: one standard deviation."""


def convolutions(draw: Draw) -> Iterator[Case]:
    """CONV_2D: strides, dilations, padding and activations, per tensor and per channel."""
    x = draw.activation(draw.codes(1, 13, 11, 6))
    for per_channel in (True, False):
        for stride, dilation, padding in ((1, 1, SAME), (2, 1, SAME), (1, 2, VALID)):
            for activation in ACTIVATIONS:
                w = _weights(draw, (8, 3, 3, 6), 0, per_channel)
                size, pads = plane(x.codes.shape, 3, stride, dilation, padding)
                result = _result(draw, (1, *size, 8), x, w, 54, activation)
                b = _bias(draw, x, w, 8, 54)
                yield case(
                    f"stride {stride} dilation {dilation} {activation.name} {per_channel}",
                    scaled.Conv2d(
                        (stride, stride), pads, (dilation, dilation), activation=activation.clip
                    ),
                    (x, w, b),
                    result,
                    Operator(
                        "CONV_2D",
                        (x, w, b),
                        result,
                        "Conv2DOptions",
                        _window(padding, stride, dilation, activation),
                    ),
                )


def depthwise(draw: Draw) -> Iterator[Case]:
    """DEPTHWISE_CONV_2D: one and two results for each channel."""
    x = draw.activation(draw.codes(1, 13, 11, 6))
    for per_channel in (True, False):
        for stride, multiplier, padding in ((1, 1, SAME), (2, 2, SAME), (1, 1, VALID)):
            for activation in ACTIVATIONS:
                outputs = 6 * multiplier
                w = _weights(draw, (outputs, 3, 3, 1), 0, per_channel)
                size, pads = plane(x.codes.shape, 3, stride, 1, padding)
                result = _result(draw, (1, *size, outputs), x, w, 9, activation)
                b = _bias(draw, x, w, outputs, 9)
                options = _window(padding, stride, 1, activation)
                yield case(
                    f"stride {stride} multiplier {multiplier} {activation.name} {per_channel}",
                    scaled.Conv2d((stride, stride), pads, groups=6, activation=activation.clip),
                    (x, w, b),
                    result,
                    Operator(
                        "DEPTHWISE_CONV_2D",
                        (x, w.transposed(3, 1, 2, 0), b),
                        result,
                        "DepthwiseConv2DOptions",
                        options | {"depthMultiplier": multiplier},
                    ),
                )


def fully_connected(draw: Draw) -> Iterator[Case]:
    """FULLY_CONNECTED, per tensor and per channel."""
    x = draw.activation(draw.codes(64, 32))
    for per_channel in (True, False):
        for activation in ACTIVATIONS:
            w = _weights(draw, (16, 32), 0, per_channel)
            result = _result(draw, (64, 16), x, w, 32, activation)
            b = _bias(draw, x, w, 16, 32)
            yield case(
                f"{activation.name} {per_channel}",
                scaled.FullyConnected(activation.clip),
                (x, w.transposed(1, 0), b),
                result,
                Operator(
                    "FULLY_CONNECTED",
                    (x, w, b),
                    result,
                    "FullyConnectedOptions",
                    {"fusedActivationFunction": activation.number},
                ),
            )


def transposed_convolutions(draw: Draw) -> Iterator[Case]:
    """TRANSPOSE_CONV, with and without a bias."""
    x = draw.activation(draw.codes(1, 7, 6, 5))
    for biased in (True, False):
        for stride, padding in ((2, SAME), (2, VALID), (1, SAME)):
            w = _weights(draw, (4, 3, 3, 5), 0, True)
            rows, columns = (
                extent * stride if padding == SAME else (extent - 1) * stride + 3
                for extent in (7, 6)
            )
            _, pads = plane((1, rows, columns, 4), 3, stride, 1, padding)
            result = _result(draw, (1, rows, columns, 4), x, w, 45 // stride**2)
            b = (_bias(draw, x, w, 4, 45),) if biased else ()
            shape = plain(result.codes.shape)
            yield case(
                f"stride {stride} padding {padding} bias {biased}",
                scaled.ConvTranspose2d((stride, stride), pads),
                (x, w, *b),
                result,
                Operator(
                    "TRANSPOSE_CONV",
                    (shape, w, x, *b),
                    result,
                    "TransposeConvOptions",
                    {"padding": padding, "strideW": stride, "strideH": stride},
                ),
            )


def matrix_products(draw: Draw) -> Iterator[Case]:
    """BATCH_MATMUL of two computed matrices."""
    for repeat in range(6):
        a = draw.activation(draw.codes(2, 23, 32))
        b = draw.factor(draw.codes(2, 32, 17))
        if draw.coarse:
            near = b.zero_points[0] + draw.weights(b.codes.shape).astype(np.int64)
            b = replace(b, codes=near.astype(draw.dtype))
        result = _result(draw, (2, 23, 17), a, b, 32)
        operator = Operator("BATCH_MATMUL", (a, b), result, "BatchMatMulOptions")
        yield case(f"{repeat}", scaled.MatMul(), (a, b), result, operator)


def _weights(draw: Draw, shape: tuple[int, ...], axis: int, per_channel: bool) -> Tensor:
    """Of int8, or of uint8 with a zero point where the operand is uint8."""
    scales = draw.weight_scales(shape[axis] if per_channel else 1)
    if draw.dtype is np.uint8:
        codes: Array = draw.rng.integers(1, 256, shape).astype(np.uint8)
        return Tensor(codes, scales[:1], (draw.zero_point(),), constant=True)
    return Tensor(draw.weights(shape), scales, (0,), axis, constant=True)


def _result(
    draw: Draw,
    shape: tuple[int, ...],
    x: Tensor,
    w: Tensor,
    terms: int,
    activation: Activation = NONE,
) -> Tensor:
    """In a scale under which a typical sum of ``terms`` products is far from saturation."""
    unit = x.scales[0] * float(np.mean(w.scales))
    coarseness = 1.2 if draw.coarse else _typical_sum(x, w, terms) / (_TYPICAL_PART * _width(x))
    return draw.result(shape, unit * coarseness, activation)


def _typical_sum(x: Tensor, w: Tensor, terms: int) -> float:
    """The standard deviation of a sum of ``terms`` products of uniform codes."""
    return _width(x) * _width(w) * sqrt(terms) / 12


def _width(tensor: Tensor) -> int:
    info = np.iinfo(tensor.codes.dtype)
    return int(info.max) - int(info.min)


def _bias(draw: Draw, x: Tensor, w: Tensor, count: int, terms: int) -> Tensor:
    """The scale is the product in float32; an int16 operand has a 64-bit bias."""
    spread = 60 if draw.coarse else int(_typical_sum(x, w, terms))
    dtype: Any = np.int64 if draw.dtype is np.int16 else np.int32
    codes = draw.rng.integers(-spread, spread + 1, count).astype(dtype)
    product = np.float32(x.scales[0]) * np.array(w.scales, np.float32)
    return Tensor(codes, tuple(float(s) for s in product), (0,), 0, constant=True)


def _window(
    padding: int, stride: int, dilation: int, activation: Activation
) -> dict[str, int | float | bool]:
    return {
        "padding": padding,
        "strideW": stride,
        "strideH": stride,
        "dilationWFactor": dilation,
        "dilationHFactor": dilation,
        "fusedActivationFunction": activation.number,
    }
