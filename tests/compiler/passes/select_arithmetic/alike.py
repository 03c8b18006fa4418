# SPDX-License-Identifier: Apache-2.0
"""Lower a graph once for all profiles that answer the same to what the lowering asks.

What ``select_arithmetic`` reads of a profile is the first rules that apply, its datapath, and how
codes and bounds are made at the border.  Profiles that agree on all that was asked give one graph.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

from intaglio.compiler.ir.graph import Graph
from intaglio.compiler.passes.select_arithmetic import select_arithmetic
from intaglio.errors import InvalidProfile, UnsupportedModel
from intaglio.numerics.profile import Profile, load_profile
from intaglio.numerics.profile.profile import RULE_OPS


@dataclass(frozen=True, slots=True)
class Question:
    """A call of ``Profile.first``."""

    table: str
    arguments: tuple[Any, ...]
    named: tuple[tuple[str, Any], ...]

    def put_to(self, profile: Profile) -> object:
        """The rule, or that there is none."""
        try:
            rules = getattr(profile, self.table)
            return profile.first(rules, *self.arguments, **dict(self.named))
        except InvalidProfile:
            return InvalidProfile


@dataclass(frozen=True, slots=True)
class Alike:
    """Profiles by name, and what each makes of the graph: None where each refuses it."""

    names: list[str]
    lowered: Graph | None
    border: object
    asked: dict[Question, object]

    def holds(self, profile: Profile) -> bool:
        """Whether the profile would answer the same."""
        return _border(profile) == self.border and all(
            question.put_to(profile) == answer for question, answer in self.asked.items()
        )


def lowered_alike(graph: Graph, names: Iterable[str]) -> Sequence[Alike]:
    """The names in groups, each with its lowered graph."""
    found: list[Alike] = []
    for name in names:
        profile = load_profile(name)
        group = next((each for each in found if each.holds(profile)), None)
        if group is None:
            found.append(_lowered(graph, name, profile))
        else:
            group.names.append(name)
    return found


def _border(profile: Profile) -> object:
    return profile.quantize, profile.dequantize, profile.bound, profile.datapath


def _lowered(graph: Graph, name: str, profile: Profile) -> Alike:
    asked: dict[Question, object] = {}
    first: Any = Profile.first

    def recording(self: Profile, rules: Any, *arguments: Any, **named: Any) -> Any:
        table = next(table for table in RULE_OPS if getattr(self, table) is rules)
        question = Question(table, arguments, tuple(sorted(named.items())))
        asked[question] = InvalidProfile
        asked[question] = first(self, rules, *arguments, **named)
        return asked[question]

    with patch.object(Profile, "first", recording):
        try:
            lowered = select_arithmetic(graph, profile)
        except (UnsupportedModel, InvalidProfile):
            lowered = None
    return Alike([name], lowered, _border(profile), asked)
