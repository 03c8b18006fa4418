# SPDX-License-Identifier: Apache-2.0
"""Convolutions and matrix products."""

from collections.abc import Sequence
from fractions import Fraction
from math import prod

import numpy as np

from intaglio.compiler.ir import scaled
from intaglio.compiler.ir.types import FLOAT32, Quantization, TensorType
from intaglio.frontends.constraints import expects
from intaglio.frontends.refusal import Refusal
from intaglio.frontends.tflite.activations import BOUNDED, fused
from intaglio.frontends.tflite.expectations import (
    CODES,
    at_least_one,
    codes_of,
    constant,
    option,
    result_in,
)
from intaglio.frontends.tflite.site import Site
from intaglio.frontends.tflite.values import Computed, Known, Stored
from intaglio.frontends.tflite.windows import PADDING, dilations, padding, strides
from intaglio.numerics import float32
from intaglio.numerics.integers import IntType

_INT32 = 2
"""Of the schema's TensorType."""

_TOLERANCE = Fraction(2, 100)
"""How far a bias's scale may be from the product, in scales of the result: TensorFlow Lite's own
check, behind which its kernels add the codes as they stand."""


@expects("weights in i4, i8 or u8 with a scale")
def QUANTIZED_WEIGHTS(site: Site) -> str | None:
    """The weights are codes."""
    index = 1
    value = site.operand(index)
    if str(value.type.element) not in ("i4", "i8", "u8"):
        return f"has the weights {value.label} of type {value.type.element}"
    return None if value.type.quantization else f"has the weights {value.label} without a scale"


@expects("beside int16 codes a bias of int64")
def WIDE_BIAS(site: Site) -> str | None:
    """LiteRT refuses another one, TensorFlow Lite Micro reads it as int64 all the same."""
    bias = site.optional(2)
    if bias is None or site.codes(0).type.integer.bits == 8:
        return None
    found = bias.type.element
    return None if str(found) == "i64" else f"has a bias of {found} beside int16 codes"


_STRIDES = at_least_one("StrideH", "StrideW")
_OPERANDS = (codes_of(0, CODES), QUANTIZED_WEIGHTS, constant(2, "bias"), result_in(CODES), BOUNDED)
_WINDOW = (PADDING, _STRIDES, at_least_one("DilationHFactor", "DilationWFactor"))

CONV_2D = (*_OPERANDS, *_WINDOW, constant(1, "weights"))
DEPTHWISE_CONV_2D = (*_OPERANDS, *_WINDOW, constant(1, "weights"), WIDE_BIAS)
TRANSPOSE_CONV = (
    constant(0, "result's shape"),
    codes_of(2, CODES),
    QUANTIZED_WEIGHTS,
    constant(1, "weights"),
    constant(3, "bias"),
    result_in(CODES),
    PADDING,
    _STRIDES,
    BOUNDED,
)
FULLY_CONNECTED = (
    *_OPERANDS,
    constant(1, "weights"),
    option("WeightsFormat", 0, "weights in the default format"),
)
BATCH_MATMUL = (codes_of(0, CODES), codes_of(1, CODES), result_in(CODES))


def conv_2d(site: Site) -> Computed:
    """``[N, H, W, C]`` by weights ``[O, kh, kw, C / groups]``."""
    x, w = site.codes(0), _weights(site, 1, 4)
    groups = _groups(x, w.type.shape[3])
    return _convolution(site, x, w, groups)


def depthwise_conv_2d(site: Site) -> Computed:
    """Weights ``[1, kh, kw, C * multiplier]``: channel c * multiplier + m reads channel c."""
    x, w = site.codes(0), _weights(site, 1, 4)
    if w.type.shape[0] != 1:
        raise Refusal(f"has weights of shape {list(w.type.shape)}; [1, kh, kw, O] is expected")
    return _convolution(site, x, transposed(w, (3, 1, 2, 0)), x.type.shape[-1])


def _convolution(site: Site, x: Known, w: Stored, groups: int) -> Computed:
    kernel = (w.type.shape[1], w.type.shape[2])
    dilation = dilations(site)
    op = scaled.Conv2d(
        strides(site),
        padding(site, x.type.shape, kernel, dilation),
        dilation,
        groups,
        fused(site),
    )
    return site.emit(op, (x, w, *_bias(site, 2, x, w, 0)))


def _groups(x: Known, channels: int) -> int:
    """TensorFlow Lite tells the number of groups by the channels that the weights have."""
    shape = x.type.shape
    if len(shape) != 4 or shape[3] % channels:
        raise Refusal(f"reads shape {list(shape)} with weights of {channels} channels")
    return shape[3] // channels


def transpose_conv(site: Site) -> Computed:
    """Operands: the result's shape, weights ``[O, kh, kw, C]``, x ``[N, H, W, C]``, a bias."""
    shape = site.integers(0, "a shape")
    w, x = _weights(site, 1, 4), site.codes(2)
    op = scaled.ConvTranspose2d(
        strides(site),
        padding(site, shape, (w.type.shape[1], w.type.shape[2])),
        activation=fused(site),
    )
    return site.emit(op, (x, w, *_bias(site, 3, x, w, 0)), declared=shape)


