# SPDX-License-Identifier: Apache-2.0
"""How often faults show, and which bits are critical."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import sqrt

from intaglio.commands.faults.campaign import Campaign
from intaglio.compiler.ir.graph import Graph
from intaglio.simulator.faults import Fault, Outcome, storages

_NORMAL_95 = 1.959963984540054
"""Of the normal distribution, 95 % lie within so many standard deviations."""


@dataclass(frozen=True, slots=True)
class Rate:
    """``count`` of ``total``, with the 95 % score interval (Wilson, 1927)."""

    count: int
    total: int

    @property
    def share(self) -> float:
        """``count / total``; 0 of nothing."""
        return self.count / self.total if self.total else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """Between which shares the true one lies; all shares where nothing was drawn.

        >>> [[round(end, 4) for end in Rate(count, 10).interval] for count in (0, 5)]
        [[0.0, 0.2775], [0.2366, 0.7634]]
        """
        if not self.total:
            return 0.0, 1.0
        z2 = _NORMAL_95 * _NORMAL_95
        middle = (self.share + z2 / (2 * self.total)) / (1 + z2 / self.total)
        spread = self.share * (1 - self.share) / self.total + z2 / (4 * self.total**2)
        half = _NORMAL_95 * sqrt(spread) / (1 + z2 / self.total)
        return max(0.0, middle - half), min(1.0, middle + half)


@dataclass(frozen=True, slots=True)
class Group:
    """Faults that have something in common.

    Attributes:
        names: what they have in common.
        faults: how many.
        outcome: of all, counted in samples.
        critical: faults that change the greatest output of at least one sample.
        changed: faults that change an output bit of at least one sample, or are detected in it.
    """

    names: tuple[str, ...]
    faults: int
    outcome: Outcome
    critical: Rate
    changed: Rate


def by_storage(campaign: Campaign) -> tuple[Group, ...]:
    """A group for each kind of storage, in the order of the list."""
    return _grouped(campaign, lambda fault: (fault.storage.value,))


def critical_bits(graph: Graph, campaign: Campaign) -> tuple[Group, ...]:
    """A group for each layer, kind of storage and bit, the most critical first.

    They are in the order of the lower end of the interval of the critical faults' share: many
    faults that agree go before a single one.
    """
    layers = {(site.storage, site.value, site.field): site for site in storages(graph)}

    def names(fault: Fault) -> tuple[str, ...]:
        field = f": {fault.field.removeprefix('scaling.')}" if fault.field else ""
        return layers[fault.place].layer, f"{fault.storage.value}{field}", str(fault.bit)

    groups = _grouped(campaign, names)
    return tuple(
        sorted(
            groups,
            key=lambda group: (
                -group.critical.interval[0],
                -group.changed.interval[0],
                group.names[:2],
                -int(group.names[2]),
            ),
        )
    )


def _grouped(campaign: Campaign, names: Callable[[Fault], tuple[str, ...]]) -> tuple[Group, ...]:
    members: dict[tuple[str, ...], list[Outcome]] = {}
    for fault, outcome in zip(campaign.faults, campaign.outcomes, strict=True):
        members.setdefault(names(fault), []).append(outcome)
    return tuple(_group(key, outcomes) for key, outcomes in members.items())


def _group(names: tuple[str, ...], outcomes: Sequence[Outcome]) -> Group:
    count = len(outcomes)
    return Group(
        names,
        count,
        sum(outcomes, Outcome()),
        Rate(sum(each.critical > 0 for each in outcomes), count),
        Rate(sum(each.changed + each.detected > 0 for each in outcomes), count),
    )
