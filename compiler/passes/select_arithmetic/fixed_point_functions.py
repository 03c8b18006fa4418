# SPDX-License-Identifier: Apache-2.0
"""TFLite's integer formulas for leaky rectifiers, hard swish and 1 / sqrt, of one code.

Source: TFLite and TFLM reference kernels LEAKY_RELU, PRELU, RSQRT and HARD_SWISH (8-bit).
"""

import math
from collections.abc import Callable

from intaglio.compiler.ir.types import Quantization
from intaglio.compiler.passes.select_arithmetic.branches import Branches
from intaglio.errors import InvalidData
from intaglio.numerics import float32, functions, multipliers
from intaglio.numerics.fixed_point_root import inverse_square_root
from intaglio.numerics.float32 import Float32
from intaglio.numerics.integers import IntType
from intaglio.numerics.profile.derive import real_multiplier
from intaglio.numerics.profile.schemes import ScaleProduct
from intaglio.numerics.rounding import Rounding, divide
from intaglio.numerics.scalings import DoubleRounding, rounding_shift_away

INT16 = IntType(16, signed=True)
_ONE = Float32.from_value(1.0)


def _double_rounding(
    product: ScaleProduct, source: Quantization, target: Quantization, factor: Float32 = _ONE
) -> DoubleRounding:
    """M(·, s * factor / s_out), the multiplier formed in the arithmetic of ``product``."""
    real = real_multiplier(product, source.scale, target.scale, factor)
    multiplier, shift = multipliers.quantize_multiplier(float(real))
    return DoubleRounding(multiplier, shift, Rounding.HALF_AWAY_FROM_ZERO)


def fixed_point_leaky_relu(
    product: ScaleProduct,
    source: Quantization,
    target: Quantization,
    alpha: Float32,
    negates: bool,
) -> Branches:
    """V = q - z: v >= 0 ? M(v, s / s_out) : ±M(v, s * |alpha| / s_out), + z_out.

    A negative slope negates the result of the positive one (LiteRT 2.3 and TFLite Micro on x86),
    or is a negative multiplier (LiteRT 1.2, optimized int16), which rounds halves the other way.
    """
    identity = _double_rounding(product, source, target)
    falling = negates and alpha.value < 0
    magnitude = float32.negate(alpha) if falling else alpha
    sloped = _double_rounding(product, source, target, magnitude)
    sign = -1 if falling else 1
    return Branches(source.zero_point, target.zero_point, identity, sloped, sign=sign)


def fixed_point_slope(
    product: ScaleProduct,
    source: Quantization,
    target: Quantization,
    slope_code: int,
    slope_scale: Float32,
) -> Branches:
    """V >= 0 ? M(v, s / s_out) : M(v * slope_code, s * s_slope / s_out), + z_out."""
    identity = _double_rounding(product, source, target)
    sloped = _double_rounding(product, source, target, slope_scale)
    return Branches(source.zero_point, target.zero_point, identity, sloped, factor=slope_code)


def fixed_point_inverse_square_root(
    product: ScaleProduct, source: Quantization, target: Quantization
) -> Callable[[int], int]:
    """M(M(1, 2**20 / sqrt(v)), 1 / (sqrt(s) s_out 2**20)) + z_out for v = q - z > 0.

    LiteRT takes the root of s and its product with s_out in float32, TFLite Micro in double.

    Raises:
        InvalidData: that product is too small for a number.
    """
    if product is ScaleProduct.FLOAT32:
        root = functions.square_root(source.scale.fraction).rounded_to_float32()
        divisor = float32.multiply(root, target.scale).value
    else:
        divisor = math.sqrt(source.scale.value) * target.scale.value
    if divisor == 0.0:
        raise InvalidData(
            "RSQRT",
            f"scales {source.scale} and {target.scale}",
            "a root and a scale whose product is a float32 above 0",
            "quantize its result with a larger scale",
        )
    multiplier, shift = multipliers.quantize_multiplier(1.0 / divisor)
    output = DoubleRounding(multiplier, shift - 20, Rounding.HALF_AWAY_FROM_ZERO)

    def code(q: int) -> int:
        root, root_shift = inverse_square_root(q - source.zero_point)
        inverse = DoubleRounding(root, root_shift + 20, Rounding.HALF_AWAY_FROM_ZERO)
        return output.apply(inverse.apply(1)) + target.zero_point

    return code


def fixed_point_hard_swish(source: Quantization, target: Quantization) -> Callable[[int], int]:
    """X * relu6(x + 3) / 6 on 16-bit fixed point, 7 fractional bits of the code kept."""
    high_resolution = float32.multiply(source.scale, Float32.from_value(1 / 128))
    output = _reduced(float32.divide(high_resolution, target.scale))
    gate = _reduced(float32.divide(high_resolution, Float32.from_value(3 / 32768)))

    def code(q: int) -> int:
        v = INT16.wrap((q - source.zero_point) * 128)
        preshift = _high_multiply(v, output[0])
        relu = _gate(v, *gate)
        product = INT16.saturate(divide(relu * preshift, 1 << 15, Rounding.TOWARD_ZERO))
        return rounding_shift_away(product, -output[1]) + target.zero_point

    return code


def _reduced(real: Float32) -> tuple[int, int]:
    """A 16-bit multiplier and its shift."""
    multiplier, shift = multipliers.quantize_multiplier(real.value)
    if multiplier >= 0x7FFF8000:
        return 0x7FFF, shift
    return (multiplier + (1 << 15)) >> 16, shift


def _high_multiply(a: int, b: int) -> int:
    """(2ab + 2**15) >> 16 saturated: the 16-bit doubling high multiply."""
    return INT16.saturate((a * b + (1 << 14)) >> 15)


def _gate(v: int, multiplier: int, shift: int) -> int:
    """relu6(x + 3) / 6 in Q0.15, between 0 and 2**15 - 1."""
    if shift > 0:
        relu = _high_multiply(INT16.saturate(v << (shift - 1)), multiplier)
        relu = INT16.saturate(relu << 1)
    else:
        relu = rounding_shift_away(_high_multiply(v, multiplier), -shift)
    return (relu + (1 << 15)) >> 1
