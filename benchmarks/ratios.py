# SPDX-License-Identifier: Apache-2.0
"""Ratios as bars, in SVG."""

from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

WIDTH, LEFT, UNIT, HEIGHT = 760, 300, 130, 24
COLOURS = ("#4a6fa5", "#d08c45", "#6a9a58")


@dataclass(frozen=True, slots=True)
class Bar:
    """A ratio, and the rival that it is against."""

    label: str
    rival: str
    ratio: float


def picture(title: str, bars: Sequence[Bar]) -> str:
    """One bar a ratio, a colour a rival; the line is the rivals' speed."""
    rivals = list(dict.fromkeys(bar.rival for bar in bars))
    colours = dict(zip(rivals, COLOURS, strict=False))
    parts = [f'<text x="8" y="20">{escape(title)}</text>']
    for number, rival in enumerate(rivals):
        x = LEFT + 150 * number
        parts.append(f'<rect x="{x}" y="32" width="12" height="12" fill="{colours[rival]}"/>')
        parts.append(f'<text x="{x + 18}" y="43">against {escape(rival)}</text>')
    top = 60
    for number, bar in enumerate(bars):
        y, length = top + number * HEIGHT, bar.ratio * UNIT
        if number == 0 or bars[number - 1].label != bar.label:
            label = (
                f'<text x="{LEFT - 8}" y="{y + 14}" text-anchor="end">{escape(bar.label)}</text>'
            )
            parts.append(label)
        parts.append(
            f'<rect x="{LEFT}" y="{y}" width="{length:.1f}" height="18" '
            f'fill="{colours[bar.rival]}"/>'
            f'<text x="{LEFT + length + 6:.1f}" y="{y + 14}">{bar.ratio:.2f}</text>'
        )
    bottom = top + len(bars) * HEIGHT
    line = LEFT + UNIT
    parts.append(f'<line x1="{line}" y1="{top - 6}" x2="{line}" y2="{bottom}" stroke="#c33"/>')
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{bottom + 10}" '
        'font-family="sans-serif" font-size="13">'
    )
    return "\n".join([head, *parts, "</svg>", ""])
