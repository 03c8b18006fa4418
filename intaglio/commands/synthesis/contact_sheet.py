# SPDX-License-Identifier: Apache-2.0
"""All samples of a set on one picture, for a person to look at."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil, sqrt

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from intaglio.commands.synthesis.pictures import Viewing, pictures

_MOST_SAMPLES = 64  # of an input
_MOST_WIDTH = 2048
_BORDER = 2
_HEADING = 16
_BACKGROUND, _INK = (255, 255, 255), (0, 0, 0)


@dataclass(frozen=True, slots=True, eq=False)
class ContactSheet:
    """The picture, None where no input can be shown, and why inputs are left out."""

    image: Image.Image | None
    remarks: tuple[str, ...]


def contact_sheet(
    inputs: Mapping[str, NDArray[np.float32]], viewings: Mapping[str, Viewing]
) -> ContactSheet:
    """The first samples of each input in a grid below its name.

    Args:
        inputs: samples by input name, ``[n, ...]``.
        viewings: how each input's numbers become pixels.
    """
    blocks: list[Image.Image] = []
    remarks: list[str] = []
    for name, samples in inputs.items():
        shape = ", ".join(map(str, samples.shape[1:]))
        tiles = pictures(samples[:_MOST_SAMPLES], viewings[name])
        if tiles is None:
            remarks.append(f"input {name} [{shape}] is no image, and isn't pictured")
            continue
        counted = f"{len(tiles)} of {len(samples)}" if len(tiles) < len(samples) else len(tiles)
        blocks.append(_block(f"{name} [{shape}], {counted} samples", tiles))
    return ContactSheet(_stacked(blocks) if blocks else None, tuple(remarks))


def _block(heading: str, tiles: Sequence[Image.Image]) -> Image.Image:
    """The tiles in rows, each with a border."""
    width, height = (side + _BORDER for side in tiles[0].size)
    # About as wide as high, whatever the proportions of a tile.
    columns = ceil(sqrt(len(tiles) * height / width))
    columns = max(1, min(columns, len(tiles), (_MOST_WIDTH - _BORDER) // width))
    rows = ceil(len(tiles) / columns)
    # The default font has an outline for Latin letters alone.
    text = heading.encode("ascii", "replace").decode()
    drawn = int(ImageDraw.Draw(Image.new("RGB", (1, 1))).textlength(text)) + 2 * _BORDER
    size = max(columns * width + _BORDER, drawn), _HEADING + rows * height + _BORDER
    block = Image.new("RGB", size, _BACKGROUND)
    ImageDraw.Draw(block).text((_BORDER, _BORDER), text, fill=_INK)
    for index, tile in enumerate(tiles):
        row, column = divmod(index, columns)
        place = _BORDER + column * width, _HEADING + _BORDER + row * height
        block.paste(_INK, (place[0] - 1, place[1] - 1, place[0] + width - 1, place[1] + height - 1))
        block.paste(tile, place)
    return block


def _stacked(blocks: Sequence[Image.Image]) -> Image.Image:
    size = max(block.width for block in blocks), sum(block.height for block in blocks)
    sheet = Image.new("RGB", size, _BACKGROUND)
    top = 0
    for block in blocks:
        sheet.paste(block, (0, top))
        top += block.height
    return sheet
