# SPDX-License-Identifier: Apache-2.0
"""The named float tail: NumPy's IEEE-754 operations, and a softmax that knows its own error."""

from importlib import import_module
from typing import Any, assert_never

import numpy as np

from intaglio.compiler.ir.fixed import Float32Binary, Float32Softmax
from intaglio.compiler.ir.float_tail import BinaryFunction
from intaglio.compiler.ir.graph import Node
from intaglio.errors import InvalidData
from intaglio.numerics.float32 import Float32
from intaglio.simulator.vectorized.borders import NO_INTEGERS, finite_results
from intaglio.simulator.vectorized.prepared import Operands, Prepared
from intaglio.simulator.vectorized.words import FLOAT32, FLOAT64, Array

# mpmath carries no types.
mpmath: Any = import_module("mpmath")

LOWEST = -240.0
"""exp of this is far below the smallest float32, 2**-149, and below what a float64 sum notices."""

UNIT = 2.0**-52
"""Twice the relative error of one float64 operation."""


def prepare_float32_binary(node: Node, op: Float32Binary) -> Prepared:
    """``Float32Binary``."""

    def compute(arrays: Operands) -> Array:
        first, second = arrays
        _refuse_infinite(node.name, first)
        _refuse_infinite(node.name, second)
        with finite_results(node.name):
            return np.asarray(_binary(op.function, first, second))

    return Prepared(compute, NO_INTEGERS)


def _binary(function: BinaryFunction, first: Array, second: Array) -> Array:
    match function:
        case BinaryFunction.ADD:
            return first + second
        case BinaryFunction.SUBTRACT:
            return first - second
        case BinaryFunction.MULTIPLY:
            return first * second
        case BinaryFunction.DIVIDE:
            return first / second
        # The first operand where they are equal (a zero of each sign).
        case BinaryFunction.MINIMUM:
            return np.where(second < first, second, first)
        case BinaryFunction.MAXIMUM:
            return np.where(second > first, second, first)
        case _:
            assert_never(function)


def prepare_float32_softmax(node: Node, op: Float32Softmax) -> Prepared:
    """``Float32Softmax``."""

    def compute(arrays: Operands) -> Array:
        _refuse_infinite(node.name, arrays[0])
        aligned = np.moveaxis(arrays[0], op.axis, -1)
        return np.moveaxis(softmax(aligned), -1, op.axis)

    return Prepared(compute, NO_INTEGERS)


def softmax(x: Array) -> Array:
    """fl32(exp(x) / Σ exp(x)) along the last axis, correctly rounded.

    In float64 with a bound of the relative error; where it reaches across a rounding boundary, by
    mpmath at a precision that grows until it decides.
    """
    differences = x.astype(FLOAT64) - x.max(axis=-1, keepdims=True).astype(FLOAT64)
    kept = np.maximum(differences, LOWEST)
    exponentials = np.exp(kept)
    shares = exponentials / exponentials.sum(axis=-1, keepdims=True)
    # In units of 2**-53: a rounded difference d shifts exp by |d|, NumPy's exp errs by less than 4,
    # the sum of n terms by n more and by at most n / e from their differences.
    error = UNIT * (np.abs(kept) + 2.0 * x.shape[-1] + 16.0)
    # Where terms were held at LOWEST, both bounds round to zero.
    low: Array = (shares * (1.0 - error)).astype(FLOAT32)
    high = (shares * (1.0 + error)).astype(FLOAT32)
    for place in np.argwhere(low != high).tolist():
        line = x[tuple(place[:-1])].tolist()
        low[tuple(place)] = enclosed_share(line, place[-1])
    return low


def enclosed_share(line: list[float], index: int) -> float:
    """One softmax value, correctly rounded to float32."""
    precision = 128
    while True:
        with mpmath.workprec(precision):
            total = sum(mpmath.exp(mpmath.mpf(other)) for other in line)
            share = mpmath.exp(mpmath.mpf(line[index])) / total
            # Each exponential and each of the additions errs by less than a unit in the last place.
            slack = mpmath.ldexp(share * (len(line) + 8), 2 - precision)
            low, high = (_nearest(bound) for bound in (share - slack, share + slack))
        if low == high:
            return low.value
        precision *= 2


def _nearest(value: Any) -> Float32:
    """A positive mpmath number rounded half to even."""
    _, magnitude, exponent, _ = value._mpf_
    return Float32.from_dyadic(False, int(magnitude), int(exponent))


def _refuse_infinite(name: str, array: Array) -> None:
    if not np.isfinite(array).all():
        raise InvalidData(
            f"value {name}", "an infinity or NaN in the float tail", "numbers", "clean the data"
        )
