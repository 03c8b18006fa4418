# SPDX-License-Identifier: Apache-2.0
"""TFLite's interpolated tables for 16-bit codes.

One serves any function: 513 samples, in float32 or float64.  The other is sigmoid's, in integers.
"""

from collections.abc import Callable
from fractions import Fraction
from functools import cache

from intaglio.errors import InvalidOption
from intaglio.numerics import float32, functions
from intaglio.numerics.float32 import AnyFloat, Float32
from intaglio.numerics.integers import IntType
from intaglio.numerics.rounding import Rounding, round_fraction

INT16 = IntType(16, signed=True)
_STEPS = 512
_STEP_BITS = 7
_AWAY = Rounding.HALF_AWAY_FROM_ZERO
_SIGMOID_STEPS = 256
_SIGMOID_UNIT = Fraction(1, 24)
_LARGEST_MULTIPLIER = 32767


def samples(
    function: Callable[[Fraction], functions.Real], first: AnyFloat, last: AnyFloat, unit: AnyFloat
) -> tuple[int, ...]:
    """The table of a function on [first, last]: 512 intervals, 513 samples in int16.

    Every step is one operation of the floats' format: h = (last - first) / 512, x_i = first + i h,
    v_i = round(f(x_i) unit), m_i = round(f(x_i + h / 2) unit), halves away from zero; sample i is
    v_i less half of what the chord's middle, round((f(x_{i+1}) unit + v_i) / 2), is above m_i.  The
    last one is round(f(last) unit).
    Source: TFLite ``LUTPopulate`` for int16.

    Raises:
        InvalidData: the function or a step overflows the format.
    """
    form = type(first)
    two = form.from_integer(2)
    step = float32.divide(float32.subtract(last, first), form.from_integer(_STEPS))
    half = float32.divide(step, two)

    def scaled(x: AnyFloat) -> AnyFloat:
        return float32.multiply(function(x.fraction).decide(form.from_fraction), unit)

    def rounded(x: AnyFloat) -> AnyFloat:
        return form.from_integer(float32.round_to_integer(x, _AWAY))

    table: list[int] = []
    for index in range(_STEPS):
        start, end = (
            float32.add(first, float32.multiply(form.from_integer(i), step))
            for i in (index, index + 1)
        )
        sample = rounded(scaled(start))
        chord = rounded(float32.divide(float32.add(scaled(end), sample), two))
        middle = rounded(scaled(float32.add(start, half)))
        bias = rounded(float32.divide(float32.subtract(chord, middle), two))
        table.append(_code(float32.subtract(sample, bias)))
    return (*table, _code(rounded(scaled(last))))


def _code(x: AnyFloat) -> int:
    return INT16.saturate(float32.round_to_integer(x, _AWAY))


def interpolated(table: tuple[int, ...], code: int) -> int:
    """T + (((u - t) r + 64) >> 7) in int16: sample t is at or before the code, u the next one.

    r are the code's low 7 bits; the difference wraps to int16 as the machine's does.
    Source: TFLite ``LUTLookup`` for int16.
    """
    index = (code - INT16.minimum) >> _STEP_BITS
    rest = code & ((1 << _STEP_BITS) - 1)
    slope = INT16.wrap(table[index + 1] - table[index])
    return INT16.wrap(table[index] + ((slope * rest + (1 << (_STEP_BITS - 1))) >> _STEP_BITS))


@cache
def sigmoid_table() -> tuple[int, ...]:
    """round(2**16 (s_i + e_i / 2)) for i = 0..254, halves away from zero, and 65535.

    s_i = sigmoid(i / 24); e_i is how far sigmoid is above its chord in the middle to s_{i+1}.
    """
    entries: list[int] = []
    for index in range(_SIGMOID_STEPS - 1):
        left, middle, right = (
            functions.sigmoid((index + Fraction(k, 2)) * _SIGMOID_UNIT).decide(_fine)
            for k in range(3)
        )
        raised = left + (middle - (left + right) / 2) / 2
        entries.append(round_fraction(raised * 2**16, _AWAY))
    return (*entries, 65535)


def _fine(value: Fraction) -> Fraction:
    return Fraction(round_fraction(value * 2**64, _AWAY), 2**64)


def sigmoid_input(scale: Float32) -> tuple[int, int]:
    """(multiplier, shift) that take a code to multiples of 1 / (3 * 4096).

    m = 12288 scale is doubled until it is above 32767 / 2, at most 31 times; multiplier = floor(m).
    Where the scale is within a thousandth of an octave of 2**-12, it counts as 2**-12.

    Raises:
        InvalidOption: the multiplier has more than 15 bits.
    """
    multiplier = 3 * 4096 * (scale.value if not near_power_of_two(scale, -12) else 2.0**-12)
    shift = 0
    while multiplier <= _LARGEST_MULTIPLIER / 2 and shift <= 30:
        shift += 1
        multiplier *= 2
    if multiplier > _LARGEST_MULTIPLIER:
        raise InvalidOption("scale", scale, "is too large for a 16-bit sigmoid", "use one below 2")
    return int(multiplier), shift


def near_power_of_two(scale: Float32, exponent: int) -> bool:
    """Whether the scale is within a thousandth of an octave of that power of two."""
    return abs(scale.fraction / Fraction(2) ** exponent - 1) < Fraction(693, 10**6)


def _reached(code: int, multiplier: int, shift: int) -> int:
    return (code * multiplier + ((1 << shift) >> 1)) >> shift


def sigmoid(code: int, multiplier: int, shift: int) -> int:
    """Sigmoid of a 16-bit code in Q0.15.

    a = |(code multiplier + half) >> shift|; r = 32767 << 10 where a >> 9 is 255 or more, else
    (t << 9) + (a mod 512) (u - t) between neighbours t and u of the table; (r + 512) >> 10, and for
    a negative code (2**25 - r + 511) >> 10.
    Source: TFLite int16 LOGISTIC, reference kernel.
    """
    reached = _reached(code, multiplier, shift)
    result = _between(abs(reached), 9, 0x7FFF << 10)
    return (result + 512 if reached >= 0 else (1 << 25) - result + 511) >> 10


def tanh(code: int, multiplier: int, shift: int) -> int:
    """Tanh of a 16-bit code in Q0.15: 2 sigmoid(2 x) - 1.

    As for ``sigmoid`` with r = 65535 << 8 or (t << 8) + (a mod 256) (u - t) at a >> 8; then
    (r - 2**23 + 128) >> 8, and for a negative code (2**23 - r + 127) >> 8.
    Source: TFLite int16 TANH, reference kernel.
    """
    reached = _reached(code, multiplier, shift)
    result = _between(abs(reached), 8, 0xFFFF << 8) - (1 << 23)
    return (result + 128 if reached >= 0 else 127 - result) >> 8


def _between(a: int, bits: int, beyond: int) -> int:
    table = sigmoid_table()
    index = a >> bits
    if index >= _SIGMOID_STEPS - 1:
        return beyond
    return (table[index] << bits) + (a & ((1 << bits) - 1)) * (table[index + 1] - table[index])
