# SPDX-License-Identifier: Apache-2.0
"""From the range of real numbers to a scale and a zero point, at any width."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Reals = NDArray[np.float64]

# Below this a float32 product of two scales could leave the normal numbers; what such a scale
# could tell apart is beyond anything a network computes.
MINIMUM_SCALE = 2.0**-60

# Only the bias of a channel whose weights are next to nothing comes near these. Half an int32
# accumulator is left to the products in any case.
_MAXIMUM_BIAS = 2**30
_MAXIMUM_BIAS_TO_8_BITS = 2**24


@dataclass(frozen=True, slots=True)
class Encoding:
    """How real numbers become integer codes.

    Attributes:
        bits: the width, 2 to 16 (32 for biases).
        signed: whether codes are two's complement or unsigned.
        symmetric: whether the zero point is the middle code instead of fitting the range.
        narrow: whether the lowest code is left out, so that codes are symmetric about zero.
        power_of_two: whether scales are powers of two, so that a shift rescales.
    """

    bits: int
    signed: bool
    symmetric: bool = False
    narrow: bool = False
    power_of_two: bool = False

    @property
    def minimum(self) -> int:
        """The lowest code."""
        return (-(1 << (self.bits - 1)) if self.signed else 0) + int(self.narrow)

    @property
    def maximum(self) -> int:
        """The highest code."""
        return (1 << (self.bits - int(self.signed))) - 1

    @property
    def middle(self) -> int:
        """The code that stands for zero when symmetric."""
        return 0 if self.signed else 1 << (self.bits - 1)


@dataclass(frozen=True, slots=True)
class QuantizationParameters:
    """real = scale * (code - zero_point), for a tensor or for each index of one axis.

    Attributes:
        encoding: the codes.
        scales: one scale, or one for each index of ``axis``; exact values of float32 numbers.
        zero_points: as many codes, each standing for real zero exactly.
        axis: the channel axis, None for one scale for the whole tensor.
    """

    encoding: Encoding
    scales: tuple[float, ...]
    zero_points: tuple[int, ...]
    axis: int | None = None

    def quantize(self, reals: Reals) -> NDArray[np.int64]:
        """The codes: clamp(round_half_even(real / scale) + zero_point, lowest, highest)."""
        scales, zero_points = self._spread(reals.ndim)
        codes = np.rint(reals / scales) + zero_points
        return np.clip(codes, self.encoding.minimum, self.encoding.maximum).astype(np.int64)

    def dequantize(self, codes: NDArray[np.int64]) -> Reals:
        """The reals: scale * (code - zero_point), exact in float64 for widths up to 16."""
        scales, zero_points = self._spread(codes.ndim)
        return (codes - zero_points) * scales

    def _spread(self, rank: int) -> tuple[Reals, Reals]:
        """Scales and zero points shaped to broadcast over an array of that rank."""
        shape = [1] * rank
        if self.axis is not None:
            shape[self.axis] = len(self.scales)
        scales = np.array(self.scales, dtype=np.float64).reshape(shape)
        return scales, np.array(self.zero_points, dtype=np.float64).reshape(shape)


def parameters_for(
    minimum: Reals | float, maximum: Reals | float, encoding: Encoding, axis: int | None = None
) -> QuantizationParameters:
    """Scale and zero point such that [minimum, maximum] and zero are in range.

    In float64, then rounded to float32, with lo = min(0, minimum) and hi = max(0, maximum):

    - affine: scale = (hi - lo) / (highest - lowest),
      zero_point = clamp(round_half_even(lowest - lo / scale));
    - symmetric: zero_point = middle,
      scale = max(hi / (highest - middle), lo / (lowest - middle)).

    Where scales are powers of two, it is the smallest one from that scale on.

    A channel that is always zero gets the largest scale of the other channels, or the one of the
    range 0 to 1.

    Args:
        minimum: the lowest real, one number or one for each channel.
        maximum: the highest real, likewise.
        encoding: the codes.
        axis: the channel axis if there is one number for each channel.

    Source: Jacob et al., Quantization and Training of Neural Networks for Efficient
    Integer-Arithmetic-Only Inference (2018), section 3; zero points as in ONNX
    DynamicQuantizeLinear-11.
    """
    low = np.minimum(0.0, np.atleast_1d(np.asarray(minimum, dtype=np.float64)))
    high = np.maximum(0.0, np.atleast_1d(np.asarray(maximum, dtype=np.float64)))
    if encoding.symmetric:
        upper, lower = encoding.maximum - encoding.middle, encoding.minimum - encoding.middle
        needed = np.maximum(high / upper, low / lower)
        scales = _round_scales(needed, 1.0 / upper, encoding)
        zero_points = np.full(scales.shape, encoding.middle)
    else:
        levels = encoding.maximum - encoding.minimum
        scales = _round_scales((high - low) / levels, 1.0 / levels, encoding)
        codes = np.rint(encoding.minimum - low / scales)
        zero_points = np.clip(codes, encoding.minimum, encoding.maximum).astype(np.int64)
    return QuantizationParameters(
        encoding, tuple(scales.tolist()), tuple(zero_points.tolist()), axis
    )


def _round_scales(scales: Reals, otherwise: float, encoding: Encoding) -> Reals:
    """To float32, with something sensible for channels that are always zero."""
    used = scales > 0
    filled = np.where(used, scales, scales.max() if used.any() else otherwise)
    if encoding.power_of_two:
        filled = _next_power_of_two(filled)
    return np.maximum(filled.astype(np.float32).astype(np.float64), MINIMUM_SCALE)


def _next_power_of_two(reals: Reals) -> Reals:
    """The smallest power of two from each positive real on, without a logarithm's rounding."""
    fractions, exponents = np.frexp(reals)  # fractions in [0.5, 1), 0.5 for powers of two
    powers: Reals = np.ldexp(1.0, exponents - (fractions == 0.5))
    return powers


