# SPDX-License-Identifier: Apache-2.0
"""Fields of a profile by their dotted paths, and a profile with some of them changed.

A path without an index, ``contraction.accumulator_bits``, means that field of every rule of the
table that has it; ``contraction[0].accumulator_bits`` that of one rule.  ``*`` stands for anything:
``*.rounding`` is every rounding.
"""

import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from enum import Enum
from types import NoneType
from typing import Any, cast, get_args, get_type_hints

from intaglio.errors import InvalidOption, InvalidProfile
from intaglio.numerics.profile import Profile
from intaglio.numerics.profile.schema import Reader, Tree

_NO_ARITHMETIC = frozenset({"name", "title", "checked_against", "when"})
_INDEX = re.compile(r"\[\d+\]")

Place = tuple[str | int, ...]
"""The way from the profile to a field: names, and indices of rules."""


@dataclass(frozen=True, slots=True)
class Field:
    """A field of one profile.

    Attributes:
        place: where it is.
        hint: the type that its dataclass states.
    """

    place: Place
    hint: Any

    @property
    def path(self) -> str:
        """The place as a user writes it."""
        steps = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in self.place)
        return "".join(steps).removeprefix(".")


def profile_fields(profile: Profile) -> tuple[Field, ...]:
    """Every field that says something about the arithmetic, outer ones first."""
    return tuple(_fields(profile, ()))


def _fields(value: object, place: Place) -> Iterator[Field]:
    if isinstance(value, tuple):
        for index, item in enumerate(cast("tuple[object, ...]", value)):
            yield from _fields(item, (*place, index))
        return
    if not is_dataclass(value) or isinstance(value, type):
        return
    hints = get_type_hints(type(value))
    for field in fields(value):
        if field.name in _NO_ARITHMETIC:
            continue
        here = (*place, field.name)
        yield Field(here, hints[field.name])
        yield from _fields(getattr(value, field.name), here)


def changed(profile: Profile, values: Mapping[str, Tree]) -> Profile:
    """The profile with each field set; whole tables are set first, then what lies in them.

    Raises:
        InvalidOption: the profile has no such field.
        InvalidProfile: a value isn't one of the field's.
    """
    tables = {name: value for name, value in values.items() if isinstance(value, Mapping)}
    plain = {name: value for name, value in values.items() if name not in tables}
    for group in (tables, plain):
        if not group:
            continue
        found: dict[Place, object] = {}
        for name, value in group.items():
            for field in matching(profile, name):
                found[field.place] = _read(profile, field, value)
        profile = cast(Profile, _rebuilt(profile, profile, found, ()))
    return profile


def matching(profile: Profile, name: str) -> tuple[Field, ...]:
    """The fields that a path names.

    Raises:
        InvalidOption: there is none; the nearest known one is named.
    """
    known = profile_fields(profile)
    pattern = _pattern(name)
    found = tuple(field for field in known if pattern.fullmatch(field.path))
    if found:
        return found
    paths = list(dict.fromkeys(_INDEX.sub("", field.path) for field in known))
    near = difflib.get_close_matches(_INDEX.sub("", name), paths, 1, 0.5)
    tables = ", ".join(path for path in paths if "." not in path)
    raise InvalidOption(
        "--axis",
        name,
        f"profile {profile.name} has no such field",
        f"did you mean {near[0]}" if near else f"start with one of {tables}",
    )


def _pattern(name: str) -> re.Pattern[str]:
    steps = (re.escape(step).replace(r"\*", ".*") for step in name.split("."))
    # A step without an index stands for every rule.
    return re.compile(r"\.".join(f"{step}(?:\\[\\d+\\])?" for step in steps))


def _read(profile: Profile, field: Field, value: Tree) -> object:
    if value == "none" and NoneType in get_args(field.hint):
        return None
    hint = field.hint
    if isinstance(hint, type) and issubclass(hint, Enum) and isinstance(value, str):
        # Names of modes are written in capitals elsewhere.
        value = value.lower().replace("_", "-")
    return Reader(profile.name).read(hint, value, field.path)


def _rebuilt(profile: Profile, value: object, found: Mapping[Place, object], place: Place) -> Any:
    """``value``, which stands at ``place``, with all that lies in it changed at once."""
    if place in found:
        return found[place]
    inner = {at for at in found if at[: len(place)] == place}
    if not inner:
        return value
    steps = dict.fromkeys(at[len(place)] for at in inner)
    if isinstance(value, tuple):
        items = list(cast("tuple[object, ...]", value))
        for step in steps:
            index = cast(int, step)
            items[index] = _rebuilt(profile, items[index], found, (*place, index))
        return tuple(items)
    changes = {
        cast(str, step): _rebuilt(profile, getattr(value, str(step)), found, (*place, step))
        for step in steps
    }
    try:
        return replace(cast(Any, value), **changes)
    except InvalidOption as error:
        (first, *_) = (Field(at, None).path for at in found if at[: len(place)] == place)
        raise InvalidProfile(
            profile.name, first, str(error).rstrip("."), "a value that a machine has"
        ) from None
