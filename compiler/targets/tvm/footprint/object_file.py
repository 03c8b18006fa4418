# SPDX-License-Identifier: Apache-2.0
"""Bytes of an ELF object by where a linker puts them, and of each of its functions.

Source: System V ABI, generic ELF specification, chapters 4 (object files) and 5 (loading).
"""

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

_SYMBOL_TABLE, _NO_CONTENT = 2, 8
_WRITE, _ALLOCATE, _EXECUTE = 1, 2, 4
_FUNCTION = 2


@dataclass(frozen=True, slots=True)
class ObjectFile:
    """Sizes in bytes.

    Attributes:
        code: of executable sections, with the padding and the literals between functions.
        constants: of data that nobody writes.
        data: of data that has a first value, and needs flash and RAM.
        zeroed: of data that starts as zeros.
        functions: the code of each function, by symbol.
    """

    code: int
    constants: int
    data: int
    zeroed: int
    functions: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class _Section:
    kind: int
    flags: int
    offset: int
    size: int
    link: int


def read_object(content: bytes) -> ObjectFile:
    """The sizes of a little-endian object of 32 or 64 bits.

    Raises:
        ValueError: it is no such object.
    """
    if content[:4] != b"\x7fELF" or content[5] != 1:
        raise ValueError("no little-endian ELF object")
    wide = content[4] == 2
    sections = list(_sections(content, wide))
    sizes = {"code": 0, "constants": 0, "data": 0, "zeroed": 0}
    for section in sections:
        if section.flags & _ALLOCATE:
            sizes[_place(section)] += section.size
    return ObjectFile(functions=dict(_functions(content, sections, wide)), **sizes)


def _place(section: _Section) -> str:
    if section.flags & _EXECUTE:
        return "code"
    if not section.flags & _WRITE:
        return "constants"
    return "zeroed" if section.kind == _NO_CONTENT else "data"


def _sections(content: bytes, wide: bool) -> Iterator[_Section]:
    (start,) = struct.unpack_from("<Q" if wide else "<I", content, 0x28 if wide else 0x20)
    size, count = struct.unpack_from("<HH", content, 0x3A if wide else 0x2E)
    form = "<IIQQQQIIQQ" if wide else "<IIIIIIIIII"
    for number in range(count):
        header = struct.unpack_from(form, content, start + number * size)
        _, kind, flags, _, offset, length, link, *_ = header
        yield _Section(kind, flags, offset, length, link)


def _functions(content: bytes, sections: list[_Section], wide: bool) -> Iterator[tuple[str, int]]:
    for table in sections:
        if table.kind != _SYMBOL_TABLE:
            continue
        names = sections[table.link].offset
        entries = content[table.offset : table.offset + table.size]
        for entry in struct.iter_unpack("<IBBHQQ" if wide else "<IIIBBH", entries):
            name, info, section, size = (
                (entry[0], entry[1], entry[3], entry[5])
                if wide
                else (entry[0], entry[3], entry[5], entry[2])
            )
            if info & 15 == _FUNCTION and section:
                at = names + name
                yield content[at : content.index(b"\0", at)].decode(), size
