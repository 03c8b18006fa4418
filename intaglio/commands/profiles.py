# SPDX-License-Identifier: Apache-2.0
"""The profiles that are shipped, and the text of one."""

from dataclasses import dataclass

from intaglio.numerics.profile import format_profile, load_profile, profile_names


@dataclass(frozen=True, slots=True)
class ProfileSummary:
    """A profile: its name, one line on it, and the programs whose bits it reproduces, as tested."""

    name: str
    title: str
    checked_against: tuple[str, ...]


def list_profiles() -> tuple[ProfileSummary, ...]:
    """Every shipped profile, by name."""
    profiles = [load_profile(name) for name in profile_names()]
    return tuple(ProfileSummary(each.name, each.title, each.checked_against) for each in profiles)


def profile_text(name_or_path: str) -> str:
    """The TOML of a profile: what to start one's own from.

    Raises:
        InvalidFile: there is neither a profile nor a readable file of that name.
        InvalidProfile: the file doesn't follow the schema.
    """
    return format_profile(load_profile(name_or_path))
