# SPDX-License-Identifier: Apache-2.0
"""Settings from a file: a row of CSV each, or a ``[[setting]]`` table of TOML each."""

import csv
import io
import json
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import cast

from intaglio.commands.sweep.settings import MAXIMUM_SETTINGS, Setting
from intaglio.errors import InvalidFile

_MAXIMUM_BYTES = 1 << 24
_TABLE = "setting"


def load_settings(path: Path) -> tuple[Setting, ...]:
    """The settings in a ``.csv`` or ``.toml`` file; all of them set the same fields.

    CSV: fields in the heading, a setting in each row.  TOML: ``[[setting]]`` tables, whose keys are
    dotted paths; a table with a ``kind`` is a value.

    Raises:
        InvalidFile: it can't be read, holds no setting, or its settings differ in their fields.
    """
    text = _text(path)
    if path.suffix.lower() == ".csv":
        settings = _from_csv(path, text)
    elif path.suffix.lower() == ".toml":
        settings = _from_toml(path, text)
    else:
        raise InvalidFile(path, "it is neither .csv nor .toml", "name it after what it holds")
    if not settings or not settings[0]:
        raise InvalidFile(path, "it holds no setting", "write at least one")
    if len(settings) > MAXIMUM_SETTINGS:
        raise InvalidFile(path, f"it holds {len(settings):,} settings", "split it")
    names = set(settings[0])
    for number, setting in enumerate(settings, 1):
        if set(setting) != names:
            raise InvalidFile(
                path,
                f"setting {number} has not the fields of the first, {', '.join(settings[0])}",
                "give every setting the same fields",
            )
        for name, value in setting.items():
            if not value:
                raise InvalidFile(path, f"setting {number} has no {name}", "give it a value")
    return tuple({name: setting[name] for name in settings[0]} for setting in settings)


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > _MAXIMUM_BYTES:
            raise InvalidFile(path, "is larger than 16 MiB", "split it")
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidFile(path, f"can't be read ({error})", "give CSV or TOML in UTF-8") from None


def _from_csv(path: Path, text: str) -> list[dict[str, str]]:
    try:
        rows = [row for row in csv.reader(io.StringIO(text), strict=True) if any(row)]
    except csv.Error as error:
        raise InvalidFile(path, f"it is no CSV ({error})", "write fields and values") from None
    if not rows:
        return []
    names = ["".join(name.split()) for name in rows[0]]
    if not all(names) or len(set(names)) != len(names):
        raise InvalidFile(path, "its heading has no name or one twice", "name each field once")
    for number, row in enumerate(rows[1:], 1):
        if len(row) != len(names):
            raise InvalidFile(
                path, f"setting {number} has {len(row)} values", f"give it {len(names)}"
            )
    return [dict(zip(names, map(str.strip, row), strict=True)) for row in rows[1:]]


def _from_toml(path: Path, text: str) -> list[dict[str, str]]:
    try:
        tree = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidFile(path, f"it is no TOML ({error})", "write [[setting]] tables") from None
    tables: object = tree.get(_TABLE)
    if set(tree) != {_TABLE} or not isinstance(tables, list):
        raise InvalidFile(path, "it holds other things than [[setting]] tables", "write those")
    settings: list[dict[str, str]] = []
    for table in cast("list[object]", tables):
        fields = _table(table)
        if fields is None:
            raise InvalidFile(path, f"{_TABLE} has no tables", "write [[setting]]")
        settings.append(dict(_flat(fields, "")))
    return settings


def _flat(table: Mapping[str, object], prefix: str) -> Iterator[tuple[str, str]]:
    for key, value in table.items():
        inner = _table(value)
        if inner is None or "kind" in inner:
            yield f"{prefix}{key}", _written(value)
        else:
            yield from _flat(inner, f"{prefix}{key}.")


def _table(value: object) -> dict[str, object] | None:
    return cast("dict[str, object]", value) if isinstance(value, dict) else None


def _written(value: object) -> str:
    """The value as ``parse_value`` reads it back."""
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return value
        case dict():
            table = cast("dict[str, object]", value)
            pairs = (f"{json.dumps(key)} = {_nested(each)}" for key, each in table.items())
            return f"{{{', '.join(pairs)}}}"
        case list():
            items = cast("list[object]", value)
            return f"[{', '.join(_nested(each) for each in items)}]"
        case _:
            return str(value)


def _nested(value: object) -> str:
    return json.dumps(value) if isinstance(value, str) else _written(value)
