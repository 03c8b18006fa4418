# SPDX-License-Identifier: Apache-2.0
"""What a sweep found, and which settings are the narrowest that keep what."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from intaglio.commands.sweep.settings import Axis, Setting, width
from intaglio.commands.sweep.tally import Tally


@dataclass(frozen=True, slots=True)
class Row:
    """One setting.

    Attributes:
        setting: what it sets.
        run: a short name of its run; settings with one run are proved the same arithmetic.
        proved: whether its run is the reference's: then no input at all changes an output bit.
        tally: the counts; None where it is refused.
        refused: why this network can't have it.
    """

    setting: Setting
    run: str
    proved: bool
    tally: Tally | None
    refused: str = ""

    @property
    def unchanged(self) -> bool:
        """Whether no output bit differs from the reference's."""
        return self.tally is not None and self.tally.differing_bits == 0


@dataclass(frozen=True, slots=True)
class Mark:
    """The narrowest values of one axis, the others being as they are.

    Attributes:
        axis: the axis's name.
        others: what the other axes are set to.
        proved: narrowest proved equal to the reference, for any input.
        unchanged: narrowest without a changed output bit on the data.
        within: narrowest that loses at most so many points.
    """

    axis: str
    others: Setting
    proved: str | None
    unchanged: str | None
    within: str | None


@dataclass(frozen=True, slots=True)
class SweepResult:
    """What a sweep found.

    Attributes:
        model: the model's name.
        hardware: the profile that fields were changed in.
        axes: what varied.
        reference_setting: the reference's; None for sums that never overflow.
        reference: the reference's counts.
        rows: by setting, in the order asked for.
        runs: how many different arithmetics ran, the reference among them.
        points: how many points may be lost.
    """

    model: str
    hardware: str
    axes: tuple[Axis, ...]
    reference_setting: Setting | None
    reference: Tally
    rows: tuple[Row, ...]
    runs: int
    points: Fraction

    def lost(self, tally: Tally) -> Fraction:
        """Points of top-1 lost; without labels, samples whose class isn't the reference's."""
        if self.reference.labelled:
            return Fraction(100 * (self.reference.correct - tally.correct), self.reference.labelled)
        return Fraction(100 * (tally.samples - tally.same_class), max(tally.samples, 1))

    @property
    def marks(self) -> tuple[Mark, ...]:
        """For each axis and each setting of the others."""
        return tuple(mark for axis in self.varying for mark in self._marks_of(axis))

    @property
    def varying(self) -> tuple[Axis, ...]:
        """The axes of more than one value: nothing is narrower than an only one."""
        return tuple(axis for axis in self.axes if len(axis.values) > 1)

    def _marks_of(self, axis: Axis) -> Iterable[Mark]:
        groups: dict[tuple[tuple[str, str], ...], list[Row]] = {}
        for row in self.rows:
            groups.setdefault(_others(row.setting, axis), []).append(row)
        order = {value: place for place, value in enumerate(axis.ascending())}
        for others, group in groups.items():
            ordered = sorted(group, key=lambda row: order[row.setting[axis.name]])
            yield Mark(
                axis.name,
                dict(others),
                _first(axis, (row for row in ordered if row.proved)),
                _first(axis, (row for row in ordered if row.unchanged)),
                _first(axis, (row for row in ordered if self._within(row))),
            )

    def _within(self, row: Row) -> bool:
        return row.tally is not None and self.lost(row.tally) <= self.points

    @property
    def numeric(self) -> tuple[Axis, ...]:
        """Those of them whose values have a width."""
        return tuple(axis for axis in self.varying if axis.numeric)

    def cost(self, row: Row) -> Fraction | None:
        """The sum of the widths of all numeric axes; None where there is no such axis."""
        if not self.numeric:
            return None
        return sum(
            (width(row.setting[axis.name]) or Fraction(0) for axis in self.numeric), Fraction(0)
        )

    @property
    def front(self) -> frozenset[int]:
        """The rows that no other beats: as narrow and losing less, or as good and narrower."""
        by_cost: dict[Fraction, list[tuple[Fraction, int]]] = {}
        for number, row in enumerate(self.rows):
            cost = self.cost(row)
            if cost is not None and row.tally is not None:
                by_cost.setdefault(cost, []).append((self.lost(row.tally), number))
        found: set[int] = set()
        best: Fraction | None = None
        for _, alike in sorted(by_cost.items()):
            least = min(lost for lost, _ in alike)
            if best is None or least < best:
                best = least
                found |= {number for lost, number in alike if lost == least}
        return frozenset(found)


def marked(result: SweepResult, kind: str) -> list[tuple[str, ...]]:
    """By row, the axes along which it is the narrowest: ``proved``, ``unchanged`` or ``within``."""
    narrowest = {
        (mark.axis, tuple(mark.others.items())): getattr(mark, kind) for mark in result.marks
    }
    return [
        tuple(
            axis.name
            for axis in result.varying
            if narrowest[axis.name, _others(row.setting, axis)] == row.setting[axis.name]
        )
        for row in result.rows
    ]


def short_names(names: Sequence[str]) -> dict[str, str]:
    """The last words of each path that tell it from the others.

    >>> short_names(["contraction.overflow", "mean.accumulator_bits", "pair.accumulator_bits"])
    ... # doctest: +NORMALIZE_WHITESPACE
    {'contraction.overflow': 'overflow', 'mean.accumulator_bits': 'mean.accumulator_bits',
     'pair.accumulator_bits': 'pair.accumulator_bits'}
    """
    found: dict[str, str] = {}
    for name in names:
        steps = name.split("+")[0].split(".")
        endings = (".".join(steps[-count:]) for count in range(1, len(steps) + 1))
        found[name] = next((each for each in endings if _only_one_ends(names, each)), name)
    return found


def _only_one_ends(names: Sequence[str], ending: str) -> bool:
    return sum(f".{name.split('+')[0]}".endswith(f".{ending}") for name in names) == 1


def _first(axis: Axis, rows: Iterable[Row]) -> str | None:
    row = next(iter(rows), None)
    return None if row is None else row.setting[axis.name]


def _others(setting: Setting, axis: Axis) -> tuple[tuple[str, str], ...]:
    return tuple(item for item in setting.items() if item[0] != axis.name)
