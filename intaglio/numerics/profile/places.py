# SPDX-License-Identifier: Apache-2.0
"""Where in a profile a part of it stands, as a user would write it."""

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import cast

from intaglio.numerics.profile.profile import Profile


def place_of(profile: Profile, part: object) -> str:
    """The dotted path of that very object, such as ``contraction[0].rescale.scheme``.

    "the profile" for what isn't part of it.
    """
    return next((place for place, found in _parts(profile, "") if found is part), "the profile")


def _parts(value: object, place: str) -> Iterator[tuple[str, object]]:
    if place:
        yield place, value
    if isinstance(value, tuple):
        for index, item in enumerate(cast(tuple[object, ...], value)):
            yield from _parts(item, f"{place}[{index}]")
    elif is_dataclass(value) and not isinstance(value, type):
        for each in fields(value):
            inside = f"{place}.{each.name}".lstrip(".")
            yield from _parts(getattr(value, each.name), inside)
