# SPDX-License-Identifier: Apache-2.0
"""A linked program: where its functions lie, and what of it came from one object."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from intaglio.simulator.emulated.boards import Region

_SECTION = re.compile(r"^ (\.\S+)\s+0x([0-9a-f]+)\s+0x([0-9a-f]+) (\S+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Image:
    """A linked program.

    Attributes:
        functions: of the network's object, by name.
        main: of the program around it.
        buffers: ``given``, ``found`` and ``arena`` by name, whole.
        pointers: to inputs and outputs.
        sections: of the network's object, with their names, as they were linked.
    """

    functions: Mapping[str, Region]
    main: Region
    buffers: Mapping[str, Region]
    pointers: tuple[Region, ...]
    sections: tuple[tuple[str, Region], ...]


def read_image(own_names: str, names: str, link_map: str, network: str) -> Image:
    """What ``nm`` says of the object, what ``nm -S`` says of the program, and the linker's map."""
    own = {line.split()[-1] for line in own_names.splitlines() if line}
    functions: dict[str, Region] = {}
    others: dict[str, Region] = {}
    for kind, name, region in _symbols(names):
        if name in own and kind in "tTW":
            # The lowest bit marks Thumb.
            functions[name] = Region(region.start & ~1, region.size)
        else:
            others[name] = region
    main = Region(others["main"].start & ~1, others["main"].size)
    buffers = {name: others[name] for name in ("given", "found", "arena")}
    pointers = others["inputs"], others["outputs"]
    return Image(functions, main, buffers, pointers, tuple(_sections(link_map, network)))


def _symbols(text: str) -> Iterator[tuple[str, str, Region]]:
    for line in text.splitlines():
        match line.split():
            case [address, size, kind, name]:
                yield kind, name, Region(int(address, 16), int(size, 16))
            case _:
                pass


def _sections(link_map: str, network: str) -> Iterator[tuple[str, Region]]:
    # A long name stands on a line of its own.
    joined = re.sub(r"^( \.\S+)\n\s+", r"\1 ", link_map, flags=re.MULTILINE)
    for name, address, size, file in _SECTION.findall(joined):
        # Equal constants of several objects are linked once, under the first one's name.
        if int(size, 16) and (file == network or name.startswith(".rodata.cst")):
            yield name, Region(int(address, 16), int(size, 16))
