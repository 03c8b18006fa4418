# SPDX-License-Identifier: Apache-2.0
"""The width of every layer's channels as boxes on a logarithmic axis, in SVG."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, log10
from xml.sax.saxutils import escape

import numpy as np

from intaglio.commands.diagnose.weights import LayerRanges, Reals

_ROW, _PANEL, _GAP, _TOP, _BOTTOM = 22, 430, 56, 66, 48
_LETTER, _MOST_LETTERS = 6.6, 44
_DECADES = 5
"""What is narrower than the widest channel by more than this is counted, not drawn."""
_BEFORE, _AFTER, _GRID, _INK = "#c0703a", "#3a6ea5", "#dddddd", "#333333"
_ENDS = (5, 95)


@dataclass(frozen=True, slots=True)
class _Axis:
    """A logarithmic axis: from ``low`` to ``high`` in powers of ten, ``left`` being its start."""

    low: int
    high: int
    left: float

    def at(self, width: float) -> float:
        share = (log10(width) - self.low) / (self.high - self.low)
        return self.left + share * _PANEL


def weight_ranges_picture(title: str, layers: Sequence[LayerRanges]) -> str:
    """A row for each layer: max |weight| of its output channels, before and after a recipe.

    The box holds the middle half of the channels with their median, the line 90 in 100 of them;
    the others are dots. The right panel is left out where the recipe changed no range.
    """
    changed = any(layer.changed for layer in layers)
    columns = [("weights as given", _BEFORE, [layer.before for layer in layers])]
    if changed:
        after = [np.zeros(0) if layer.after is None else layer.after for layer in layers]
        columns.append(("weights as quantized", _AFTER, after))
    low, high = _decades([row for _, _, rows in columns for row in rows])
    labels = [_shortened(layer.node) for layer in layers]
    left = 12 + _LETTER * max([len(label) for label in labels], default=0)
    bottom = _TOP + _ROW * len(layers)
    parts = [_text(12, 22, title, size=15)]
    for number, label in enumerate(labels):
        parts.append(_text(left - 8, _middle(number) + 4, label, anchor="end"))
    for number, (name, colour, rows) in enumerate(columns):
        axis = _Axis(low, high, left + number * (_PANEL + _GAP))
        parts.append(_text(axis.left, 46, name, size=13))
        parts += _grid(axis, bottom)
        for index, row in enumerate(rows):
            parts += _row(axis, _middle(index), row, colour)
        label = "largest |weight| of each output channel"
        parts.append(_text(axis.left + _PANEL / 2, bottom + 38, label, anchor="middle"))
    width = left + len(columns) * (_PANEL + _GAP)
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{bottom + _BOTTOM}" '
        f'viewBox="0 0 {width:.0f} {bottom + _BOTTOM}" font-family="sans-serif" font-size="12">'
    )
    background = '<rect width="100%" height="100%" fill="white"/>'
    return "\n".join([head, background, *parts, "</svg>", ""])


def _decades(rows: Sequence[Reals]) -> tuple[int, int]:
    """The powers of ten around what is drawn."""
    widths = np.concatenate([np.zeros(0), *rows])
    positive = widths[widths > 0]
    if not positive.size:
        return -1, 0
    high = ceil(log10(float(positive.max())))
    low = max(floor(log10(float(positive.min()))), high - _DECADES)
    return (low, high) if low < high else (high - 1, high)


def _row(axis: _Axis, y: float, widths: Reals, colour: str) -> list[str]:
    drawn = widths[widths >= 10.0**axis.low]
    parts: list[str] = []
    hidden = int(widths.size - drawn.size)
    if hidden:
        zero = int(np.count_nonzero(widths == 0))
        said = f"{zero} zero" if zero == hidden else f"{hidden} narrower"
        parts.append(_text(axis.left + 2, y + 4, said, size=10, colour=colour))
    if not drawn.size:
        return parts
    first, lower, median, upper, last = np.percentile(drawn, [_ENDS[0], 25, 50, 75, _ENDS[1]])
    a, b, m, c, d = (axis.at(float(width)) for width in (first, lower, median, upper, last))
    parts += [
        _line(a, y, d, y, colour),
        f'<rect x="{b:.1f}" y="{y - 5:.1f}" width="{max(c - b, 1):.1f}" height="10" '
        f'fill="{colour}" fill-opacity="0.35" stroke="{colour}"/>',
        _line(m, y - 6, m, y + 6, colour, 2),
    ]
    outside = drawn[(drawn < first) | (drawn > last)]
    parts += [
        f'<circle cx="{axis.at(float(width)):.1f}" cy="{y:.1f}" r="1.8" fill="{colour}"/>'
        for width in outside
    ]
    return parts


def _grid(axis: _Axis, bottom: float) -> list[str]:
    parts: list[str] = []
    for power in range(axis.low, axis.high + 1):
        x = axis.at(10.0**power)
        parts.append(_line(x, _TOP - 6, x, bottom, _GRID))
        parts.append(_text(x, bottom + 18, f"{10.0**power:g}", anchor="middle", size=11))
    return parts


def _middle(number: int) -> float:
    return _TOP + _ROW * number + _ROW / 2


def _shortened(name: str) -> str:
    """The end of a long name, which tells more than its beginning."""
    return name if len(name) <= _MOST_LETTERS else "…" + name[1 - _MOST_LETTERS :]


def _line(x1: float, y1: float, x2: float, y2: float, colour: str, width: int = 1) -> str:
    return (
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" '
        f'stroke="{colour}" stroke-width="{width}"/>'
    )


def _text(
    x: float, y: float, said: str, *, anchor: str = "start", size: int = 12, colour: str = _INK
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" '
        f'fill="{colour}">{escape(said)}</text>'
    )
