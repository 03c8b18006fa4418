# SPDX-License-Identifier: Apache-2.0
"""Profiles: one machine's or runtime's arithmetic, as data."""

from intaglio.numerics.profile.file import (
    format_profile,
    load_profile,
    parse_profile,
    profile_names,
)
from intaglio.numerics.profile.profile import Profile
from intaglio.numerics.profile.rules import (
    ContractionRule,
    MeanRule,
    PairRule,
    RescaleRule,
    ResizeRule,
    SoftmaxRule,
    UnaryRule,
)

__all__ = [
    "ContractionRule",
    "MeanRule",
    "PairRule",
    "Profile",
    "RescaleRule",
    "ResizeRule",
    "SoftmaxRule",
    "UnaryRule",
    "format_profile",
    "load_profile",
    "parse_profile",
    "profile_names",
]
