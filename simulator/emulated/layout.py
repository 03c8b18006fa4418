# SPDX-License-Identifier: Apache-2.0
"""Where tensors lie in the memory of an emulated program, with guards between them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from intaglio.simulator.emulated.boards import Memories, Region

GUARD = 64
"""Bytes at least that are guarded before and behind each tensor."""

_ALIGNMENT = 64


@dataclass(frozen=True, slots=True)
class Buffer:
    """Tensors one after another.

    Attributes:
        places: offset of each in bytes.
        sizes: bytes of each.
        size: bytes of the buffer.
    """

    places: tuple[int, ...]
    sizes: tuple[int, ...]
    size: int

    def regions(self, start: int) -> tuple[Region, ...]:
        """The tensors alone, where the buffer begins at an address."""
        pairs = zip(self.places, self.sizes, strict=True)
        return tuple(Region(start + place, size) for place, size in pairs)


def buffer(sizes: Iterable[int]) -> Buffer:
    """A buffer for tensors of these bytes, each aligned."""
    places: list[int] = []
    known = tuple(sizes)
    end = 0
    for size in known:
        places.append(-(-(end + GUARD) // _ALIGNMENT) * _ALIGNMENT)
        end = places[-1] + size
    return Buffer(tuple(places), known, end + GUARD)


def memory_header(inputs: Buffer, outputs: Buffer, arena: Buffer) -> str:
    """``memory.h``."""
    facts: Mapping[str, object] = {
        "INPUTS": len(inputs.sizes),
        "OUTPUTS": len(outputs.sizes),
        "INPUT_PLACES": _braces(inputs.places),
        "INPUT_SIZES": _braces(inputs.sizes),
        "OUTPUT_PLACES": _braces(outputs.places),
        "OUTPUT_SIZES": _braces(outputs.sizes),
        "GIVEN_SIZE": inputs.size,
        "FOUND_SIZE": outputs.size,
        "ARENA_SIZE": arena.size,
        "ARENA_PLACE": arena.places[0],
    }
    return "".join(f"#define {name} {value}\n" for name, value in facts.items())


def _braces(values: Iterable[int]) -> str:
    # C has no empty arrays.
    return "{" + ", ".join(map(str, [*values, 0])) + "}"


def linker_script(memories: Memories) -> str:
    """Where a bare program lies: the network's constants, tensors and arena in the large memory."""
    code, data, large = memories.code, memories.data, memories.large
    return f"""
MEMORY {{
 CODE (rx) : ORIGIN = {code.start:#x}, LENGTH = {code.size:#x}
 RAM (rwx) : ORIGIN = {data.start:#x}, LENGTH = {data.size:#x}
 LARGE (rwx) : ORIGIN = {large.start:#x}, LENGTH = {large.size:#x}
}}
ENTRY(vectors)
SECTIONS {{
 .constants : ALIGN(64) {{ *network.o(.rodata*) }} >LARGE
 .buffers (NOLOAD) : ALIGN(64) {{ *program.o(.bss* COMMON) }} >LARGE
 .text : {{ KEEP(*(.vectors)) *(.text*) *(.rodata*) }} >CODE
 .ARM.exidx : {{ *(.ARM.exidx*) }} >CODE
 .data : {{ data_start = .; *(.data*) . = ALIGN(4); data_end = .; }} >RAM AT>CODE
 data_load = LOADADDR(.data);
 .bss (NOLOAD) : {{ bss_start = .; *(.bss*) *(COMMON) . = ALIGN(4); bss_end = .; }} >RAM
 stack_top = ORIGIN(RAM) + LENGTH(RAM);
}}
"""