def bias_parameters(
    data: QuantizationParameters, weight: QuantizationParameters, repeats: int = 1
) -> QuantizationParameters:
    """The codes of an int32 bias: zero point 0, scale = float32(data scale * weight scale).

    Args:
        data: of the layer's input, for the whole tensor.
        weight: of the layer's weights; their zero point doesn't matter here.
        repeats: how many times the weight's channels follow each other among the outputs (the
            groups of a ConvTranspose, whose groups share scales).

    Source: ONNX QLinearConv-10, the bias input.
    """
    factor = np.float32(data.scales[0])
    scales = [float(factor * np.float32(scale)) for scale in weight.scales] * repeats
    if weight.axis is None:
        scales = scales[:1]
    return QuantizationParameters(
        Encoding(bits=32, signed=True, symmetric=True),
        tuple(scales),
        (0,) * len(scales),
        None if weight.axis is None else 0,
    )


def maximum_bias(data: QuantizationParameters, bits: int = 32) -> int:
    """The largest bias code beside activations of these codes: 2**24, beyond 8 bits 2**30.

    Never more than what a bias of ``bits`` holds, 2**(bits - 1) - 1.

    The result of a channel that passes it is far larger than its products, and 8-bit codes of it
    are at least 2**24 / 255 accumulator units apart. Weights that round to coarser codes move the
    sum by at most 255 / 2 a tap: by less than one code of the result below 500 taps. So a larger
    bias would only widen the accumulator.
    """
    largest = _MAXIMUM_BIAS_TO_8_BITS if data.encoding.bits <= 8 else _MAXIMUM_BIAS
    return min(largest, (1 << (bits - 1)) - 1)


def raise_scales_for_bias(
    weight: QuantizationParameters, data: QuantizationParameters, bias: Reals, bits: int = 32
) -> QuantizationParameters:
    """Raise weight scales where the bias code would pass ``maximum_bias``.

    scale' = max(scale, |bias| / (data scale * maximum_bias)), for each channel of the weight.

    Such a channel's weights are tiny beside its bias (typically it is dead), so the bits its
    weights lose don't matter, while a wrapped bias would.

    Args:
        weight: of the layer's weights.
        data: of the layer's input.
        bias: of the layer.
        bits: the width of a bias code.

    Source: ONNX Runtime, pull request 22020.
    """
    needed = np.abs(bias) / (data.scales[0] * maximum_bias(data, bits))
    needed = needed.reshape(-1, len(weight.scales)) if weight.axis is not None else needed
    least: Reals = needed.max(axis=0) if weight.axis is not None else needed.max(initial=0.0)
    old = np.array(weight.scales)
    # Two steps up, because scale and product are rounded to float32 once each.
    safe = np.nextafter(np.nextafter(least.astype(np.float32), np.inf), np.inf).astype(np.float64)
    if weight.encoding.power_of_two:
        safe = _next_power_of_two(safe)
    raised = np.where(least > old, safe, old)
    return replace(weight, scales=tuple(raised.tolist()))
