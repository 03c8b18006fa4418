# SPDX-License-Identifier: Apache-2.0
"""Write a synthetic set so that it is read again as any data, with a picture beside it."""

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from intaglio.commands.data import load_preprocessing
from intaglio.commands.output_files import require_writable, whole_file
from intaglio.commands.synthesis.contact_sheet import contact_sheet
from intaglio.commands.synthesis.pictures import Viewing
from intaglio.compiler.real.ranges.ranges import Range
from intaglio.compiler.synthesis.synthetic_set import SyntheticSet
from intaglio.errors import InvalidOption


@dataclass(frozen=True, slots=True)
class SavedSet:
    """What was written.

    Attributes:
        data: the ``.npz``.
        picture: the contact sheet; None where no input is an image.
        remarks: what isn't on the sheet.
    """

    data: Path
    picture: Path | None
    remarks: tuple[str, ...] = ()


def require_savable(option: str, path: Path) -> None:
    """Refuse a place for a set before any work.

    Raises:
        InvalidOption: the name doesn't end with ``.npz``.
        InvalidFile: nothing can be written there.
    """
    if path.suffix.lower() != ".npz":
        raise InvalidOption(option, path, "it would not be read again", "name a file ending .npz")
    require_writable(path)
    require_writable(_picture(path))


def save_set(
    made: SyntheticSet,
    path: Path,
    ranges: Mapping[str, Range],
    preprocessing: str | None = None,
) -> SavedSet:
    """Write the samples to ``path``, an array for each input, and a contact sheet beside it.

    Both are written, or neither.

    Args:
        made: the set.
        path: the ``.npz`` to write; the sheet has its name with ``.png``.
        ranges: what inputs range over, by name.
        preprocessing: that makes inputs of images: a shipped name or a TOML file.

    Raises:
        InvalidOption, InvalidFile: as ``require_savable``, or there is no such preprocessing.
    """
    require_savable("the file of data", path)
    rules = None if preprocessing is None else load_preprocessing(preprocessing)
    viewings = {name: Viewing(ranges[name], rules) for name in made.inputs}
    sheet = contact_sheet(made.inputs, viewings)
    picture = _picture(path)
    with whole_file(path) as data:
        with zipfile.ZipFile(data, "w", zipfile.ZIP_STORED) as archive:
            for name, array in made.inputs.items():
                with archive.open(f"{name}.npy", "w", force_zip64=True) as entry:
                    np.lib.format.write_array(entry, np.ascontiguousarray(array))
        if sheet.image is None:
            return SavedSet(path, None, sheet.remarks)
        with whole_file(picture) as partial:
            sheet.image.save(partial, format="PNG")
    return SavedSet(path, picture, sheet.remarks)


def _picture(path: Path) -> Path:
    return path.with_suffix(".png")
