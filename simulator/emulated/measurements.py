# SPDX-License-Identifier: Apache-2.0
"""What QEMU's plugins are told of a program, and what they found."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from intaglio.simulator.emulated.image import Image
from intaglio.simulator.emulated.layout import Buffer


@dataclass(frozen=True, slots=True)
class Instructions:
    """What one inference executes.

    Attributes:
        total: instructions from the call to the return, with what it calls in the C library.
        by_function: those within each function of the object, by symbol.
        by_step: those of each step of the network, in the order of the manifest's kernels, with all
            that its functions call; empty where calls and steps don't match.
    """

    total: int
    by_function: Mapping[str, int]
    by_step: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Accesses:
    """How one inference uses memory.

    Attributes:
        stack: bytes below the caller's, at the deepest.
        strays: a sentence for each of the first accesses outside of inputs, outputs, arena,
            constants and stack.
    """

    stack: int
    strays: tuple[str, ...]


def functions_text(image: Image, network: str) -> str:
    """The functions as ``counting.c`` wants them."""
    lines = [
        f"{region.start:x} {region.end:x} {_kind(name, network)}\n"
        for name, region in image.functions.items()
    ]
    return "".join([*lines, f"{image.main.start:x} {image.main.end:x} m\n"])


def _kind(function: str, network: str) -> str:
    if function == f"{network}_run":
        return "r"
    return "k" if function.startswith(f"{network}_kernel_") else "o"


def read_counts(
    once: str, twice: str, functions: Sequence[str], calls: Sequence[Sequence[str]]
) -> Instructions:
    """The counts of one inference from those of one and of two.

    Args:
        once: the result of ``counting.c``.
        twice: likewise, of two inferences.
        functions: in the order that it was given.
        calls: by step, the functions that it calls.
    """
    first, second = ([int(line) for line in text.split()] for text in (once, twice))
    total, *each = (two - one for one, two in zip(first, second, strict=True))
    # Behind the functions: the program's main, the calling function, then call after call.
    by_call = each[len(functions) + 2 :]
    by_function = dict(zip(functions, each[: len(functions)], strict=True))
    return Instructions(total, by_function, tuple(_by_step(by_call, calls)))


def _by_step(by_call: Sequence[int], calls: Sequence[Sequence[str]]) -> Iterator[int]:
    if len(by_call) != sum(map(len, calls)):
        return
    counts = iter(by_call)
    for functions in calls:
        yield sum(next(counts) for _ in functions)


def regions_text(image: Image, buffers: Mapping[str, Buffer], network: str) -> str:
    """The regions as ``accesses.c`` wants them.

    Args:
        image: the program.
        buffers: ``given``, ``found`` and ``arena``.
        network: the name of the network.
    """
    return "".join(
        f"{kind} {low:x} {high:x}\n" for kind, low, high in _regions(image, buffers, network)
    )


def _regions(
    image: Image, buffers: Mapping[str, Buffer], network: str
) -> Iterator[tuple[str, int, int]]:
    for name, memory in buffers.items():
        whole = image.buffers[name]
        for region in memory.regions(whole.start):
            yield "r" if name == "given" else "w", region.start, region.end
        yield "b", whole.start, whole.end
    for name, section in image.sections:
        yield "r", section.start, section.end
        if name.startswith(".text"):
            yield "c", section.start, section.end
    for pointers in image.pointers:
        yield "r", pointers.start, pointers.end
    run = image.functions[f"{network}_run"]
    yield "s", run.start, run.end
    yield "m", image.main.start, image.main.end


def read_accesses(text: str, image: Image) -> Accesses:
    """The result of ``accesses.c``."""
    first, *others = text.splitlines()
    strays: list[str] = []
    for line in others:
        kind, address, size, at = line.split()
        where = _place(int(address, 16), image)
        strays.append(f"{_function(int(at, 16), image)} {_DOES[kind]} {size} bytes {where}")
    return Accesses(int(first.split()[1]), tuple(dict.fromkeys(strays)))


_DOES = {"load": "reads", "store": "writes"}
_BUFFERS = {"given": "inputs", "found": "outputs", "arena": "arena"}


def _function(address: int, image: Image) -> str:
    for name, region in image.functions.items():
        if region.start <= address < region.end:
            return name
    return f"code at {address:#x}"


def _place(address: int, image: Image) -> str:
    for name, region in image.buffers.items():
        if region.start <= address < region.end:
            return f"beside {_BUFFERS[name]}, {address - region.start:,} bytes into their buffer"
    return f"at {address:#x}, which isn't the network's"
