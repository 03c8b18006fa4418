# SPDX-License-Identifier: Apache-2.0
"""The arena over time: a rectangle for each value, steps to the right, addresses upward."""

from collections.abc import Iterator
from html import escape

from intaglio.compiler.targets.tvm.footprint.report import Footprint

_WIDTH, _HEIGHT, _LEFT, _BELOW = 960, 420, 90, 40
_COLORS = ("#4e79a7", "#f28e2b", "#59a14f", "#b07aa1", "#76b7b2", "#edc948", "#9c755f")


def arena_picture(found: Footprint) -> str:
    """An SVG picture; a title over each part says what it is."""
    return "\n".join(_parts(found)) + "\n"


def _parts(found: Footprint) -> Iterator[str]:
    width, height = _WIDTH + _LEFT + 10, _HEIGHT + _BELOW + 10
    across, up = _WIDTH / max(len(found.layers), 1), _HEIGHT / max(found.arena, 1)
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        'font-family="sans-serif" font-size="11">'
    )
    yield f'<rect width="{width}" height="{height}" fill="white"/>'
    for quarter in range(5):
        bytes = found.arena * quarter // 4
        y = 10 + _HEIGHT - bytes * up
        yield f'<line x1="{_LEFT}" x2="{_LEFT + _WIDTH}" y1="{y:.1f}" y2="{y:.1f}" stroke="#ccc"/>'
        yield f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{bytes:,}</text>'
    for number, place in enumerate(found.places):
        x, wide = _LEFT + place.first * across, (place.last - place.first + 1) * across
        high = place.size * up
        y = 10 + _HEIGHT - place.offset * up - high
        yield (
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{wide:.1f}" height="{high:.1f}" '
            f'fill="{_COLORS[number % len(_COLORS)]}" fill-opacity="0.75" stroke="white">'
            f"<title>{escape(place.layer)}: {place.size:,} bytes, "
            f"steps {place.first} to {place.last}</title></rect>"
        )
    for layer in found.layers:
        x = _LEFT + (layer.step + 0.5) * across
        yield (
            f'<text x="{x:.1f}" y="{_HEIGHT + 24}" text-anchor="middle">{layer.step}'
            f"<title>{escape(layer.name)}</title></text>"
        )
    yield f'<text x="{_LEFT}" y="{_HEIGHT + 42}">bytes of the arena by step</text>'
    yield "</svg>"
