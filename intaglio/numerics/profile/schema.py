# SPDX-License-Identifier: Apache-2.0
"""Frozen dataclasses from and to plain trees of tables, lists and words, by their type hints.

Unions are told apart by ``kind``, the class's name in lower case without its suffix.
"""

import difflib
import re
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from types import NoneType, UnionType
from typing import Any, Union, cast, get_args, get_origin, get_type_hints

from intaglio.errors import InvalidOption, InvalidProfile
from intaglio.numerics.integers import IntType

_SUFFIXES = ("Scheme", "Method")

Tree = Mapping[str, "Tree"] | list["Tree"] | str | int | bool


def shortened(found: object) -> str:
    """What was found, in at most 80 characters."""
    try:
        shown = str(found)
    except ValueError:
        # Python refuses to write out integers of thousands of digits.
        return "a number of thousands of digits"
    return shown if len(shown) <= 80 else f"{shown[:77]}..."


class Reader:
    """Builds frozen dataclasses from parsed TOML by their type hints."""

    def __init__(self, profile: str) -> None:
        """Read for ``profile``, which is what errors call it."""
        self._profile = profile

    def _refuse(self, place: str, found: object, expected: str) -> InvalidProfile:
        return InvalidProfile(self._profile, place or "the file", shortened(found), expected)

    def read(self, hint: Any, tree: Tree, place: str) -> object:
        """The value of type ``hint`` that ``tree`` describes."""
        if get_origin(hint) in (UnionType, Union):
            return self._read_union(hint, tree, place)
        if get_origin(hint) is tuple:
            if not isinstance(tree, list):
                raise self._refuse(place, tree, "a list")
            (element, _) = get_args(hint)
            return tuple(self.read(element, item, f"{place}[{i}]") for i, item in enumerate(tree))
        if hint is IntType:
            return self._read_type(tree, place)
        if isinstance(hint, type) and issubclass(hint, Enum):
            return self._read_enum(hint, tree, place)
        if isinstance(hint, type) and is_dataclass(hint):
            return self._read_dataclass(hint, tree, place)
        for plain in (bool, int, str):
            if hint is plain and type(tree) is not plain:
                raise self._refuse(place, tree, f"a value of type {plain.__name__}")
        return tree

    def _read_union(self, hint: Any, tree: Tree, place: str) -> object:
        members = [member for member in get_args(hint) if member is not NoneType]
        if len(members) == 1:
            return self.read(members[0], tree, place)
        by_kind = {kind_of(member): member for member in members}
        if not isinstance(tree, Mapping) or not isinstance(tree.get("kind"), str):
            raise self._refuse(place, tree, f'a table with a "kind" of {", ".join(by_kind)}')
        kind = cast(str, tree["kind"])
        if kind not in by_kind:
            raise self._refuse(f"{place}.kind", kind, _choice(kind, list(by_kind)))
        rest = {key: value for key, value in tree.items() if key != "kind"}
        return self._read_dataclass(by_kind[kind], rest, place)

    def _read_type(self, tree: Tree, place: str) -> IntType:
        if isinstance(tree, str) and re.fullmatch(r"[iu][1-9][0-9]?", tree):
            bits = int(tree[1:])
            if bits <= 64:
                return IntType(bits, tree[0] == "i")
        raise self._refuse(place, tree, "an integer type such as i8 or u4, 1 to 64 bits")

    def _read_enum(self, hint: type[Enum], tree: Tree, place: str) -> Enum:
        words = [str(member.value) for member in hint]
        if not isinstance(tree, str) or tree not in words:
            raise self._refuse(place, tree, _choice(str(tree), words))
        return hint(tree)

    def _read_dataclass(self, hint: type, tree: Tree, place: str) -> object:
        if not isinstance(tree, Mapping):
            raise self._refuse(place, tree, "a table")
        hints = get_type_hints(hint)
        for key in tree:
            if key not in hints:
                inside = f"{place}.{key}".lstrip(".")
                raise self._refuse(inside, "an unknown key", _choice(key, list(hints)))
        values: dict[str, object] = {}
        for key, value in tree.items():
            values[key] = self.read(hints[key], value, f"{place}.{key}".lstrip("."))
        required = [f.name for f in fields(hint) if f.default is MISSING]
        missing = [name for name in required if name not in values]
        if missing:
            raise self._refuse(place, f"no {', '.join(missing)}", _wanted(hints, missing))
        try:
            return hint(**values)
        except InvalidOption as error:
            raise self._contradiction(error, values, place) from None

    def _contradiction(
        self, error: InvalidOption, values: Mapping[str, object], place: str
    ) -> InvalidProfile:
        """Names the field where the error is about one."""
        if error.option.split(".")[0] not in values:
            return self._refuse(place, str(error).rstrip("."), "numbers that a machine has")
        inside = f"{place}.{error.option}".lstrip(".")
        value = str(error).removeprefix(f"{error.option} ").split(":")[0]
        found = f"{shortened(value)}, which {error.found}"
        expected = error.advice.removeprefix("give ").removeprefix("the nearest is ")
        return InvalidProfile(self._profile, inside, found, expected)


def _wanted(hints: Mapping[str, Any], missing: list[str]) -> str:
    """The words that missing keys may have, where they are words."""
    words = [
        f"{name} = {' or '.join(repr(str(member.value)) for member in hints[name])}"
        for name in missing
        if isinstance(hints[name], type) and issubclass(hints[name], Enum)
    ]
    return ", ".join(words) or "every key of the table"


def _choice(found: str, known: list[str]) -> str:
    close = difflib.get_close_matches(found, known, 1)
    return f"{close[0]} perhaps" if close else f"one of {', '.join(known)}"


def kind_of(member: type) -> str:
    """The word by which a union's member is told in a file."""
    name = member.__name__
    for suffix in _SUFFIXES:
        name = name.removesuffix(suffix)
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", name).lower()


def write(hint: Any, value: object) -> Tree:
    """The tree that ``Reader.read`` turns back into ``value``; defaults are left out."""
    if get_origin(hint) in (UnionType, Union):
        members = [member for member in get_args(hint) if member is not NoneType]
        tree = write(type(value), value)
        if len(members) == 1:
            return tree
        return {"kind": kind_of(type(value)), **cast(Mapping[str, Tree], tree)}
    if isinstance(value, tuple):
        (element, _) = get_args(hint)
        return [write(element, item) for item in cast(tuple[object, ...], value)]
    if isinstance(value, Enum):
        return cast(str, value.value)
    if isinstance(value, IntType):
        return str(value)
    if is_dataclass(value):
        hints = get_type_hints(type(value))
        present = [f for f in fields(value) if getattr(value, f.name) != f.default]
        return {f.name: write(hints[f.name], getattr(value, f.name)) for f in present}
    return cast(str | int | bool, value)
