# SPDX-License-Identifier: Apache-2.0
"""What width buys: loss over width with the Pareto front, and flipped bits over width, in SVG."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

from intaglio.commands.sweep.result import Row, SweepResult, short_names

_PANEL, _HEIGHT, _LEFT, _GAP, _TOP, _BOTTOM = 400, 300, 70, 90, 60, 60
_LINE = 18
_COLOURS = ("#3a6ea5", "#c0703a", "#59a14f", "#b07aa1", "#4e4e4e", "#edc948", "#76b7b2", "#9c755f")
_GRID, _INK = "#dddddd", "#333333"
_QUARTERS = 4


@dataclass(frozen=True, slots=True)
class _Point:
    """A setting: where it lies, in which series, and whether it is on the front."""

    across: float
    up: float
    series: str
    front: bool
    title: str


@dataclass(frozen=True, slots=True)
class _Panel:
    """A frame that data is drawn into, the y axis starting at 0."""

    left: float
    lowest: float
    highest: float
    top: float

    def x(self, across: float) -> float:
        span = self.highest - self.lowest or 1.0
        return self.left + 12 + (across - self.lowest) / span * (_PANEL - 24)

    def y(self, up: float) -> float:
        return _TOP + _HEIGHT - 10 - up / (self.top or 1.0) * (_HEIGHT - 20)


def pareto_picture(result: SweepResult) -> str:
    """Two panels: points lost, and the share of output bits that flip, over the width.

    The width is the sum of all numeric axes; without such an axis it is the setting's number.
    Settings of equal words are one series.
    """
    names = short_names([axis.name for axis in result.axes])
    numeric = [axis.name for axis in result.numeric]
    across = " + ".join(names[name] for name in numeric) or "setting"
    lost = "points of top-1 lost" if result.reference.labelled else "% of samples in another class"
    panels = (
        (lost, _points(result, names, lambda row: max(0.0, _lost(result, row)), front=True)),
        ("% of output bits flipped", _points(result, names, _flipped, front=False)),
    )
    series = list(dict.fromkeys(point.series for _, points in panels for point in points))
    colours = {name: _COLOURS[place % len(_COLOURS)] for place, name in enumerate(series)}
    width = _LEFT + 2 * _PANEL + _GAP + 20
    height = _TOP + _HEIGHT + _BOTTOM + _LINE * len(series)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12">',
        '<rect width="100%" height="100%" fill="white"/>',
        _text(12, 24, f"{result.model}, {result.hardware}: {len(result.rows)} settings", size=15),
    ]
    for number, (name, points) in enumerate(panels):
        parts += _panel(_LEFT + number * (_PANEL + _GAP), name, across, points, colours)
    for place, name in enumerate(series):
        y = _TOP + _HEIGHT + _BOTTOM + _LINE * place
        parts.append(f'<circle cx="{_LEFT}" cy="{y - 4}" r="4" fill="{colours[name]}"/>')
        parts.append(_text(_LEFT + 10, y, name or "all settings"))
    return "\n".join([*parts, "</svg>", ""])


def _lost(result: SweepResult, row: Row) -> float:
    return 0.0 if row.tally is None else float(result.lost(row.tally))


def _flipped(row: Row) -> float:
    return 0.0 if row.tally is None else 100 * row.tally.differing_bits / max(row.tally.bits, 1)


def _points(
    result: SweepResult, names: dict[str, str], up: Callable[[Row], float], *, front: bool
) -> list[_Point]:
    words = [axis.name for axis in result.axes if not axis.numeric]
    on_front = result.front if front else frozenset[int]()
    points: list[_Point] = []
    for number, row in enumerate(result.rows):
        if row.tally is None:
            continue
        cost = result.cost(row)
        title = ", ".join(f"{names[name]}={value}" for name, value in row.setting.items())
        points.append(
            _Point(
                float(number if cost is None else cost),
                up(row),
                ", ".join(row.setting[name] for name in words),
                number in on_front,
                f"{title}: {up(row):g}",
            )
        )
    return points


def _panel(
    left: float, name: str, across: str, points: Sequence[_Point], colours: dict[str, str]
) -> list[str]:
    places = [point.across for point in points] or [0.0]
    frame = _Panel(left, min(places), max(places), max((point.up for point in points), default=0.0))
    bottom = _TOP + _HEIGHT
    parts = [_text(left, _TOP - 12, name, size=13)]
    for quarter in range(_QUARTERS + 1):
        value = frame.top * quarter / _QUARTERS
        parts.append(_line(left, frame.y(value), left + _PANEL, frame.y(value), _GRID))
        parts.append(_text(left - 6, frame.y(value) + 4, f"{value:.3g}", anchor="end"))
    ticks = sorted(set(places))
    for tick in ticks if len(ticks) <= 12 else (ticks[0], ticks[-1]):
        parts.append(_text(frame.x(tick), bottom + 16, f"{tick:g}", anchor="middle"))
    parts.append(_text(left + _PANEL / 2, bottom + 34, across, anchor="middle"))
    parts += _front(frame, points)
    for point in points:
        colour = colours[point.series]
        ring = _INK if point.front else colour
        parts.append(
            f'<circle cx="{frame.x(point.across):.1f}" cy="{frame.y(point.up):.1f}" r="4" '
            f'fill="{colour}" fill-opacity="0.7" stroke="{ring}">'
            f"<title>{escape(point.title)}</title></circle>"
        )
    return parts


def _front(frame: _Panel, points: Sequence[_Point]) -> list[str]:
    """The front as a stair."""
    ends = sorted({(point.across, point.up) for point in points if point.front})
    if len(ends) < 2:
        return []
    steps = [f"M{frame.x(ends[0][0]):.1f} {frame.y(ends[0][1]):.1f}"]
    steps += [f"H{frame.x(across):.1f}V{frame.y(up):.1f}" for across, up in ends[1:]]
    return [f'<path d="{"".join(steps)}" fill="none" stroke="{_INK}" stroke-dasharray="4 3"/>']


def _line(x1: float, y1: float, x2: float, y2: float, colour: str) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}"/>'


def _text(x: float, y: float, said: str, *, anchor: str = "start", size: int = 12) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" '
        f'fill="{_INK}">{escape(said)}</text>'
    )
