# SPDX-License-Identifier: Apache-2.0
"""The fields of a rule, each with its place and its value, those that a file leaves out too."""

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import cast

from intaglio.numerics.profile.rules import Condition
from intaglio.numerics.profile.schema import kind_of


def stated_fields(rule: object) -> Mapping[str, object]:
    """By dotted place within the rule, the value; the condition is left out."""
    return dict(_leaves(rule, ""))


def shown(value: object) -> str:
    """A value as a file has it."""
    match value:
        case None:
            return "none"
        case bool():
            return "true" if value else "false"
        case Enum():
            return str(value.value)
        case _:
            return str(value)


def _leaves(value: object, place: str) -> Iterator[tuple[str, object]]:
    if isinstance(value, Condition):
        return
    if isinstance(value, tuple):
        for index, item in enumerate(cast(tuple[object, ...], value)):
            yield from _leaves(item, f"{place}[{index}]")
    elif is_dataclass(value) and not isinstance(value, type) and hasattr(value, "__match_args__"):
        names = [each.name for each in fields(value)]
        if set(names) == {"bits", "signed"}:
            yield place, value
            return
        if place.split(".")[-1] in ("scheme", "method", "remainder"):
            yield f"{place}.kind", kind_of(type(value))
        for name in names:
            yield from _leaves(getattr(value, name), f"{place}.{name}".lstrip("."))
    else:
        yield place, value
