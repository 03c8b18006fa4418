# SPDX-License-Identifier: Apache-2.0
"""Sections and symbols of a 64-bit little-endian ELF object, as its format states them."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_SYMBOL_TABLE = 2
_LOCAL = 0
_UNDEFINED = 0


@dataclass(frozen=True)
class Section:
    name: str
    kind: int
    content: bytes
    link: int


@dataclass(frozen=True)
class Symbols:
    """Names that other objects see, or must have."""

    defined: set[str]
    undefined: set[str]


def sections(file: Path) -> list[str]:
    return [section.name for section in _sections(file)]


def symbols(file: Path) -> Symbols:
    found = Symbols(set(), set())
    all_sections = list(_sections(file))
    for table in all_sections:
        if table.kind != _SYMBOL_TABLE:
            continue
        names = all_sections[table.link].content
        for name, info, _, section, _, _ in struct.iter_unpack("<IBBHQQ", table.content):
            if info >> 4 != _LOCAL:
                group = found.undefined if section == _UNDEFINED else found.defined
                group.add(_text(names, name))
    return found


def _sections(file: Path) -> Iterator[Section]:
    content = file.read_bytes()
    assert content[:6] == b"\x7fELF\x02\x01"
    (start,) = struct.unpack_from("<Q", content, 0x28)
    size, count, names_at = struct.unpack_from("<HHH", content, 0x3A)
    headers = [
        struct.unpack_from("<IIQQQQIIQQ", content, start + number * size) for number in range(count)
    ]
    names = headers[names_at]
    for name, kind, _, _, offset, length, link, *_ in headers:
        held = content[offset : offset + length]
        yield Section(_text(content[names[4] :], name), kind, held, link)


def _text(table: bytes, at: int) -> str:
    return table[at : table.index(b"\0", at)].decode()
