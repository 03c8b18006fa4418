# SPDX-License-Identifier: Apache-2.0
"""Elementwise float32 operations with constants that end in an integer: QONNX's arithmetic.

Each step is one IEEE-754 operation, or a few that are written down; each is monotone, so a row of
them is a staircase, whatever it rounds on the way.  NumPy's float32 has exactly these operations.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from fractions import Fraction
from typing import Any, assert_never

import numpy as np
from numpy.typing import NDArray

from intaglio.errors import InvalidData, InvalidOption
from intaglio.numerics.float32 import Float32
from intaglio.numerics.rounding import Rounding

Floats = NDArray[np.floating[Any]]
Integers = NDArray[np.int64]

INFINITY = 0x7F800000
"""The order of infinity: see ``ordered``."""


class StepFunction(Enum):
    """An operation on the value r and a constant c, rounded to float32.

    SUBTRACT_FROM is c - r.  ADD_IN_DOUBLE rounds the sum to binary64, and so does what follows it:
    NumPy does so where c is an integer array.
    """

    ADD = "add"
    ADD_IN_DOUBLE = "add-in-double"
    SUBTRACT = "subtract"
    SUBTRACT_FROM = "subtract-from"
    MULTIPLY = "multiply"
    DIVIDE = "divide"
    MINIMUM = "minimum"
    MAXIMUM = "maximum"


@dataclass(frozen=True, slots=True)
class Apply:
    """r = fl(r ∘ c), c one constant, or one for each channel.

    Raises:
        InvalidOption: a divisor is 0.
    """

    function: StepFunction
    constants: tuple[Float32, ...]

    def __post_init__(self) -> None:
        """Refuse what has no result."""
        zero = any(constant.fraction == 0 for constant in self.constants)
        if self.function is StepFunction.DIVIDE and zero:
            raise InvalidOption("divisor", 0, "has no quotient", "give another divisor")


@dataclass(frozen=True, slots=True)
class RoundTo:
    """r = the integer that ``mode`` chooses.

    HALF_AWAY_FROM_ZERO is sign(r) * floor(fl(|r| + 1/2)), HALF_TOWARD_ZERO sign(r) *
    ceil(fl(|r| - 1/2)), with a sum that is rounded too: r = 0.49999997 gives 1.
    Source: QONNX 1.0, custom_op/general/intquant.py.
    """

    mode: Rounding


@dataclass(frozen=True, slots=True)
class CountReached:
    """r = how many of the thresholds are ``<= r``: one row, or one for each channel."""

    thresholds: tuple[tuple[Float32, ...], ...]


Step = Apply | RoundTo | CountReached


def channels_of(step: Step) -> int:
    """How many channels a step tells apart; 1 where it treats all alike."""
    match step:
        case Apply(constants=constants):
            return len(constants)
        case RoundTo():
            return 1
        case CountReached(thresholds=thresholds):
            return len(thresholds)
        case _:
            assert_never(step)


def rises(step: Step) -> bool:
    """Whether the step keeps the order of its operands in every channel."""
    match step:
        case Apply(function=StepFunction.SUBTRACT_FROM):
            return False
        case Apply(function=StepFunction.MULTIPLY | StepFunction.DIVIDE, constants=constants):
            return not any(constant.negative for constant in constants)
        case Apply() | RoundTo() | CountReached():
            return True
        case _:
            assert_never(step)


def real_values(codes: Integers, factors: Sequence[Fraction], channels: Integers) -> Floats:
    """fl32(code * factor), one rounding; ``channels`` says whose factor each code takes.

    Raises:
        InvalidData: a product overflows float32.
    """
    widest = int(np.abs(codes).max(initial=1)).bit_length()
    if all(_exact_in_double(widest, factor) for factor in factors):
        doubles = np.array([float(factor) for factor in factors], np.float64)
        products = codes.astype(np.float64) * _chosen(doubles, channels)
        return np.asarray(products, np.float32)
    exact = [
        Float32.from_fraction(int(code) * factors[int(channel) if len(factors) > 1 else 0]).value
        for code, channel in zip(codes, channels, strict=True)
    ]
    return np.array(exact, np.float32)


def _exact_in_double(bits: int, factor: Fraction) -> bool:
    """Whether every product by an integer of so many bits is a binary64, far within its range."""
    dyadic = factor.denominator & (factor.denominator - 1) == 0
    significand = (abs(factor.numerator) or 1).bit_length()
    small = factor.denominator.bit_length() < 400 and significand < 400
    return dyadic and small and bits + significand <= 53


def evaluate(steps: Sequence[Step], values: Floats, channels: Integers) -> Integers:
    """What the steps make of float32 values, to the nearest integer, halves to the even one.

    Args:
        steps: in order.
        values: float32, a row.
        channels: for each value, whose constants it meets.

    Raises:
        InvalidData: a result is NaN or beyond int64.
    """
    rounded = np.rint(results(steps, values, channels))
    # Beyond any code; infinities saturate as well.
    return np.clip(rounded.astype(np.float64), -(2.0**61), 2.0**61).astype(np.int64)


def results(steps: Sequence[Step], values: Floats, channels: Integers) -> Floats:
    """As ``evaluate``, before the result is rounded to an integer.

    Raises:
        InvalidData: a result is NaN.
    """
    with np.errstate(all="ignore"):
        for step in steps:
            values = _stepped(step, values, channels)
    if np.isnan(values).any():
        raise InvalidData(
            "float32 steps",
            "a result that is not a number",
            "numbers",
            "mend the constants of the model",
        )
    return values


def _stepped(step: Step, values: Floats, channels: Integers) -> Floats:
    match step:
        case Apply(function=function, constants=constants):
            row = np.array([constant.value for constant in constants], np.float32)
            return _applied(function, values, _chosen(row, channels))
        case RoundTo(mode=mode):
            return round_floats(values, mode)
        case CountReached(thresholds=rows):
            counts = np.empty(values.shape, np.float32)
            for channel, thresholds in enumerate(rows):
                mine = channels == channel if len(rows) > 1 else np.full(values.shape, True)
                sorted_row = np.sort(np.array([t.value for t in thresholds], np.float32))
                counts[mine] = np.searchsorted(sorted_row, values[mine], side="right")
            counts[np.isnan(values)] = np.nan
            return counts
        case _:
            assert_never(step)


def _applied(function: StepFunction, r: Floats, c: Floats) -> Floats:
    match function:
        case StepFunction.ADD:
            return r + c.astype(r.dtype)
        case StepFunction.ADD_IN_DOUBLE:
            return r.astype(np.float64) + c.astype(np.float64)
        case StepFunction.SUBTRACT:
            return r - c.astype(r.dtype)
        case StepFunction.SUBTRACT_FROM:
            return c.astype(r.dtype) - r
        case StepFunction.MULTIPLY:
            return r * c.astype(r.dtype)
        case StepFunction.DIVIDE:
            return r / c.astype(r.dtype)
        case StepFunction.MINIMUM:
            return np.minimum(r, c.astype(r.dtype))
        case StepFunction.MAXIMUM:
            return np.maximum(r, c.astype(r.dtype))
        case _:
            assert_never(function)


def round_floats(r: Floats, mode: Rounding) -> Floats:
    """``RoundTo``.

    Raises:
        InvalidOption: QONNX has no such mode.
    """
    half = r.dtype.type(0.5)
    match mode:
        case Rounding.HALF_EVEN:
            return np.rint(r)
        case Rounding.CEIL:
            return np.ceil(r)
        case Rounding.FLOOR:
            return np.floor(r)
        case Rounding.AWAY_FROM_ZERO:
            return np.sign(r) * np.ceil(np.abs(r))
        case Rounding.TOWARD_ZERO:
            return np.trunc(r)
        case Rounding.HALF_AWAY_FROM_ZERO:
            return np.sign(r) * np.floor(np.abs(r) + half)
        case Rounding.HALF_TOWARD_ZERO:
            return np.sign(r) * np.ceil(np.abs(r) - half)
        case _:
            raise InvalidOption(
                "rounding of a float32 step",
                mode.value,
                "is no mode of QONNX",
                "take one of the seven that are",
            )


def _chosen(row: NDArray[Any], channels: Integers) -> NDArray[Any]:
    """The entry of each value's channel."""
    return np.broadcast_to(row, channels.shape) if row.size == 1 else row[channels]


def ordered(x: NDArray[np.float32]) -> NDArray[np.int32]:
    """Float32 numbers as integers in the same order: the bits, of negative ones the magnitude's.

    Both zeros are 0; the neighbour of each number has the next integer.
    """
    bits = np.asarray(x, np.float32).view(np.int32)
    return np.where(bits < 0, -(bits & np.int32(0x7FFFFFFF)), bits)


def unordered(order: Integers) -> NDArray[np.float32]:
    """The float32 numbers in these places of the order: undoes ``ordered``."""
    magnitude = np.abs(order).astype(np.uint32)
    bits = np.where(order < 0, magnitude | np.uint32(1 << 31), magnitude)
    return bits.astype(np.uint32).view(np.float32)
