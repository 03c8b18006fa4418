# SPDX-License-Identifier: Apache-2.0
"""What is counted over samples: exact integers that add up, whatever the chunks and their order."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, cast


@dataclass(frozen=True, slots=True)
class Tally:
    """Counts over samples, held against the reference's outputs.

    Attributes:
        samples: how many ran.
        labelled: how many of them had a label.
        correct: how many of those had the greatest first output at it.
        same_class: samples whose greatest first output stands where the reference's does.
        values: elements of all outputs.
        differing_values: those that differ from the reference's.
        bits: bits of all outputs.
        differing_bits: those that differ.
        overflows: how often something happened in the arithmetic, by what it is called.
    """

    samples: int = 0
    labelled: int = 0
    correct: int = 0
    same_class: int = 0
    values: int = 0
    differing_values: int = 0
    bits: int = 0
    differing_bits: int = 0
    overflows: Mapping[str, int] = field(default_factory=dict[str, int])

    def __add__(self, other: "Tally") -> "Tally":
        """Both together."""
        names = sorted({*self.overflows, *other.overflows})
        overflows = {
            name: self.overflows.get(name, 0) + other.overflows.get(name, 0) for name in names
        }
        counts = {name: getattr(self, name) + getattr(other, name) for name in _COUNTS}
        return Tally(**counts, overflows=overflows)

    def facts(self) -> dict[str, Any]:
        """As JSON has it."""
        counts: dict[str, Any] = {name: getattr(self, name) for name in _COUNTS}
        return {**counts, "overflows": dict(sorted(self.overflows.items()))}

    @staticmethod
    def of(facts: object) -> "Tally | None":
        """What ``facts`` says; None where it is nothing that ``facts()`` writes."""
        if not isinstance(facts, dict):
            return None
        found = cast("dict[str, object]", facts)
        overflows = found.get("overflows")
        if set(found) != {*_COUNTS, "overflows"} or not isinstance(overflows, dict):
            return None
        named = cast("dict[str, object]", overflows)
        counts = {name: found[name] for name in _COUNTS}
        for count in (*counts.values(), *named.values()):
            if type(count) is not int or count < 0:
                return None
        return Tally(**cast("dict[str, int]", counts), overflows=cast("dict[str, int]", named))


_COUNTS = tuple(each.name for each in fields(Tally) if each.name != "overflows")
