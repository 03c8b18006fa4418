# SPDX-License-Identifier: Apache-2.0
"""Conv, Gemm and MatMul."""

from dataclasses import replace

import numpy as np

from intaglio.compiler.ir import scaled
from intaglio.compiler.ir.types import Quantization
from intaglio.frontends.constraints import Constraint, expects
from intaglio.frontends.onnx.expectations import (
    CONSTANT_BIAS,
    PLANE,
    axes_at_least,
    quantized,
    quantized_constant,
)
from intaglio.frontends.onnx.meanings import (
    Quantized,
    QuantizedConstant,
    Real,
    Static,
)
from intaglio.frontends.onnx.moving import only_codes, permuted
from intaglio.frontends.onnx.planes import (
    AUTO_PAD,
    channels_first,
    channels_last,
    read_windows,
    spatial,
)
from intaglio.frontends.onnx.site import Site, float32
from intaglio.frontends.readers import Reader
from intaglio.frontends.refusal import Refusal
from intaglio.numerics.float32 import Float32
from intaglio.numerics.integers import IntType

_BIAS_TYPE = IntType(32, signed=True)


def channel_scales(axis: int, what: str) -> Constraint[Site]:
    """Constant weights have one scale, or one for each index of one axis."""

    def violation(site: Site) -> str | None:
        weights = site.operand(1)
        if not isinstance(weights, QuantizedConstant) or len(weights.shape) <= axis:
            return None
        found = weights.quantization.axis
        return None if found in (None, axis) else f"its weights have a scale along axis {found}"

    return Constraint(f"weights with one scale, or one for each {what}", violation)


@expects("alpha 1 (fold it into the weights)")
def ALPHA_1(site: Site) -> str | None:
    """Another factor would take one more rounding."""
    alpha = site.number("alpha", 1.0)
    return None if alpha == 1.0 else f"alpha is {alpha}"


@expects("beta 1 (fold it into the bias), or 0 for no bias")
def BETA_1(site: Site) -> str | None:
    """Another factor would take one more rounding."""
    beta = site.number("beta", 1.0)
    return f"beta is {beta}" if site.has(2) and beta not in (0.0, 1.0) else None


@expects("operands with two axes")
def MATRICES(site: Site) -> str | None:
    """Gemm multiplies matrices."""
    for index, which in enumerate(("first", "second")):
        shape = site.operand(index).shape
        if shape is not None and len(shape) != 2:
            return f"its {which} operand has the shape {shape}"
    return None


@expects("no C where both operands are computed (write MatMul and Add)")
def BIASED_BY_CONSTANT_WEIGHTS(site: Site) -> str | None:
    """A product of two computed operands has no scale that its bias could be in."""
    constant = isinstance(site.operand(1), QuantizedConstant | Static)
    biased = site.has(2) and site.number("beta", 1.0) == 1.0
    return "adds C to a product of two computed operands" if biased and not constant else None


PLANE_CONVOLUTION = (PLANE, quantized_constant(1, "weights"), CONSTANT_BIAS)
"""What Conv and ConvTranspose share."""
WITHOUT_DATA = (*PLANE_CONVOLUTION, AUTO_PAD, channel_scales(0, "output channel"))
"""What Conv expects, its data apart."""
PRODUCT = (ALPHA_1, BETA_1, MATRICES, CONSTANT_BIAS, BIASED_BY_CONSTANT_WEIGHTS)
"""What Gemm expects, the types of its operands apart."""


def conv(site: Site) -> Real:
    """Conv of ``[N, C, H, W]`` or ``[N, C, L]`` with constant weights ``[O, C / groups, ...]``."""
    x = site.activation(0)
    w = plane_weights(site.weights(1), spatial(x.shape))
    windows = read_windows(site, x.shape, site.numbers("kernel_shape", spread_kernel(x, w)))
    if windows.kernel != w.shape[2:]:
        raise Refusal(f"kernel_shape is {windows.kernel}, but its weights are {w.shape[2:]}")
    ohwi = replace(w, array=w.array.transpose(0, 2, 3, 1))
    op = scaled.Conv2d(windows.strides, windows.pads, windows.dilations, site.integer("group", 1))
    return planes_result(site, op, x, ohwi)


def planes_result(
    site: Site,
    op: scaled.Conv2d | scaled.ConvTranspose2d,
    x: Quantized,
    weights: QuantizedConstant,
    declared: tuple[int, ...] = (),
) -> Real:
    """A convolution of ``x`` in its layout, with the bias that is operand 2 if there is one."""
    image = only_codes(channels_last(site, x))
    operands = [image, site.emitter.constant(weights)]
    if site.has(2):
        operands.append(bias(site, 2, x.type.scaled, weights.quantization, weights.shape[0]))
    result = site.computed(op, operands, declared)
    return channels_first(site, result, len(x.shape))


def plane_weights(weights: QuantizedConstant, axes: int) -> QuantizedConstant:
    """Weights of a signal's convolution as those of a plane's with one row.

    Raises:
        Refusal: the weights haven't as many axes as the operand.
    """
    if weights.array.ndim != axes + 2:
        raise Refusal(f"its weights have the shape {weights.shape}; {axes + 2} axes are expected")
    if axes == 2:
        return weights
    return replace(weights, array=weights.array[:, :, np.newaxis, :])


