# SPDX-License-Identifier: Apache-2.0
"""Floor division of one word, and of two words without a library's help."""

from intaglio.compiler.targets.tvm.expressions.channels import Channels
from intaglio.compiler.targets.tvm.expressions.floating import ScalarOnly
from intaglio.compiler.targets.tvm.function import index, load
from intaglio.compiler.targets.tvm.library import tirx
from intaglio.compiler.targets.tvm.number import Number, constant, select, word_of
from intaglio.numerics.intervals import Interval


def floor_divide(at: Channels, x: Number, divisor: Number) -> Number:
    """``floor(x / divisor)`` for a positive divisor."""
    ends = [
        end // by
        for end in (x.interval.low, x.interval.high)
        for by in (divisor.interval.low, divisor.interval.high)
    ]
    interval = Interval(min(ends), max(ends))
    bits = word_of(x.interval, divisor.interval)
    if bits == 128:
        return _long_division(at, x, divisor, interval)
    over, under = x.word(bits), divisor.word(bits)
    toward_zero = at.function.bind(tirx.truncdiv(over, under))
    below = toward_zero * under > over
    one, zero = constant(1, x.lanes).word(bits), constant(0, x.lanes).word(bits)
    return Number(toward_zero - tirx.Select(below, one, zero), interval, bits, x.lanes)


def _long_division(at: Channels, x: Number, divisor: Number, interval: Interval) -> Number:
    """Bit by bit: the magnitude's quotient, one more below zero where something remains.

    Raises:
        ScalarOnly: for more than one lane; what is kept from bit to bit is one number.
    """
    if at.lanes > 1:
        raise ScalarOnly
    function, width = at.function, "int128"
    magnitude = at.once(select(x.negative(), -x, x))
    quotient, remainder = function.local(width, 1), function.local(width, 1)
    zero, one = constant(0).word(128), constant(1).word(128)
    function.store(quotient, index(0), zero)
    function.store(remainder, index(0), zero)
    count = max(magnitude.interval.high.bit_length(), 1)
    with function.loop(count) as i:
        place = tirx.Cast(width, index(count - 1) - i)
        bit = tirx.bitwise_and(tirx.shift_right(magnitude.word(128), place), one)
        twice = tirx.shift_left(load(remainder, index(0)), one)
        left = function.bind(tirx.bitwise_or(twice, bit))
        fits = function.bind(left >= divisor.word(128))
        function.store(remainder, index(0), tirx.Select(fits, left - divisor.word(128), left))
        more = tirx.shift_left(load(quotient, index(0)), one)
        function.store(quotient, index(0), tirx.bitwise_or(more, tirx.Select(fits, one, zero)))
    found = load(quotient, index(0))
    remains = tirx.Select(load(remainder, index(0)) > zero, one, zero)
    return Number(tirx.Select(x.negative(), -found - remains, found), interval, 128)
