# SPDX-License-Identifier: Apache-2.0
"""Single choices as a user writes them."""

import tomllib
from difflib import get_close_matches
from math import inf
from typing import Literal, get_args, get_origin, get_type_hints

from intaglio.errors import InvalidOption

_LARGEST = 2**1023
"""As a whole number that float64 has."""
_KINDS = {bool: "true or false", int: "a whole number", float: "a number", str: "a word"}


def parse_setting(text: str) -> tuple[str, object]:
    """One choice from ``NAME=VALUE``.

    >>> parse_setting("dead_channels=false"), parse_setting("ranges=sigma")
    (('dead_channels', False), ('ranges', 'sigma'))

    Raises:
        InvalidOption: the text has another form.
    """
    name, equals, value = text.partition("=")
    if not (name and equals and value):
        raise InvalidOption("--set", text, "it sets nothing", "write NAME=VALUE")
    try:
        return name, tomllib.loads(f"value = {value}")["value"]
    except (ValueError, RecursionError):  # no TOML, too many digits, or too many brackets
        return name, value


def checked_value(owner: type, name: str, value: object) -> object:
    """The value as the field ``name`` of ``owner`` has it; a whole number may stand for a real one.

    Raises:
        InvalidOption: it is of another kind, or none of the words that the field allows.
    """
    hint = get_type_hints(owner)[name]
    if get_origin(hint) is Literal:
        words = get_args(hint)
        if value in words:
            return value
        near = get_close_matches(str(value), words, 1)
        raise InvalidOption(
            name,
            value,
            "there is no such choice",
            f"choose {near[0]}" if near else f"choose one of {', '.join(words)}",
        )
    if hint is float and type(value) is int:
        return float(value) if abs(value) <= _LARGEST else inf
    if type(value) is not hint:
        raise InvalidOption(name, value, "it is of another kind", f"give {_KINDS.get(hint, hint)}")
    return value


def unknown_setting(name: str, known: list[str]) -> InvalidOption:
    """The refusal of a name that is none of the known ones."""
    near = get_close_matches(name, known, 1)
    advice = f"choose {near[0]}" if near else f"choose one of {', '.join(known)}"
    return InvalidOption(name, "(set)", "there is no such choice", advice)
