# SPDX-License-Identifier: Apache-2.0
"""Runs equations as they are printed: Python on exact numbers, and the functions that are words.

Nothing here reads how the engines compute: fl32 is rounded by ``Fraction`` arithmetic alone.
"""

from collections.abc import Callable, Mapping
from fractions import Fraction
from functools import partial, reduce
from typing import Any

from intaglio.numerics.equations import definitions
from intaglio.numerics.equations.functions import FORMULAS


class _Kept:
    """``wrap[i8](v)``: a register by its type's name."""

    def __init__(self, keep: Callable[[int, int, int], int]) -> None:
        self._keep = keep

    def __getitem__(self, type: tuple[bool, int]) -> Callable[[int], int]:
        signed, bits = type
        low = -(1 << (bits - 1)) if signed else 0
        return lambda v: self._keep(v, low, low + (1 << bits) - 1)


def _wrap(v: int, low: int, high: int) -> int:
    return (v - low) % (high - low + 1) + low


def _saturate(v: int, low: int, high: int) -> int:
    return min(max(v, low), high)


def _zero_outside(v: int, low: int, high: int) -> int:
    return v if low <= v <= high else 0


def _trap(v: int, low: int, high: int) -> int:
    if not low <= v <= high:
        raise OverflowError(v)
    return v


def nearest_float(v: Fraction | int, precision: int, lowest: int) -> Fraction:
    """The nearest number of that many bits; the unit is 2**lowest or more, ties go to even."""
    value = Fraction(v)
    if value == 0:
        return value
    exponent = value.numerator.bit_length() - value.denominator.bit_length()
    while abs(value) < Fraction(2) ** exponent:
        exponent -= 1
    while abs(value) >= Fraction(2) ** (exponent + 1):
        exponent += 1
    unit = Fraction(2) ** max(exponent - precision + 1, lowest)
    return round(value / unit) * unit


def _fl32(v: Fraction | int) -> Fraction:
    return nearest_float(v, 24, -149)


def _fl64(v: Fraction | int) -> Fraction:
    return nearest_float(v, 53, -1074)


def _rounded(mode: str, v: Fraction) -> int:
    """By the definition of division, as printed."""
    value = Fraction(v)
    names = {"n": value.numerator, "d": value.denominator}
    found: int = eval(FORMULAS[f"divide_{mode}"][1], names)
    return found


def namespace(statements: tuple[str, ...]) -> dict[str, Any]:
    """Every function that the statements' definitions name."""
    known: dict[str, Any] = {
        "wrap": _Kept(_wrap),
        "saturate": _Kept(_saturate),
        "zero_outside": _Kept(_zero_outside),
        "trap": _Kept(_trap),
        "fl32": _fl32,
        "fl64": _fl64,
        "reduce": reduce,
    }
    known |= {f"{letter}{bits}": (letter == "i", bits) for letter in "iu" for bits in range(1, 65)}
    for line in definitions(statements):
        name = line.split("(")[0].split("[")[0]
        if name.startswith("round_"):
            mode = name.removeprefix("round_")
            known[name] = partial(_rounded, mode)
        elif " = " in line:
            head, body = line.split(" = ", 1)
            parameters = head[len(name) + 1 : -1]
            known[name] = eval(f"lambda {parameters}: {body}", known)
        else:
            assert name in known, line
    return known


def transcribed(
    statements: tuple[str, ...], constants: Mapping[str, Any], **operands: Any
) -> dict[str, Any]:
    """Run the statements; the value of every name."""
    names = namespace(statements)
    exact = {
        name: Fraction(value) if isinstance(value, float) else value
        for name, value in constants.items()
    }
    scope = {**names, **exact, **operands}
    for statement in statements:
        exec(statement, scope)
    return scope
