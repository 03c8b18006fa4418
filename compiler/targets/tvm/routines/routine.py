# SPDX-License-Identifier: Apache-2.0
"""A function of words in LLVM's text form, written as expressions of Python.

TVM's functions return nothing, and these are short: LLVM's selection of instructions is all the
optimization that they need.  No pass sees them that would know a product or a copy by its parts,
and call the very function that it is in.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field


@dataclass(slots=True)
class Routine:
    """Arguments, then lines, then the result.

    Attributes:
        arguments: their bits.
        lines: of the body.
        block: the label of the block that the next line goes to.
        names: how many were given.
    """

    arguments: tuple[int, ...]
    lines: list[str] = field(default_factory=list[str])
    block: str = "entry"
    names: int = 0

    def argument(self, number: int) -> "Word":
        """An argument."""
        return Word(self, f"%a{number}", self.arguments[number])

    def word(self, value: int, bits: int) -> "Word":
        """A constant."""
        return Word(self, str(value % (1 << bits)), bits)

    def name(self, stem: str) -> str:
        """A name that is new."""
        self.names += 1
        return f"{stem}{self.names}"

    def line(self, instruction: str, bits: int) -> "Word":
        """The value of an instruction."""
        name = f"%{self.name('v')}"
        self.lines.append(f"  {name} = {instruction}")
        return Word(self, name, bits)

    def repeat(
        self,
        times: int,
        start: Sequence["Word"],
        step: Callable[[Sequence["Word"]], Sequence["Word"]],
    ) -> Sequence["Word"]:
        """Values that a step takes to the next ones, so many times."""
        before, label = self.block, self.name("loop")
        after = self.name("after")
        self.lines += [f"  br label %{label}", f"{label}:"]
        self.block = label
        place = len(self.lines)
        values = [Word(self, f"%{self.name('p')}", each.bits) for each in start]
        count = Word(self, f"%{self.name('n')}", 32)
        found = step(values)
        following = count + 1
        phis = [
            f"  {value.name} = phi i{value.bits} [{first.name}, %{before}], [{last.name}, %{label}]"
            for value, first, last in zip(
                [*values, count],
                [*start, self.word(0, 32)],
                [*found, following],
                strict=True,
            )
        ]
        self.lines[place:place] = phis
        done = following.equals(times)
        self.lines += [f"  br i1 {done.name}, label %{after}, label %{label}", f"{after}:"]
        self.block = after
        return found

    def text(self, symbol: str, result: "Word") -> str:
        """The function, seen by the module alone."""
        given = ", ".join(f"i{bits} %a{number}" for number, bits in enumerate(self.arguments))
        head = f"define internal i{result.bits} @{symbol}({given}) nounwind {{"
        return "\n".join(
            [head, "entry:", *self.lines, f"  ret i{result.bits} {result.name}", "}", ""]
        )


@dataclass(frozen=True, slots=True)
class Word:
    """A value of a routine: so many bits, of no sign; a condition has one."""

    routine: Routine
    name: str
    bits: int

    def _with(self, operation: str, other: "Word | int") -> "Word":
        right = self.like(other)
        return self.routine.line(f"{operation} i{self.bits} {self.name}, {right.name}", self.bits)

    def like(self, other: "Word | int") -> "Word":
        """A number as a word of these bits; a shorter word with zeros before it."""
        if isinstance(other, int):
            return self.routine.word(other, self.bits)
        return other.zero_extended(self.bits)

    def __add__(self, other: "Word | int") -> "Word":
        """The sum modulo 2**bits."""
        return self._with("add", other)

    def __sub__(self, other: "Word | int") -> "Word":
        """The difference modulo 2**bits."""
        return self._with("sub", other)

    def __mul__(self, other: "Word | int") -> "Word":
        """The product modulo 2**bits."""
        return self._with("mul", other)

    def __and__(self, other: "Word | int") -> "Word":
        """Bits of both."""
        return self._with("and", other)

    def __or__(self, other: "Word | int") -> "Word":
        """Bits of either."""
        return self._with("or", other)

    def __xor__(self, other: "Word | int") -> "Word":
        """Bits of one alone."""
        return self._with("xor", other)

    def __lshift__(self, amount: "Word | int") -> "Word":
        """Moved up, by less than the bits."""
        return self._with("shl", amount)

    def __rshift__(self, amount: "Word | int") -> "Word":
        """Moved down, by less than the bits; zeros come in."""
        return self._with("lshr", amount)

    def arithmetic_shift(self, amount: "Word | int") -> "Word":
        """Moved down, by less than the bits; the sign comes in."""
        return self._with("ashr", amount)

    def _compared(self, how: str, other: "Word | int") -> "Word":
        return self.routine.line(f"icmp {how} i{self.bits} {self.name}, {self.like(other).name}", 1)

    def equals(self, other: "Word | int") -> "Word":
        """Whether both are the same."""
        return self._compared("eq", other)

    def less(self, other: "Word | int") -> "Word":
        """Whether this one is lower, as signed numbers."""
        return self._compared("slt", other)

    def below(self, other: "Word | int") -> "Word":
        """Whether this one is lower, as unsigned numbers."""
        return self._compared("ult", other)

    def negated(self) -> "Word":
        """0 less this one."""
        return self.routine.word(0, self.bits) - self

    def negative(self) -> "Word":
        """Whether the highest bit is set."""
        return self.less(0)

    def opposite(self) -> "Word":
        """Whether a condition doesn't hold."""
        return self ^ 1

    def chosen(self, positive: "Word", negative: "Word | int") -> "Word":
        """One of two words, by this condition."""
        other = positive.like(negative)
        operands = f"i{positive.bits} {positive.name}, i{positive.bits} {other.name}"
        return self.routine.line(f"select i1 {self.name}, {operands}", positive.bits)

    def zero_extended(self, bits: int) -> "Word":
        """The same unsigned number in more bits."""
        if bits == self.bits:
            return self
        return self.routine.line(f"zext i{self.bits} {self.name} to i{bits}", bits)

    def sign_extended(self, bits: int) -> "Word":
        """The same signed number in more bits."""
        if bits == self.bits:
            return self
        return self.routine.line(f"sext i{self.bits} {self.name} to i{bits}", bits)

    def low(self, bits: int) -> "Word":
        """The low bits."""
        if bits == self.bits:
            return self
        return self.routine.line(f"trunc i{self.bits} {self.name} to i{bits}", bits)

    def magnitude(self) -> "Word":
        """The absolute value, as an unsigned number."""
        return self.negative().chosen(self.negated(), self)
