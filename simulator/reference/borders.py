# SPDX-License-Identifier: Apache-2.0
"""Where float32 enters and leaves: exact soft floats, so that no CPU's rounding matters."""

from collections.abc import Callable
from fractions import Fraction
from typing import assert_never

from intaglio.compiler.ir.fixed import Dequantize, Quantize
from intaglio.compiler.ir.graph import Array
from intaglio.numerics import float32
from intaglio.numerics.float32 import BINARY32, Float32
from intaglio.numerics.integers import IntType
from intaglio.numerics.quantize_method import QuantizeMethod
from intaglio.simulator.engine import refuse_nan
from intaglio.simulator.reference.containers import bit_patterns, integers

_BEYOND_ANY_CODE = Fraction(2**100)


def quantize(name: str, op: Quantize, x: Array, type: IntType) -> list[int]:
    """``Quantize`` into the value ``name`` of ``type``.

    Raises:
        InvalidData: an element is NaN, or a reciprocal is needed that float32 can't hold.
    """
    refuse_nan(name, x)
    scaled = _scaling(op)
    return [_code(op, scaled, bits, type) for bits in bit_patterns(x)]


def _scaling(op: Quantize) -> Callable[[Float32], Float32]:
    match op.method:
        case QuantizeMethod.DIVIDE:
            return lambda x: float32.divide(x, op.scale)
        case QuantizeMethod.MULTIPLY_BY_RECIPROCAL:
            reciprocal = float32.divide(Float32.from_integer(1), op.scale)
            return lambda x: float32.multiply(x, reciprocal)
        case _:
            assert_never(op.method)


def _code(op: Quantize, scaled: Callable[[Float32], Float32], bits: int, type: IntType) -> int:
    end = type.minimum if bits >> (BINARY32.word - 1) else type.maximum
    if bits & BINARY32.infinity == BINARY32.infinity:
        return end
    x = Float32(bits)
    # A quotient that large saturates, whether or not float32 can hold it.
    if abs(x.fraction / op.scale.fraction) >= _BEYOND_ANY_CODE:
        return end
    return type.saturate(float32.round_to_integer(scaled(x), op.rounding) + op.zero_point)


def float32_order(name: str, x: Array) -> list[int]:
    """``Float32Order`` into the value ``name``.

    Raises:
        InvalidData: an element is NaN.
    """
    refuse_nan(name, x)
    sign = 1 << (BINARY32.word - 1)
    return [sign - bits if bits >= sign else bits for bits in bit_patterns(x)]


def dequantize(op: Dequantize, x: Array) -> list[Float32]:
    """``Dequantize``.

    Raises:
        InvalidData: a result overflows float32.
    """
    return [
        float32.multiply(Float32.from_integer(code - op.zero_point), op.scale)
        for code in integers(x)
    ]
