# SPDX-License-Identifier: Apache-2.0
"""Products, shifts, quotients and leading zeros in words of 32 bits.

Names and meanings are those of GCC's and LLVM's runtime libraries.
"""

from collections.abc import Callable, Mapping, Sequence

from intaglio.compiler.targets.tvm.routines.routine import Routine, Word

Builder = Callable[[str], str]
"""From a symbol to the text of its function."""


def high(value: Word) -> Word:
    """The high word of two."""
    return (value >> 32).low(32)


def joined(above: Word, below: Word) -> Word:
    """Two words as one."""
    return (above.zero_extended(64) << 32) | below


def _multiply(symbol: str) -> str:
    """``a * b`` modulo 2**64, of products of 16 bits."""
    routine = Routine((64, 64))
    a, b = routine.argument(0), routine.argument(1)
    a_low, a_high = a.low(32) & 0xFFFF, a.low(32) >> 16
    b_low, b_high = b.low(32) & 0xFFFF, b.low(32) >> 16
    bottom = a_low * b_low
    # No sum here leaves 32 bits: a product of 16 bits, and 16 bits more.
    middle = a_high * b_low + (bottom >> 16)
    rest = a_low * b_high + (middle & 0xFFFF)
    top = a_high * b_high + (middle >> 16) + (rest >> 16)
    cross = a.low(32) * high(b) + high(a) * b.low(32)
    return routine.text(symbol, joined(top + cross, (rest << 16) | (bottom & 0xFFFF)))


def _shift_left(symbol: str) -> str:
    routine = Routine((64, 32))
    top, bottom = high(routine.argument(0)), routine.argument(0).low(32)
    count, far = _amount(routine)
    moved = bottom << count
    # Never by 32, which a word doesn't know.
    near = (top << count) | ((bottom >> 1) >> (count ^ 31))
    return routine.text(symbol, joined(far.chosen(moved, near), far.opposite().chosen(moved, 0)))


def _shift_right(symbol: str, *, signed: bool) -> str:
    routine = Routine((64, 32))
    top, bottom = high(routine.argument(0)), routine.argument(0).low(32)
    count, far = _amount(routine)
    moved = top.arithmetic_shift(count) if signed else top >> count
    fill = top.arithmetic_shift(31) if signed else routine.word(0, 32)
    near = (bottom >> count) | ((top << 1) << (count ^ 31))
    return routine.text(symbol, joined(far.chosen(fill, moved), far.chosen(moved, near)))


def _amount(routine: Routine) -> tuple[Word, Word]:
    """A shift's amount within a word, and whether it is a word more."""
    amount = routine.argument(1)
    return amount & 31, amount.below(32).opposite()


def _count_leading_zeros(symbol: str) -> str:
    """Of 32 bits; 32 for 0."""
    routine = Routine((32,))
    rest, count = routine.argument(0), routine.word(32, 32)
    for step in (16, 8, 4, 2, 1):
        moved = rest >> step
        none = moved.equals(0)
        count = none.chosen(count, count - step)
        rest = none.chosen(rest, moved)
    return routine.text(symbol, count - rest)


def _divide(symbol: str, *, bits: int, signed: bool, remainder: bool) -> str:
    """Bit by bit, of magnitudes; a signed quotient is cut toward zero."""
    routine = Routine((bits, bits))
    a, b = routine.argument(0), routine.argument(1)
    dividend, divisor = (a.magnitude(), b.magnitude()) if signed else (a, b)

    def step(values: Sequence[Word]) -> Sequence[Word]:
        rest, left = values
        # The bit that leaves makes the remainder larger than any divisor.
        leaves = rest.negative()
        moved = (rest << 1) | (left >> (bits - 1))
        fits = leaves | moved.below(divisor).opposite()
        return fits.chosen(moved - divisor, moved), (left << 1) | fits

    rest, quotient = routine.repeat(bits, (routine.word(0, bits), dividend), step)
    found = rest if remainder else quotient
    if signed:
        found = (a if remainder else a ^ b).negative().chosen(found.negated(), found)
    return routine.text(symbol, found)


def _divisions() -> Mapping[str, Builder]:
    def builder(bits: int, signed: bool, remainder: bool) -> Builder:
        return lambda symbol: _divide(symbol, bits=bits, signed=signed, remainder=remainder)

    return {
        f"__{'' if signed else 'u'}{'mod' if remainder else 'div'}{'s' if bits == 32 else 'd'}i3": (
            builder(bits, signed, remainder)
        )
        for bits in (32, 64)
        for signed in (True, False)
        for remainder in (True, False)
    }


INTEGERS: Mapping[str, Builder] = {
    "__muldi3": _multiply,
    "__ashldi3": _shift_left,
    "__lshrdi3": lambda symbol: _shift_right(symbol, signed=False),
    "__ashrdi3": lambda symbol: _shift_right(symbol, signed=True),
    "__clzsi2": _count_leading_zeros,
    **_divisions(),
}
"""By symbol."""
