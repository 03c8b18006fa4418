# SPDX-License-Identifier: Apache-2.0
"""How deep the stack grows: frames and calls of each function, read from its assembly text.

A frame is the sum of all that a function takes off its stack pointer, an alignment counted as the
most that it may skip.  What moves the pointer in a way that isn't known here makes it unknown.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from intaglio.compiler.targets.tvm.footprint import arm_frames, x86_frames
from intaglio.compiler.targets.tvm.footprint.assembly import Line, Unknown, functions_of

Growth = Callable[[Sequence[Line], Mapping[str, int]], int]
"""Bytes of the frame of a function of these lines, among constants by label."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One function.

    Attributes:
        size: bytes of its frame, the address that it returns to included; None where unknown.
        calls: symbols that it calls or jumps to.
        indirect: whether it calls a function by a pointer.
    """

    size: int | None
    calls: tuple[str, ...]
    indirect: bool


@dataclass(frozen=True, slots=True)
class StackBound:
    """The deepest path of calls.

    Attributes:
        size: bytes; None where a frame isn't known.
        path: the functions on it, from the first one called.
        outside: functions that others must give, whose own stack comes on top.
    """

    size: int | None
    path: tuple[str, ...]
    outside: tuple[str, ...]


def frames(assembly: str, triple: str) -> Mapping[str, Frame]:
    """The frame of every function of an assembly text, by symbol."""
    growth = _growth(triple)
    lines, constants = functions_of(assembly)
    return {name: _frame(body, constants, growth) for name, body in lines.items()}


def stack_bound(found: Mapping[str, Frame], entry: str) -> StackBound:
    """The deepest sum of frames over the static call graph from ``entry``."""
    outside = sorted(set(_reached(found, entry)) - found.keys())

    @cache
    def deepest(name: str) -> tuple[int | None, tuple[str, ...]]:
        frame = found[name]
        below = [deepest(callee) for callee in frame.calls if callee in found]
        if frame.size is None or any(size is None for size, _ in below):
            return None, ()
        size, path = max(((size or 0, path) for size, path in below), default=(0, ()))
        return frame.size + size, (name, *path)

    size, path = deepest(entry)
    if any(found[name].indirect for name in _reached(found, entry) if name in found):
        outside.append("functions given by pointer")
    return StackBound(size, path, tuple(outside))


def _reached(found: Mapping[str, Frame], entry: str) -> Collection[str]:
    seen: dict[str, None] = {}
    pending = [entry]
    while pending:
        name = pending.pop()
        if name not in seen:
            seen[name] = None
            pending += found[name].calls if name in found else ()
    return seen


def _growth(triple: str) -> Growth | None:
    match triple.split("-")[0]:
        case "x86_64":
            return x86_frames.frame
        case "aarch64" | "arm64":
            return arm_frames.frame
        case processor if processor.startswith("thumb"):
            return arm_frames.frame
        case _:
            return None


def _frame(lines: Sequence[Line], constants: Mapping[str, int], growth: Growth | None) -> Frame:
    calls = tuple(dict.fromkeys(_calls(lines)))
    indirect = any(_is_indirect(line) for line in lines)
    if growth is None:
        return Frame(None, calls, indirect)
    try:
        return Frame(growth(lines, constants), calls, indirect)
    except Unknown:
        return Frame(None, calls, indirect)


def _calls(lines: Sequence[Line]) -> Iterator[str]:
    for line in lines:
        branches = line.mnemonic.startswith(("b", "call", "jmp", "cbz", "cbnz"))
        if branches and line.operands and line.operands[-1].isidentifier():
            if line.operands[-1] not in _REGISTERS:
                yield line.operands[-1]
        elif branches and line.operands and line.operands[-1].endswith("@PLT"):
            yield line.operands[-1].removesuffix("@PLT")


def _is_indirect(line: Line) -> bool:
    if line.mnemonic in ("blx", "blr"):
        return line.operands[-1] in _REGISTERS
    return line.mnemonic.startswith("call") and line.operands[-1].startswith("*")


_REGISTERS = frozenset(
    ["lr", "ip", "pc", "sp", "fp", "sl", "sb"]
    + [f"{kind}{number}" for kind in "rxwvqdsbh" for number in range(32)]
)
