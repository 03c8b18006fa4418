# SPDX-License-Identifier: Apache-2.0
"""Which image has which class: a table with a line for each image."""

import csv
from dataclasses import dataclass
from pathlib import Path

from intaglio.errors import InvalidFile

MAX_FILE_BYTES = 1 << 26

FILE_COLUMNS = ("file", "filename", "path", "image", "name")
LABEL_COLUMNS = ("label", "class", "class_id", "target")

_SEPARATORS = ("\t", ",", " ")


@dataclass(frozen=True, slots=True)
class LabelledName:
    """One line: an image's name as its folder or archive knows it, and its class index."""

    name: str
    label: int


def read_label_file(path: Path) -> tuple[LabelledName, ...]:
    """Return the lines of a label file, in their order.

    The separator is the first of tab, comma and space that the first line has.  A first line that
    names a column of ``FILE_COLUMNS`` and one of ``LABEL_COLUMNS`` is a header, and the first of
    each is used; without a header the columns are name and label, and any others are ignored.

    Raises:
        InvalidFile: if it can't be read, a line lacks a column, a label is no index, a name comes
            twice, or there is no line.
    """
    lines = _read_lines(path)
    separator = next((mark for mark in _SEPARATORS if mark in lines[0]), None)
    if separator is None:
        raise InvalidFile(
            path, f"line 1 has one column: {lines[0][:80]!r}", "write name, a tab, and the label"
        )
    rows = _split(path, lines, separator)
    lowered = [cell.strip().lower() for cell in rows[0]]
    file_column = next((lowered.index(c) for c in FILE_COLUMNS if c in lowered), None)
    label_column = next((lowered.index(c) for c in LABEL_COLUMNS if c in lowered), None)
    header = file_column is not None and label_column is not None
    if file_column is None or label_column is None:
        file_column, label_column = 0, 1
    entries: dict[str, LabelledName] = {}
    for line, row in enumerate(rows, 1):
        if not any(row) or (header and line == 1):
            continue
        entry = _read_row(path, line, row, file_column, label_column)
        if entry.name in entries:
            raise InvalidFile(
                path, f"line {line}: {entry.name!r} has a label already", "keep one line for it"
            )
        entries[entry.name] = entry
    if not entries:
        raise InvalidFile(path, "it names no image", "write a line for each image")
    return tuple(entries.values())


def _read_lines(path: Path) -> list[str]:
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_FILE_BYTES + 1)
        lines = data.decode("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidFile(
            path, f"it can't be read as text ({error})", "give a table of names and labels in UTF-8"
        ) from error
    if len(data) > MAX_FILE_BYTES:
        raise InvalidFile(path, f"it is larger than {MAX_FILE_BYTES} bytes", "split the data set")
    if not lines:
        raise InvalidFile(path, "it is empty", "write a line for each image: name, tab, label")
    return lines


def _split(path: Path, lines: list[str], separator: str) -> list[list[str]]:
    if separator == ",":
        reader = csv.reader(lines)
    else:
        reader = csv.reader(lines, delimiter=separator, quoting=csv.QUOTE_NONE)
    try:
        return list(reader)
    except csv.Error as error:
        raise InvalidFile(path, f"line {reader.line_num}: {error}", "correct the line") from error


def _read_row(
    path: Path, line: int, row: list[str], file_column: int, label_column: int
) -> LabelledName:
    if len(row) <= max(file_column, label_column):
        raise InvalidFile(
            path,
            f"line {line} has {len(row)} column(s)",
            f"give the name in column {file_column + 1} and the label in {label_column + 1}",
        )
    text = row[label_column].strip()
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise InvalidFile(
            path,
            f"line {line}, column {label_column + 1}: label {text[:80]!r} is no class index",
            "write a whole number from 0, in the second column or under a heading "
            + " or ".join(LABEL_COLUMNS),
        )
    return LabelledName(row[file_column].strip(), int(text))
