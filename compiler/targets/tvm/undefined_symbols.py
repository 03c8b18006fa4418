# SPDX-License-Identifier: Apache-2.0
"""What an object needs from others: the undefined symbols of an ELF file of 32 bits."""

import struct
from collections.abc import Iterator
from pathlib import Path

_SYMBOL_TABLE = 2
_UNDEFINED = 0


def undefined_symbols(file: Path) -> list[str]:
    """The names that a linker has to find elsewhere, in order; of a little-endian file.

    Source: System V ABI, "Object Files": the ELF header, section headers, the symbol table.
    """
    content = file.read_bytes()
    if content[:6] != b"\x7fELF\x01\x01":
        raise ValueError(f"{file} is no ELF file of 32 bits")
    return sorted(set(_undefined(content)))


def _undefined(content: bytes) -> Iterator[str]:
    (start,) = struct.unpack_from("<I", content, 0x20)
    size, count = struct.unpack_from("<HH", content, 0x2E)
    sections = [
        struct.unpack_from("<IIIIIIIIII", content, start + number * size) for number in range(count)
    ]
    for section in sections:
        kind, offset, length, link = section[1], section[4], section[5], section[6]
        if kind != _SYMBOL_TABLE:
            continue
        names = sections[link][4]
        for name, _, _, _, _, place in struct.iter_unpack(
            "<IIIBBH", content[offset : offset + length]
        ):
            if name and place == _UNDEFINED:
                first = names + name
                yield content[first : content.index(b"\0", first)].decode()
