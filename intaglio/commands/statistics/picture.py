# SPDX-License-Identifier: Apache-2.0
"""How many bits the sums of every layer left free, as a picture in SVG."""

from collections.abc import Sequence
from math import log
from xml.sax.saxutils import escape

from intaglio.commands.statistics.layers import LayerStatistics

_ROW, _CELL, _TOP, _BOTTOM = 22, 26, 66, 44
_LETTER, _MOST_LETTERS = 6.6, 44
_FITS, _OVERFLOWED, _INK, _GRID = "#3a6ea5", "#c0303a", "#333333", "#dddddd"


def headroom_picture(title: str, found: Sequence[LayerStatistics]) -> str:
    """A row for each sum: a cell for each number of free bits, as dark as it is frequent.

    Darkness is logarithmic in the count. What lies left of 0, in red, overflowed.
    """
    rows = [(layer.layer, layer.sums.headroom) for layer in found if layer.sums is not None]
    free = [bits for _, headroom in rows for bits in headroom]
    first, last = min([0, *free]), max([0, *free])
    labels = [_shortened(name) for name, _ in rows]
    left = 12 + _LETTER * max([len(label) for label in labels], default=0)
    bottom = _TOP + _ROW * len(rows)
    parts = [_text(12, 22, title, size=15)]
    for bits in range(first, last + 1):
        x = left + _CELL * (bits - first) + _CELL / 2
        parts.append(_text(x, _TOP - 10, str(bits), anchor="middle", size=11))
    zero = left + _CELL * -first
    parts.append(
        f'<line x1="{zero:.1f}" y1="{_TOP - 4}" x2="{zero:.1f}" y2="{bottom}" stroke="{_INK}"/>'
    )
    for number, (label, (_, headroom)) in enumerate(zip(labels, rows, strict=True)):
        y = _TOP + _ROW * number
        parts.append(_text(left - 8, y + _ROW / 2 + 4, label, anchor="end"))
        most = max(headroom.values(), default=1)
        for bits, count in headroom.items():
            share = log(1 + count) / log(1 + most)
            colour = _OVERFLOWED if bits < 0 else _FITS
            parts.append(
                f'<rect x="{left + _CELL * (bits - first):.1f}" y="{y + 2}" width="{_CELL}" '
                f'height="{_ROW - 4}" fill="{colour}" fill-opacity="{share:.3f}" '
                f'stroke="{_GRID}"><title>{count:,} sums, {bits} bits free</title></rect>'
            )
    width = left + _CELL * (last - first + 1) + 20
    label = "bits of the accumulator that the exact sum leaves free"
    parts.append(_text(left, bottom + 28, label))
    width = max(width, left + _LETTER * len(label) + 20)
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{bottom + _BOTTOM}" '
        f'viewBox="0 0 {width:.0f} {bottom + _BOTTOM}" font-family="sans-serif" font-size="12">'
    )
    background = '<rect width="100%" height="100%" fill="white"/>'
    return "\n".join([head, background, *parts, "</svg>", ""])


def _shortened(name: str) -> str:
    """The end of a long name, which tells more than its beginning."""
    return name if len(name) <= _MOST_LETTERS else "…" + name[1 - _MOST_LETTERS :]


def _text(x: float, y: float, said: str, *, anchor: str = "start", size: int = 12) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" '
        f'fill="{_INK}">{escape(said)}</text>'
    )
