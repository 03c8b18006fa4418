# SPDX-License-Identifier: Apache-2.0
"""Elementwise ops on Python ints; each returns the result's elements in row-major order."""

from functools import cache
from typing import assert_never

from intaglio.compiler.ir.fixed import Cast, Clamp, Multiply, Pairwise, Requantize
from intaglio.compiler.ir.graph import Array
from intaglio.numerics.accumulator import Overflow
from intaglio.numerics.integers import IntType
from intaglio.simulator.reference.containers import broadcast, integers


def requantize(op: Requantize, x: Array) -> list[int]:
    """``Requantize``: the last axis, which runs fastest, chooses the requantizer."""
    functions = [cache(requantizer.apply) for requantizer in op.requantizers]
    return [functions[at % len(functions)](value) for at, value in enumerate(integers(x))]


def lookup(x: Array, table: Array, type: IntType) -> list[int]:
    """``Lookup``; ``type`` is that of x."""
    tables: list[list[int]] = table.reshape(-1, table.shape[-1]).tolist()
    return [tables[at % len(tables)][value - type.minimum] for at, value in enumerate(integers(x))]


def pairwise(op: Pairwise, left: Array, right: Array) -> list[int]:
    """``Pairwise``."""
    function = cache(op.arithmetic.apply)
    return [function(first, second) for first, second in broadcast(left, right)]


def add(left: Array, right: Array) -> list[int]:
    """``Add``."""
    return [first + second for first, second in broadcast(left, right)]


def subtract(left: Array, right: Array) -> list[int]:
    """``Subtract``."""
    return [first - second for first, second in broadcast(left, right)]


def multiply(op: Multiply, left: Array, right: Array) -> list[int]:
    """``Multiply``."""
    return [
        (first - op.left_zero_point) * (second - op.right_zero_point)
        for first, second in broadcast(left, right)
    ]


def minimum(left: Array, right: Array) -> list[int]:
    """``Minimum``."""
    return [min(first, second) for first, second in broadcast(left, right)]


def maximum(left: Array, right: Array) -> list[int]:
    """``Maximum``."""
    return [max(first, second) for first, second in broadcast(left, right)]


def clamp(op: Clamp, x: Array) -> list[int]:
    """``Clamp``: the last axis, which runs fastest, chooses the bounds."""
    return [
        min(max(value, op.low[at % len(op.low)]), op.high[at % len(op.high)])
        for at, value in enumerate(integers(x))
    ]


def cast(op: Cast, x: Array, type: IntType) -> list[int]:
    """``Cast`` to ``type``; one value saturates the same at once and at each addition."""
    match op.overflow:
        case Overflow.WRAP:
            return [type.wrap(value) for value in integers(x)]
        case Overflow.SATURATE | Overflow.SATURATE_EACH_ADD | Overflow.TRAP:
            return [type.saturate(value) for value in integers(x)]
        case _:
            assert_never(op.overflow)
