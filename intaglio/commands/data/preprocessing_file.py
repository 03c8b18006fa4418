# SPDX-License-Identifier: Apache-2.0
"""Read a preprocessing file: strict TOML, its schema in ``docs/data.md``."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from enum import Enum
from importlib.resources import files
from pathlib import Path
from typing import TypeVar, cast

import numpy as np

from intaglio.commands.data.preprocessing_rules import (
    Channels,
    Crop,
    Geometry,
    Interpolation,
    Layout,
    Preprocessing,
    Resize,
    ResizeExact,
    ResizeShortSide,
)
from intaglio.errors import InvalidFile, InvalidOption

MAX_SIDE = 1 << 13
MAX_FILE_BYTES = 1 << 16

_SHIPPED = files("intaglio.commands.data.preprocessing")
# Well inside float32, so that neither a value nor its reciprocal is lost.
_LARGEST = 1e30
_SMALLEST = 1e-30

_DTYPES = ("float32", "int8", "uint8")

_Choice = TypeVar("_Choice", bound=Enum)


def shipped_preprocessings() -> tuple[str, ...]:
    """Return the names of the preprocessing files that come with Intaglio."""
    names = (Path(entry.name) for entry in _SHIPPED.iterdir())
    return tuple(sorted(name.stem for name in names if name.suffix == ".toml"))


def load_preprocessing(name_or_path: str | Path) -> Preprocessing:
    """Return what a shipped file (by name, ``torchvision``) or the user's own (by path) says.

    Raises:
        InvalidOption: if there is neither a shipped file of this name nor a file at this path.
        InvalidFile: if the file doesn't follow the schema of ``docs/data.md``.
    """
    shipped = shipped_preprocessings()
    if str(name_or_path) in shipped:
        text = (_SHIPPED / f"{name_or_path}.toml").read_text(encoding="utf-8")
        return parse_preprocessing(text, str(name_or_path))
    path = Path(name_or_path)
    if not path.is_file():
        raise InvalidOption(
            "--preprocessing",
            name_or_path,
            "no file is there and none of this name is shipped",
            f"give the path of a TOML file or one of {', '.join(shipped)}",
        )
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_FILE_BYTES + 1)
        text = data.decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidFile(
            path, f"it can't be read as text ({error})", "give a TOML file in UTF-8"
        ) from error
    if len(data) > MAX_FILE_BYTES:
        raise InvalidFile(path, f"it is larger than {MAX_FILE_BYTES} bytes", "give a TOML file")
    return parse_preprocessing(text, str(path))


def parse_preprocessing(text: str, source: str) -> Preprocessing:
    """Return what the TOML ``text`` says; ``source`` names it in messages.

    Raises:
        InvalidFile: for bad TOML, an unknown key, or a value that the schema doesn't allow.
    """
    try:
        content = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise InvalidFile(source, f"it is not TOML ({error})", "correct the syntax") from error
    except ValueError as error:  # Python reads no integer of thousands of digits
        raise InvalidFile(
            source, "it has an integer of too many digits", "write shorter numbers"
        ) from error
    table = _Table(source, "", content)
    table.require_known("channels", "layout", "dtype", "divisor", "mean", "std", "resize", "crop")
    channels = table.choice("channels", Channels) or Channels.RGB
    resize, crop = table.table("resize"), table.table("crop")
    if channels is Channels.AS_STORED and (resize or crop):
        raise table.invalid("channels", channels.value, "RGB, BGR or L, where resize or crop is")
    divisor = table.numbers("divisor", (1.0,), _SMALLEST)
    if len(divisor) != 1:
        raise table.invalid("divisor", list(divisor), "one number")
    return Preprocessing(
        geometry=Geometry(
            channels, _read_resize(resize) if resize else None, _read_crop(crop) if crop else None
        ),
        divisor=divisor[0],
        mean=table.numbers("mean", (0.0,)),
        std=table.numbers("std", (1.0,), _SMALLEST),
        layout=table.choice("layout", Layout),
        dtype=_read_dtype(table),
    )


def _read_resize(table: "_Table") -> Resize:
    table.require_known("short_side", "size", "interpolation")
    interpolation = table.choice("interpolation", Interpolation) or Interpolation.BILINEAR
    match table.content:
        case {"short_side": _, "size": _}:
            raise InvalidFile(table.source, "resize has both size and short_side", "keep one")
        case {"short_side": pixels}:
            return ResizeShortSide(table.side("short_side", pixels), interpolation)
        case _:
            return ResizeExact(*table.height_width("size"), interpolation)


def _read_crop(table: "_Table") -> Crop:
    table.require_known("size")
    return Crop(*table.height_width("size"))


def _read_dtype(table: "_Table") -> np.dtype[np.generic] | None:
    name = table.content.get("dtype")
    if name is None:
        return None
    if name not in _DTYPES:
        raise table.invalid("dtype", name, f"one of {', '.join(_DTYPES)}")
    return np.dtype(str(name))


def _shown(value: object) -> str:
    try:
        return repr(value)
    except ValueError:  # Python writes no integer of thousands of digits
        return "too long to be shown"


@dataclass(frozen=True, slots=True)
class _Table:
    """A table of the file, read key by key; each failure names its key."""

    source: str
    prefix: str
    content: Mapping[str, object]

    def invalid(self, key: str, found: object, expected: str) -> InvalidFile:
        return InvalidFile(
            self.source,
            f"{self.prefix}{key} is {'missing' if found is None else _shown(found)}",
            f"write {expected} (the schema is in docs/data.md)",
        )

    def require_known(self, *known: str) -> None:
        for key in self.content:
            if key in known:
                continue
            nearest = get_close_matches(key, known, n=1, cutoff=0)[0]
            raise InvalidFile(
                self.source,
                f"{self.prefix}{key} is no key of a preprocessing file",
                f"did you mean {self.prefix}{nearest}? known are {', '.join(known)}",
            )

    def table(self, key: str) -> "_Table | None":
        value = self.content.get(key)
        if value is None:
            return None
        if not isinstance(value, dict):
            raise self.invalid(key, value, f"a table, [{key}]")
        return _Table(self.source, f"{key}.", cast("dict[str, object]", value))

    def choice(self, key: str, kind: type[_Choice]) -> _Choice | None:
        value = self.content.get(key)
        if value is None:
            return None
        by_name = {member.value: member for member in kind}
        if not isinstance(value, str) or value not in by_name:
            raise self.invalid(key, value, f"one of {', '.join(by_name)}")
        return by_name[value]

    def numbers(
        self, key: str, default: tuple[float, ...], smallest: float = -_LARGEST
    ) -> tuple[float, ...]:
        value = self.content.get(key)
        if value is None:
            return default
        items = cast("list[object]", value) if isinstance(value, list) else [value]
        numbers = [
            float(item)
            for item in items
            if isinstance(item, int | float)
            and not isinstance(item, bool)
            and smallest <= item <= _LARGEST
        ]
        if not numbers or len(numbers) != len(items):
            span = f"from {smallest:g} to {_LARGEST:g}"
            raise self.invalid(
                key, self.content[key], f"a number {span}, or a list of one for each channel"
            )
        return tuple(numbers)

    def height_width(self, key: str) -> tuple[int, int]:
        value = self.content.get(key)
        items = cast("list[object]", value) if isinstance(value, list) else []
        if len(items) != 2:
            raise self.invalid(key, self.content.get(key), "[height, width]")
        return self.side(key, items[0]), self.side(key, items[1])

    def side(self, key: str, value: object) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= MAX_SIDE:
            raise self.invalid(key, value, f"whole pixels from 1 to {MAX_SIDE}")
        return value
