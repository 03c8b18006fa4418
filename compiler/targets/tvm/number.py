# SPDX-License-Identifier: Apache-2.0
"""Integer expressions that can't overflow: each knows the interval of its values.

An operation is emitted in the narrowest word (32, 64 or 128 bits) that holds its operands and its
result, so an expression written once serves narrow and wide accumulators, scalars and vectors.
"""

from dataclasses import dataclass, replace

from intaglio.compiler.targets.tvm.function import cast, index, vector
from intaglio.compiler.targets.tvm.library import Expression, tirx
from intaglio.numerics.integers import IntType
from intaglio.numerics.intervals import Interval

WORDS = (32, 64, 128)
INT64 = IntType(64, signed=True)


class TooWide(Exception):
    """An intermediate result needs more than 128 bits."""


def word_of(*intervals: Interval) -> int:
    """The narrowest word that holds every value.

    Raises:
        TooWide: 128 bits don't.
    """
    needed = max(interval.signed_bits for interval in intervals)
    for bits in WORDS:
        if needed <= bits:
            return bits
    raise TooWide(f"{needed} bits")


@dataclass(frozen=True, slots=True)
class Number:
    """An expression in a signed word, with the interval that holds its values.

    Attributes:
        expression: of type int32, int64 or int128, one lane or more.
        interval: every value lies within, in every lane.
        bits: the expression's word.
        lanes: 1 for a scalar.
    """

    expression: Expression
    interval: Interval
    bits: int
    lanes: int = 1

    def word(self, bits: int) -> Expression:
        """The expression in a word that holds every value."""
        return cast(vector(f"int{bits}", self.lanes), self.expression)

    def within(self, interval: Interval) -> "Number":
        """The same number, known to lie within ``interval`` as well."""
        low, high = max(self.interval.low, interval.low), min(self.interval.high, interval.high)
        return replace(self, interval=Interval(low, high))

    def __add__(self, other: "Number") -> "Number":
        """The sum."""
        total = self.interval + other.interval
        bits = word_of(self.interval, other.interval, total)
        return self._result(other, self.word(bits) + other.word(bits), total, bits)

    def __sub__(self, other: "Number") -> "Number":
        """The difference."""
        difference = self.interval - other.interval
        bits = word_of(self.interval, other.interval, difference)
        return self._result(other, self.word(bits) - other.word(bits), difference, bits)

    def __mul__(self, other: "Number") -> "Number":
        """The product."""
        product = self.interval * other.interval
        bits = word_of(self.interval, other.interval, product)
        return self._result(other, self.word(bits) * other.word(bits), product, bits)

    def __neg__(self) -> "Number":
        """The negated number."""
        return constant(0, self.lanes) - self

    def __rshift__(self, shift: "Number") -> "Number":
        """``floor(x / 2**shift)`` for shifts of 0 or more."""
        bits = self.bits
        most = min(shift.interval.high, bits - 1)
        if shift.interval.high > most:
            shift = shift.minimum(constant(most, shift.lanes))
        ends = [
            end >> amount
            for end in (self.interval.low, self.interval.high)
            for amount in (shift.interval.low, shift.interval.high)
        ]
        amount = broadcast(shift, self.lanes).word(bits)
        expression = tirx.shift_right(self.word(bits), amount)
        return Number(expression, Interval(min(ends), max(ends)), bits, self.lanes)

    def minimum(self, other: "Number") -> "Number":
        """The lower of two."""
        bits = word_of(self.interval, other.interval)
        interval = Interval(
            min(self.interval.low, other.interval.low), min(self.interval.high, other.interval.high)
        )
        return self._result(other, tirx.min(self.word(bits), other.word(bits)), interval, bits)

    def maximum(self, other: "Number") -> "Number":
        """The higher of two."""
        bits = word_of(self.interval, other.interval)
        interval = Interval(
            max(self.interval.low, other.interval.low), max(self.interval.high, other.interval.high)
        )
        return self._result(other, tirx.max(self.word(bits), other.word(bits)), interval, bits)

    def less(self, other: "Number") -> Expression:
        """Whether this one is lower."""
        bits = word_of(self.interval, other.interval)
        return self.word(bits) < other.word(bits)

    def equal(self, other: "Number") -> Expression:
        """Whether both are the same."""
        bits = word_of(self.interval, other.interval)
        return tirx.EQ(self.word(bits), other.word(bits))

    def negative(self) -> Expression:
        """Whether it is below 0."""
        return self.less(constant(0, self.lanes))

    def low_bit(self) -> "Number":
        """The number modulo 2."""
        one = constant(1, self.lanes).word(self.bits)
        return Number(tirx.bitwise_and(self.expression, one), Interval(0, 1), self.bits, self.lanes)

    def wrap(self, type: IntType) -> "Number":
        """The value of ``type`` that equals it modulo ``2**bits``."""
        if type.interval.contains(self.interval):
            return self
        if type.signed:
            spare = constant(max(self.bits - type.bits, 0), self.lanes).word(self.bits)
            moved = tirx.shift_left(self.expression, spare)
            kept = tirx.shift_right(moved, spare)
            return Number(kept, type.interval, self.bits, self.lanes)
        bits = word_of(self.interval, type.interval)
        if type.bits == 64:
            low = cast(vector("uint64", self.lanes), self.word(bits))
            return Number(cast(vector("int128", self.lanes), low), type.interval, 128, self.lanes)
        mask = constant(type.maximum, self.lanes).word(bits)
        return Number(tirx.bitwise_and(self.word(bits), mask), type.interval, bits, self.lanes)

    def _result(
        self, other: "Number", expression: Expression, interval: Interval, bits: int
    ) -> "Number":
        return Number(expression, interval, bits, max(self.lanes, other.lanes))


def constant(value: int, lanes: int = 1) -> Number:
    """An immediate."""
    interval = Interval(value, value)
    bits = word_of(interval)
    if bits < 128:
        return broadcast(Number(tirx.IntImm(f"int{bits}", value), interval, bits), lanes)
    words = [INT64.wrap(value), value >> 64]
    halves = tirx.Shuffle([tirx.IntImm("int64", word) for word in words], [index(0), index(1)])
    return broadcast(Number(tirx.reinterpret("int128", halves), interval, bits), lanes)


def broadcast(number: Number, lanes: int) -> Number:
    """The same value in every lane."""
    if number.lanes == lanes:
        return number
    return replace(number, expression=tirx.Broadcast(number.expression, lanes), lanes=lanes)


def select(condition: Expression, positive: Number, negative: Number) -> Number:
    """One of two numbers, lane by lane."""
    interval = positive.interval | negative.interval
    bits = word_of(interval)
    expression = tirx.Select(condition, positive.word(bits), negative.word(bits))
    return Number(expression, interval, bits, positive.lanes)
