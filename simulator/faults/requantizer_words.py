# SPDX-License-Identifier: Apache-2.0
"""The numbers of requantizers as words of stated widths, by field and channel."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from typing import Any, assert_never, cast

from intaglio.errors import IntaglioError
from intaglio.numerics.float32 import Float32
from intaglio.numerics.float64 import Float64
from intaglio.numerics.intervals import Interval
from intaglio.numerics.requantizers import Requantizer
from intaglio.numerics.scalings import Stages

Number = int | Float32 | Float64


@dataclass(frozen=True, slots=True)
class WordField:
    """One number of all requantizers of a node.

    Attributes:
        path: ``scaling.multiplier``, ``scaling.steps.2.shift``, ``zero_point`` and so on.
        words: one for each requantizer.
        bits: the narrowest register for all of them: unsigned where none is negative, else two's
            complement; of floats the whole format.
        signed: whether the register is two's complement.
    """

    path: str
    words: int
    bits: int
    signed: bool


@lru_cache(maxsize=256)
def requantizer_words(requantizers: tuple[Requantizer, ...]) -> tuple[WordField, ...]:
    """The numbers that every requantizer of a node has; those that some lack are left out.

    Thresholds and words, such as a rounding, are no numbers.
    """
    paths = [path for path, _ in _numbers(requantizers[0])]
    found: list[WordField] = []
    for path in paths:
        values = [dict(_numbers(each)).get(path) for each in requantizers]
        numbers = [value for value in values if value is not None]
        if len(numbers) == len(requantizers):
            found.append(_field(path, numbers))
    return tuple(field for field in found if field.bits)


def word_of(requantizer: Requantizer, path: str) -> Number:
    """The number at a path."""
    return dict(_numbers(requantizer))[path]


def with_word(requantizer: Requantizer, path: str, value: Number) -> Requantizer | None:
    """The requantizer with another number; None where no requantizer is so."""
    try:
        changed: Requantizer = _replaced(requantizer, path.split("."), value)
    except IntaglioError:
        return None
    return changed


def _numbers(requantizer: Requantizer) -> list[tuple[str, Number]]:
    found: list[tuple[str, Number]] = []
    scaling = requantizer.scaling
    if isinstance(scaling, Stages):
        for place, step in enumerate(scaling.steps):
            found.extend((f"scaling.steps.{place}.{name}", n) for name, n in _own(step))
    else:
        found.extend((f"scaling.{name}", number) for name, number in _own(scaling))
    found.extend(_own(requantizer))
    return found


def _own(record: object) -> list[tuple[str, Number]]:
    values = [(each.name, getattr(record, each.name)) for each in fields(cast("Any", record))]
    return [
        (name, value)
        for name, value in values
        if isinstance(value, int | Float32 | Float64) and not isinstance(value, bool)
    ]


def _field(path: str, numbers: Sequence[Number]) -> WordField:
    first = numbers[0]
    match first:
        case Float32() | Float64():
            return WordField(path, len(numbers), first.form.word, signed=False)
        case int():
            hull = Interval.hull_of(number for number in numbers if isinstance(number, int))
            signed = hull.low < 0
            bits = hull.signed_bits if signed else hull.high.bit_length()
            return WordField(path, len(numbers), bits, signed)
        case _:
            assert_never(first)


def _replaced(record: Any, path: Sequence[str], value: Number) -> Any:
    name, *rest = path
    if isinstance(record, tuple):
        items = list(cast("tuple[object, ...]", record))
        items[int(name)] = _replaced(items[int(name)], rest, value) if rest else value
        return tuple(items)
    inner = _replaced(getattr(record, name), rest, value) if rest else value
    return replace(record, **{name: inner})
