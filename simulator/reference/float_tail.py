# SPDX-License-Identifier: Apache-2.0
"""The named float tail: soft floats, and real functions rounded correctly."""

from importlib import import_module
from typing import Any, assert_never

import numpy as np

from intaglio.compiler.ir.fixed import Float32Binary
from intaglio.compiler.ir.float_tail import BinaryFunction
from intaglio.compiler.ir.graph import Array
from intaglio.errors import InvalidData
from intaglio.numerics import float32
from intaglio.numerics.float32 import BINARY32, Float32
from intaglio.simulator.reference.containers import floats

# mpmath carries no types.
libmp: Any = import_module("mpmath.libmp")


def float32_binary(name: str, op: Float32Binary, left: Array, right: Array) -> list[Float32]:
    """``Float32Binary`` that defines the value ``name``.

    Raises:
        InvalidData: an element or a result isn't finite.
    """
    first, second = np.broadcast_arrays(left, right)
    return [
        _binary(op.function, a, b)
        for a, b in zip(floats(name, first), floats(name, second), strict=True)
    ]


def _binary(function: BinaryFunction, a: Float32, b: Float32) -> Float32:
    match function:
        case BinaryFunction.ADD:
            return float32.add(a, b)
        case BinaryFunction.SUBTRACT:
            return float32.subtract(a, b)
        case BinaryFunction.MULTIPLY:
            return float32.multiply(a, b)
        case BinaryFunction.DIVIDE:
            return _quotient(a, b)
        # The first operand where they are equal (a zero of each sign).
        case BinaryFunction.MINIMUM:
            return b if b.fraction < a.fraction else a
        case BinaryFunction.MAXIMUM:
            return b if b.fraction > a.fraction else a
        case _:
            assert_never(function)


def _quotient(a: Float32, b: Float32) -> Float32:
    if b.fraction == 0:
        raise InvalidData(
            "float32 division", "a divisor of 0", "another divisor", "look at what computes it"
        )
    return float32.divide(a, b)


def float32_softmax(line: list[Float32]) -> list[Float32]:
    """One line of ``Float32Softmax``: real values, rounded correctly.

    Each is enclosed in an interval, at a precision that grows until both ends round to the same
    float.  That happens: by Lindemann and Weierstrass no share of exponentials is rational unless
    all elements are equal, and 1 / n is never halfway between two floats.
    """
    results: list[Float32] = []
    for x in line:
        precision = 32
        while (found := _share(x, line, precision)) is None:
            precision *= 2
        results.append(found)
    return results


def _share(x: Float32, line: list[Float32], precision: int) -> Float32 | None:
    """fl32(exp(x) / Σ exp(line)), None where ``precision`` bits don't decide the rounding."""
    total = _exponential(line[0], precision)
    for other in line[1:]:
        total = libmp.mpi_add(total, _exponential(other, precision), precision)
    share = libmp.mpi_div(_exponential(x, precision), total, precision)
    low, high = (_rounded(magnitude, exponent) for _, magnitude, exponent, _ in share)
    return low if low == high else None


def _exponential(x: Float32, precision: int) -> Any:
    """An interval that contains exp(x), as mpmath writes one."""
    negative, magnitude, exponent = x.dyadic
    exact = libmp.from_man_exp(-magnitude if negative else magnitude, exponent)
    return libmp.mpi_exp((exact, exact), precision)


def _rounded(magnitude: int, exponent: int) -> Float32:
    """fl32(magnitude * 2**exponent); an exponent may be too low to be written out."""
    if exponent + magnitude.bit_length() < BINARY32.lowest_exponent - 1:
        return Float32.from_integer(0)
    return Float32.from_dyadic(False, magnitude, exponent)
