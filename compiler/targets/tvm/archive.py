# SPDX-License-Identifier: Apache-2.0
"""Static libraries: objects in an archive with an index of symbols, as linkers for ELF read them.

The format is that of System V's and GNU's ``ar``: a line ``!<arch>``, then members at even places,
each behind a header of text.  The first member, ``/``, is the index: how many symbols there are,
the place of the member that defines each one, all big-endian, then their names.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass

_MAGIC = b"!<arch>\n"
_HEADER = 60
_MOST_NAME = 15


@dataclass(frozen=True, slots=True)
class Member:
    """An object in an archive.

    Attributes:
        name: of the file.
        content: its bytes.
        symbols: what it defines for others.
    """

    name: str
    content: bytes
    symbols: Sequence[str]


def archive(members: Sequence[Member]) -> bytes:
    """The bytes of a static library; the same for the same members, at all times and places."""
    names, places = _long_names(members)
    index_size = 4 + sum(4 + len(symbol) + 1 for m in members for symbol in m.symbols)
    start = len(_MAGIC) + _HEADER + _even(index_size)
    start += _HEADER + _even(len(names)) if names else 0
    offsets: list[int] = []
    for member in members:
        offsets += [start] * len(member.symbols)
        start += _HEADER + _even(len(member.content))
    index = struct.pack(f">I{len(offsets)}I", len(offsets), *offsets)
    index += b"".join(symbol.encode() + b"\0" for m in members for symbol in m.symbols)
    parts = [_MAGIC, _member("/", index, mode="0")]
    if names:
        parts.append(_member("//", names, mode=""))
    parts += [_member(place, member.content) for place, member in zip(places, members, strict=True)]
    return b"".join(parts)


def _long_names(members: Sequence[Member]) -> tuple[bytes, list[str]]:
    """The table of names that don't fit a header, and what stands in each header for a name."""
    table = b""
    places: list[str] = []
    for member in members:
        if len(member.name) <= _MOST_NAME:
            places.append(f"{member.name}/")
        else:
            places.append(f"/{len(table)}")
            table += f"{member.name}/\n".encode()
    return table, places


def _member(name: str, content: bytes, mode: str = "644") -> bytes:
    time, user, group = ("0", "0", "0") if mode else ("", "", "")
    header = f"{name:<16}{time:<12}{user:<6}{group:<6}{mode:<8}{len(content):<10}`\n"
    padding = b"\n" * (_even(len(content)) - len(content))
    return header.encode() + content + padding


def _even(size: int) -> int:
    return size + size % 2