def fully_connected(site: Site) -> Computed:
    """X as rows of K elements, by weights ``[N, K]``."""
    w = transposed(_weights(site, 1, 2), (1, 0))
    x = _as_rows(site, site.codes(0), w.type.shape[0])
    op = scaled.FullyConnected(fused(site))
    return site.emit(op, (x, w, *_bias(site, 2, x, w, 1)))


def _as_rows(site: Site, x: Known, extent: int) -> Known:
    shape = x.type.shape
    if site.flag("KeepNumDims") and shape and shape[-1] == extent:
        return x
    count = prod(shape)
    if count % extent or (site.flag("KeepNumDims")):
        raise Refusal(f"reads shape {list(shape)} with weights of {extent} elements a row")
    wanted = (count // extent, extent)
    if shape == wanted:
        return x
    return site.step("rows", scaled.Reshape(), (x,), x.type, declared=wanted)


def batch_matmul(site: Site) -> Computed:
    """``[..., M, K]`` by ``[..., K, N]``, either perhaps stored with its last two axes swapped."""
    a = _adjoint(site, 0, site.flag("AdjX"), "left")
    b = _adjoint(site, 1, site.flag("AdjY"), "right")
    return site.emit(scaled.MatMul(), (a, b))


def _adjoint(site: Site, index: int, swapped: bool, suffix: str) -> Known:
    x = site.codes(index)
    rank = x.type.rank
    if rank < 2:
        raise Refusal(f"reads {x.label} with {rank} axes; 2 or more are expected")
    if not swapped:
        return x
    order = (*range(rank - 2), rank - 1, rank - 2)
    return site.step(suffix, scaled.Transpose(order), (x,), x.type)


def _weights(site: Site, index: int, rank: int) -> Stored:
    """Constant codes.

    Raises:
        Refusal: they are computed, or of another rank.
    """
    w = site.operand(index)
    if not isinstance(w, Stored) or w.type.quantization is None:
        raise Refusal("has no constant weights with a scale")
    if w.type.rank != rank:
        raise Refusal(f"has weights of shape {list(w.type.shape)}; {rank} axes are expected")
    return w


def transposed(value: Stored, order: Sequence[int]) -> Stored:
    """The same constant with its axes in another order."""
    quantization = value.type.scaled
    if quantization.axis is not None:
        axis = tuple(order).index(quantization.axis)
        quantization = Quantization(quantization.scales, quantization.zero_points, axis)
    array = np.ascontiguousarray(value.array.transpose(order))
    type = TensorType(value.type.element, array.shape, quantization)
    return Stored(array, type, value.label)


def _bias(site: Site, index: int, x: Known, w: Stored, axis: int) -> tuple[Stored, ...]:
    """The bias in the scale of x times that of w, or nothing.

    Raises:
        Refusal: it is float32, has another length, or a scale or zero point of its own.
    """
    bias = site.optional(index)
    if bias is None and site.operator.options.get("QuantizedBiasType") == _INT32:
        bias = _zero_bias(site, w.type.shape[axis])
    if bias is None:
        return ()
    if not isinstance(bias, Stored) or bias.type.element == FLOAT32:
        raise Refusal(f"has the bias {bias.label} in float32; quantize the model in full")
    channels = w.type.shape[axis]
    if bias.type.size != channels:
        raise Refusal(f"has a bias of {bias.type.size} elements for {channels} channels")
    products = tuple(float32.multiply(x.type.scaled.scale, scale) for scale in w.type.scaled.scales)
    if any(product.fraction == 0 for product in products):
        raise Refusal("has scales whose product is too small for a float32")
    quantization = Quantization(products, (0,), 0 if len(products) > 1 else None)
    _require_product(site, bias, quantization, channels)
    type = TensorType(bias.type.element, (channels,), quantization)
    return (Stored(bias.array.reshape(channels), type, bias.label),)


def _zero_bias(site: Site, channels: int) -> Stored:
    """What stands for a bias that is left out where an option gives it 32 bits.

    Source: LiteRT 2.3 and TensorFlow Lite Micro, whose accumulators are then as wide.
    """
    element = IntType(32, signed=True)
    label = f"{site.result.label}.bias"
    return Stored(np.zeros(channels, element.dtype), TensorType(element, (channels,)), label)


def _require_product(site: Site, bias: Stored, expected: Quantization, channels: int) -> None:
    """The file's own scale of the bias, if there is one, is the product up to the tolerance."""
    found = bias.type.quantization
    if found is None:
        return
    unit = site.result_type.scaled.scale.fraction
    for channel in range(channels if not (found.per_tensor and expected.per_tensor) else 1):
        scale, zero_point = found.channel(channel)
        product, _ = expected.channel(channel)
        if zero_point != 0:
            raise Refusal(f"has a bias with the zero point {zero_point}; 0 is expected")
        if abs(scale.fraction - product.fraction) > unit * _TOLERANCE:
            raise Refusal(
                f"has a bias with the scale {scale} in channel {channel}; {product}, the product "
                "of the scales of input and weights, is expected"
            )
