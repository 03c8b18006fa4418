# SPDX-License-Identifier: Apache-2.0
"""Profiles as TOML: one schema for those we ship and for a hardware team's own."""

import difflib
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from pathlib import Path
from typing import cast

import tomli_w

from intaglio.errors import InvalidFile, InvalidProfile
from intaglio.numerics.profile.inheritance import with_base
from intaglio.numerics.profile.profile import Profile
from intaglio.numerics.profile.schema import Reader, Tree, shortened, write

SCHEMA_VERSION = 1
_MAXIMUM_BYTES = 1 << 20
_EXTENSION = ".toml"


def profile_names() -> tuple[str, ...]:
    """The names of the profiles that are shipped."""
    folder = resources.files("intaglio.numerics") / "profiles"
    names = (file.name for file in folder.iterdir() if file.name.endswith(_EXTENSION))
    return tuple(sorted(name.removesuffix(_EXTENSION) for name in names))


def load_profile(name_or_path: str) -> Profile:
    """The shipped profile of that name, or the profile in a TOML file.

    Raises:
        InvalidFile: there is neither a profile nor a readable file of that name.
        InvalidProfile: the file doesn't follow the schema.
    """
    if name_or_path in profile_names():
        return _shipped(name_or_path)
    path = Path(name_or_path)
    if not path.is_file():
        close = difflib.get_close_matches(name_or_path, profile_names(), 1)
        advice = f"did you mean {close[0]}" if close else f"known are {', '.join(profile_names())}"
        raise InvalidFile(name_or_path, "is neither a profile's name nor a file", advice)
    if path.stat().st_size > _MAXIMUM_BYTES:
        raise InvalidFile(path, "is larger than 1 MiB", "give a profile in TOML")
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidFile(path, f"can't be read ({error})", "give a profile in TOML") from None
    return parse_profile(text, str(path))


@cache
def _shipped(name: str) -> Profile:
    return parse_profile(_shipped_text(name), name)


def _shipped_text(name: str) -> str:
    file = resources.files("intaglio.numerics") / "profiles" / f"{name}.toml"
    return file.read_text(encoding="utf-8")


def parse_profile(text: str, name: str) -> Profile:
    """A profile from its TOML text; ``name`` is what errors call it.

    With ``base``, the name of a shipped profile, the text says what differs from that.

    Raises:
        InvalidProfile: the text doesn't follow the schema; the sentence says where.
    """
    try:
        tree = cast(dict[str, Tree], tomllib.loads(text))
    except (ValueError, RecursionError) as error:
        raise InvalidProfile(name, "the file", f"no TOML ({error})", "valid TOML") from None
    version = tree.pop("schema", None)
    if version != SCHEMA_VERSION:
        raise InvalidProfile(name, "schema", shortened(version), str(SCHEMA_VERSION))
    base = tree.pop("base", None)
    if base is not None:
        tree = with_base(tree, _base(base, name), name)
    elif "every" in tree:
        raise InvalidProfile(name, "every", "rules to change", "a base whose rules they are")
    return cast(Profile, Reader(name).read(Profile, tree, ""))


def _base(base: Tree, name: str) -> dict[str, Tree]:
    if not isinstance(base, str) or base not in profile_names():
        close = difflib.get_close_matches(str(base), profile_names(), 1)
        known = f"{close[0]} perhaps" if close else f"one of {', '.join(profile_names())}"
        raise InvalidProfile(name, "base", shortened(base), known)
    tree = cast(dict[str, Tree], tomllib.loads(_shipped_text(base)))
    if "base" in tree:
        raise InvalidProfile(name, "base", base, "a profile that is written out whole")
    return tree


def format_profile(profile: Profile) -> str:
    """The TOML text of a profile; ``parse_profile`` gives the profile back."""
    tree = cast(Mapping[str, object], write(Profile, profile))
    return tomli_w.dumps({"schema": SCHEMA_VERSION, **tree})
