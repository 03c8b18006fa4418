# SPDX-License-Identifier: Apache-2.0
"""What a sweep varies: axes, and the settings that they span."""

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from typing import cast

from intaglio.errors import InvalidOption
from intaglio.numerics.profile.schema import Tree

Setting = Mapping[str, str]
"""What each axis is set to, as the user wrote it; axes in their order."""

MAXIMUM_SETTINGS = 100_000
TIE = "+"
"""Joins the fields that one axis sets to one value."""

_PIECE = re.compile(r'"(?:[^"\\]|\\.)*"|\'[^\']*\'|[\[{]|[\]}]|,|[^,\[\]{}"\']+')


@dataclass(frozen=True, slots=True)
class Axis:
    """One thing that varies.

    Attributes:
        name: a field's dotted path; several, joined by ``+``, are set to one value.
        values: as the user wrote them.
    """

    name: str
    values: tuple[str, ...]

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields that the axis sets."""
        return tuple(self.name.split(TIE))

    @property
    def numeric(self) -> bool:
        """Whether each value has a width."""
        return all(width(value) is not None for value in self.values)

    def ascending(self) -> tuple[str, ...]:
        """The narrowest value first: by number, words in the order given."""
        if not self.numeric:
            return self.values
        return tuple(sorted(self.values, key=lambda value: width(value) or 0))


def parse_axis(text: str) -> Axis:
    """An axis from ``FIELD=VALUE,VALUE``; commas within brackets and quotes part nothing.

    >>> parse_axis("contraction.accumulator_bits=12,16")
    Axis(name='contraction.accumulator_bits', values=('12', '16'))

    Raises:
        InvalidOption: the text has another form, or a value stands there twice.
    """
    name, equals, rest = text.partition("=")
    name = "".join(name.split())
    values = tuple(split_values(rest))
    if not equals or not all(name.split(TIE)) or not all(values) or not values:
        raise InvalidOption(
            "--axis", text, "it doesn't give a field its values", "write FIELD=VALUE,VALUE"
        )
    for value in values:
        if values.count(value) > 1:
            raise InvalidOption("--axis", text, f"{value} stands there twice", "name it once")
    return Axis(name, values)


def split_values(text: str) -> list[str]:
    """The parts between commas that stand in no brackets and no quotes.

    >>> split_values('wrap, {kind = "a", x = [1, 2]}')
    ['wrap', '{kind = "a", x = [1, 2]}']
    """
    found, depth = [""], 0
    for piece in _PIECE.findall(text):
        if piece == "," and depth == 0:
            found.append("")
            continue
        depth += (piece in "[{") - (piece in "]}")
        found[-1] += piece
    return [part.strip() for part in found]


def parse_value(text: str) -> Tree:
    """A value as TOML has it; what is no TOML is a word.

    >>> parse_value("12"), parse_value("wrap"), parse_value('{kind = "float32"}')
    (12, 'wrap', {'kind': 'float32'})
    """
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except (ValueError, RecursionError):  # no TOML, too many digits, or too many brackets
        return text
    # Floats, dates and times are no values of a field.
    return cast(Tree, value) if isinstance(value, bool | int | str | list | dict) else text


def width(value: str) -> Fraction | None:
    """How wide a value is, in whatever unit its axis has: a number, or both widths of ``w8a8``.

    >>> width("16"), width("w6a8"), width("wrap")
    (Fraction(16, 1), Fraction(14, 1), None)
    """
    bits = re.fullmatch(r"w(\d{1,2})a(\d{1,2})", value)
    if bits:
        return Fraction(int(bits[1]) + int(bits[2]))
    number = re.fullmatch(r"[+-]?\d{1,18}(\.\d{1,18})?", value)
    return Fraction(value) if number else None


def require_disjoint(names: Sequence[str]) -> None:
    """Refuse to set one field twice.

    Raises:
        InvalidOption: two axes have a field in common.
    """
    fields = [field for name in names for field in name.split(TIE)]
    for field in fields:
        if fields.count(field) > 1:
            raise InvalidOption("--axis", field, "it is set twice", "give it one axis")


def span(axes: Sequence[Axis], listed: Sequence[Setting]) -> tuple[Setting, ...]:
    """Every combination of the axes' values with each listed setting, the last axis fastest.

    Raises:
        InvalidOption: there is none, a field is set twice, or there are too many.
    """
    if not axes and not listed:
        raise InvalidOption(
            "--axis", "(none)", "nothing varies", "give --axis FIELD=VALUE,VALUE or --list FILE"
        )
    require_disjoint([*(listed[0] if listed else ()), *(axis.name for axis in axes)])
    count = max(1, len(listed))
    for axis in axes:
        count *= len(axis.values)
    if count > MAXIMUM_SETTINGS:
        raise InvalidOption(
            "--axis", f"({count:,} settings)", "that is too many", f"at most {MAXIMUM_SETTINGS:,}"
        )
    names = [axis.name for axis in axes]
    grid = [dict(zip(names, values, strict=True)) for values in product(*(a.values for a in axes))]
    settings = [{**row, **point} for row in (listed or ({},)) for point in grid]
    unique = {tuple(setting.items()): setting for setting in settings}
    return tuple(unique.values())


def axes_of(axes: Sequence[Axis], listed: Sequence[Setting]) -> tuple[Axis, ...]:
    """The axes of a sweep: a listed field's values are those that the list has, once each."""
    names = tuple(listed[0]) if listed else ()
    found = (Axis(name, tuple(dict.fromkeys(row[name] for row in listed))) for name in names)
    return (*found, *axes)
