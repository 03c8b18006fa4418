# SPDX-License-Identifier: Apache-2.0
"""The functions in equations: what cuts, what rounds, and how sums go."""

import re
from collections.abc import Iterable

from intaglio.numerics.accumulator import Overflow
from intaglio.numerics.integers import IntType
from intaglio.numerics.rounding import Rounding


def shift_function(rounding: Rounding) -> str:
    """The function of ``(v, s)`` that is v / 2**s, rounded."""
    return f"shift_{_word(rounding)}"


def division_function(rounding: Rounding) -> str:
    """The function of ``(n, d)`` that is n / d, rounded, for d > 0."""
    return f"divide_{_word(rounding)}"


def rounding_function(rounding: Rounding) -> str:
    """The function of a real v that is the integer it rounds to."""
    return f"round_{_word(rounding)}"


def keep_function(overflow: Overflow, type: IntType) -> str:
    """What a register of that type makes of a value."""
    words = {
        Overflow.WRAP: "wrap",
        Overflow.SATURATE: "saturate",
        Overflow.SATURATE_EACH_ADD: "saturate",
        Overflow.TRAP: "trap",
    }
    return f"{words[overflow]}[{type}]"


def _word(rounding: Rounding) -> str:
    return rounding.value.replace("-", "_")


_SHIFTS = {
    Rounding.FLOOR: "v >> s",
    Rounding.CEIL: "-(-v >> s)",
    Rounding.TOWARD_ZERO: "v >> s if v >= 0 else -(-v >> s)",
    Rounding.AWAY_FROM_ZERO: "-(-v >> s) if v >= 0 else v >> s",
    Rounding.HALF_TOWARD_POSITIVE: "(2 * v + 2**s) >> (s + 1)",
    Rounding.HALF_TOWARD_NEGATIVE: "(2 * v + 2**s - 1) >> (s + 1)",
    Rounding.HALF_EVEN: "(2 * v + 2**s - 1 + (v >> s & 1)) >> (s + 1)",
    Rounding.HALF_AWAY_FROM_ZERO: "(2 * v + 2**s - (v < 0)) >> (s + 1)",
    Rounding.HALF_TOWARD_ZERO: "(2 * v + 2**s - (v >= 0)) >> (s + 1)",
}
_DIVISIONS = {
    Rounding.FLOOR: "n // d",
    Rounding.CEIL: "-(-n // d)",
    Rounding.TOWARD_ZERO: "n // d if n >= 0 else -(-n // d)",
    Rounding.AWAY_FROM_ZERO: "-(-n // d) if n >= 0 else n // d",
    Rounding.HALF_TOWARD_POSITIVE: "(2 * n + d) // (2 * d)",
    Rounding.HALF_TOWARD_NEGATIVE: "(2 * n + d - 1) // (2 * d)",
    Rounding.HALF_EVEN: "(2 * n + d - 1 + (n // d & 1)) // (2 * d)",
    Rounding.HALF_AWAY_FROM_ZERO: "(2 * n + d - (n < 0)) // (2 * d)",
    Rounding.HALF_TOWARD_ZERO: "(2 * n + d - (n >= 0)) // (2 * d)",
}

FORMULAS: dict[str, tuple[str, str]] = {
    **{shift_function(mode): ("v, s", text) for mode, text in _SHIFTS.items()},
    **{division_function(mode): ("n, d", text) for mode, text in _DIVISIONS.items()},
    "doubling_high": ("a, b", "min((a * b + 2**30) >> 31, 2**31 - 1)"),
    "chain": ("terms, keep", "reduce(lambda sum, term: keep(sum + term), terms, 0)"),
    "tree": (
        "terms, keep",
        "keep(terms[0]) if len(terms) == 1 else "
        "tree([keep(sum(map(keep, terms[i:i + 2]))) for i in range(0, len(terms), 2)], keep)",
    ),
}
"""By function: its parameters, and its value as a Python expression."""

WORDS: dict[str, str] = {
    "wrap": "wrap[T](v): the value of type T that equals v modulo 2**bits of T",
    "saturate": "saturate[T](v): the value of type T that is nearest to v",
    "zero_outside": "zero_outside[T](v): v where type T holds it, else 0",
    "trap": "trap[T](v): v; the run ends where T doesn't hold it",
    "fl32": "fl32(v): the binary32 nearest to v, ties to even",
    "fl64": "fl64(v): the binary64 nearest to v, ties to even",
    **{
        rounding_function(mode): f"{rounding_function(mode)}(v): v as an integer, {mode.value}"
        for mode in Rounding
    },
    "exp_on_negative": "exp_on_negative(v): gemmlowp's exp of v in Q5.26, in Q0.31",
    "one_over_one_plus": "one_over_one_plus(v): gemmlowp's 1 / (1 + v), in Q0.31",
    "clz32": "clz32(v): zeros above the highest bit of v in 32 bits",
    "order": "order(v): the place of a binary32 in the order of all",
}
"""By function: what it is, where no expression of Python says it."""


def definitions(statements: Iterable[str]) -> tuple[str, ...]:
    """A line for each function that statements call, in the order of their names."""
    names: set[str] = set()
    found = set(re.findall(r"\b[a-z_0-9]+(?=[\[(])|\bkeep\b", " ".join(statements)))
    while found - names:
        names |= found
        texts = [FORMULAS[name][1] for name in names if name in FORMULAS]
        found = set(re.findall(r"\b[a-z_0-9]+(?=[\[(])", " ".join(texts)))
    return tuple(
        f"{name}({FORMULAS[name][0]}) = {FORMULAS[name][1]}" if name in FORMULAS else WORDS[name]
        for name in sorted(names)
        if name in FORMULAS or name in WORDS
    )