def spread_kernel(x: Quantized, weights: QuantizedConstant) -> tuple[int, ...]:
    """The kernel's extents along the axes of ``x``."""
    return weights.shape[2:] if len(x.shape) == 4 else weights.shape[3:]


def gemm(site: Site) -> Real:
    """Gemm: y = alpha A' B' + beta C, with alpha 1 and beta 1 (or 0, or no C)."""
    a = site.activation(0)
    if site.flag("transA"):
        a = only_codes(
            site.move(scaled.Transpose((1, 0)), a, permuted(a.shape, (1, 0)), ".transposed")
        )
    b, turned = site.codes(1), site.flag("transB")
    has_bias = site.has(2) and site.number("beta", 1.0) == 1.0
    if isinstance(b, QuantizedConstant):
        return fully_connected(site, a, _turned(b) if turned else b, has_bias)
    right = site.activation(1)
    if turned:
        right = only_codes(
            site.move(scaled.Transpose((1, 0)), right, permuted(right.shape, (1, 0)), ".transposed")
        )
    return site.computed(scaled.MatMul(), [a, right])


def matmul(site: Site) -> Real:
    """MatMul: by constant weights ``[K, N]``, or of two values with the same leading axes."""
    a, b = site.activation(0), site.codes(1)
    if isinstance(b, QuantizedConstant) and len(b.shape) == 2:
        return fully_connected(site, a, b, has_bias=False)
    return site.computed(scaled.MatMul(), [a, site.activation(1)])


def fully_connected(site: Site, x: Quantized, weights: QuantizedConstant, has_bias: bool) -> Real:
    """A product with constant weights ``[K, N]``."""
    if weights.quantization.axis not in (None, 1):
        raise Refusal("its weights have a scale for each input; use one for each output")
    operands = [x, site.emitter.constant(weights)]
    if has_bias:
        operands.append(bias(site, 2, x.type.scaled, weights.quantization, weights.shape[-1]))
    return site.computed(scaled.FullyConnected(), operands)


def bias(
    site: Site, index: int, data: Quantization, weights: Quantization, channels: int
) -> Quantized:
    """A constant bias ``[channels]``: int32 in the scale of the products, or float32.

    Raises:
        Refusal: it is anything else.
    """
    given = site.operand(index)
    if isinstance(given, Static):
        return _float_bias(site, given, channels)
    found = site.weights(index)
    if found.element != _BIAS_TYPE or any(found.quantization.zero_points):
        raise Refusal(
            f"its bias {found.name} is of type {found.element} with zero points "
            f"{found.quantization.zero_points[:3]}; int32 with zero point 0 is expected"
        )
    array, quantization = _one_axis(found, channels)
    for channel in range(channels):
        product = _product(data.scale, weights.channel(channel)[0])
        if quantization.channel(channel)[0] != product:
            raise Refusal(
                f"the scale of its bias {found.name} is {quantization.channel(channel)[0]} in "
                f"channel {channel}; the product {product} of the scales of data and weights is "
                "expected"
            )
    return site.emitter.constant(replace(found, array=array, quantization=quantization))


def _float_bias(site: Site, given: Static, channels: int) -> Quantized:
    array = float32(given.array, f"its bias {given.name}")
    if array.size not in (1, channels) or (array.ndim and array.shape[-1] != array.size):
        raise Refusal(f"its bias has the shape {given.shape}; {channels} elements are expected")
    if not np.isfinite(array).all():
        raise Refusal(f"its bias {given.name} isn't finite")
    return site.emitter.float_constant(given, (channels,))


def _one_axis(
    found: QuantizedConstant, channels: int
) -> tuple[np.ndarray[tuple[int, ...], np.dtype[np.generic]], Quantization]:
    """A bias ``[N]``, ``[1, N]`` or of one element as ``[N]``."""
    array, quantization = found.array, found.quantization
    if array.size == 1:
        return np.broadcast_to(array.reshape(1), (channels,)), quantization
    if array.size != channels or array.shape[-1] != channels:
        raise Refusal(f"its bias has the shape {found.shape}; {channels} elements are expected")
    axis = None if quantization.axis is None else 0
    return array.reshape(channels), replace(quantization, axis=axis)


def _product(a: Float32, b: Float32) -> Float32:
    return Float32.from_fraction(a.fraction * b.fraction)


def _turned(weights: QuantizedConstant) -> QuantizedConstant:
    axis = weights.quantization.axis
    quantization = replace(weights.quantization, axis=None if axis is None else 1 - axis)
    return replace(weights, array=weights.array.T, quantization=quantization)


_FIRST = quantized(0, what="first operand")
_SECOND = quantized(1, several_scales=True, what="second operand")

CONV = Reader(conv, ("conv2d", "depthwise_conv2d"), (quantized(0), *WITHOUT_DATA))
GEMM = Reader(
    gemm,
    ("fully_connected", "mat_mul"),
    (_FIRST, _SECOND, *PRODUCT),
)
MATMUL = Reader(
    matmul,
    ("fully_connected", "mat_mul"),
    (_FIRST, _SECOND, axes_at_least(2, 0, 1)),
)
