# SPDX-License-Identifier: Apache-2.0
"""A function that runs the best of several objects for AArch64 that the processor can run.

Linux says what a processor has in two words of bits, which the C library's ``getauxval`` hands out;
the numbers are part of its interface to programs (asm/hwcap.h, linux/auxvec.h).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from intaglio.compiler.targets.tvm.jit import SUFFIX
from intaglio.compiler.targets.tvm.library import tvm
from intaglio.compiler.targets.tvm.machine import Instructions, Machine

_HWCAP, _HWCAP2 = 16, 26
_DOTPROD, _I8MM = 1 << 20, 1 << 13


@dataclass(frozen=True, slots=True)
class _Needs:
    """Bits of the two words that must be set."""

    first: int
    second: int


_NEEDS = {
    Instructions.NEON_I8MM: _Needs(_DOTPROD, _I8MM),
    Instructions.NEON_DOTPROD: _Needs(_DOTPROD, 0),
    Instructions.NEON: _Needs(0, 0),
}


@dataclass(frozen=True, slots=True)
class Variant:
    """One of the objects: the prefix of its symbols, and what it is written for."""

    name: str
    instructions: Instructions


def variant_suffix(machine: Machine) -> str:
    """What the symbols of the code for a machine have behind the network's name."""
    return machine.instructions.value.removeprefix("neon-")


_POINTERS = {"run": 3, "run_parallel": 5}
"""By entry: how many pointers it takes."""


def dispatcher(name: str, variants: Sequence[Variant], entries: Sequence[str]) -> Any:
    """A module whose functions ``NAME_ENTRY`` call those of the first variant that runs.

    Args:
        name: the prefix of the functions.
        variants: the best first; the last one needs nothing.
        entries: what follows the prefixes.
    """
    text = "\n".join(_text(name, variants, entries))
    with TemporaryDirectory() as folder:
        file = Path(folder) / f"dispatcher{SUFFIX}"
        file.write_text(text, encoding="utf-8")
        return tvm.runtime.load_module(str(file))


def _text(name: str, variants: Sequence[Variant], entries: Sequence[str]) -> Iterator[str]:
    yield 'target triple = "aarch64-linux-gnu"'
    yield "declare i64 @getauxval(i64)"
    for entry in entries:
        pointers = _POINTERS[entry]
        types = ", ".join(["ptr"] * pointers)
        values = ", ".join(f"ptr %a{number}" for number in range(pointers))
        yield from (f"declare i32 @{variant.name}_{entry}({types})" for variant in variants)
        yield f"define i32 @{name}_{entry}({values}) {{"
        yield f"  %first = call i64 @getauxval(i64 {_HWCAP})"
        yield f"  %second = call i64 @getauxval(i64 {_HWCAP2})"
        yield "  br label %try0"
        for number, variant in enumerate(variants):
            needs = _NEEDS[variant.instructions]
            yield f"try{number}:"
            yield f"  %has{number} = and i64 %first, {needs.first}"
            yield f"  %has_too{number} = and i64 %second, {needs.second}"
            yield f"  %one{number} = icmp eq i64 %has{number}, {needs.first}"
            yield f"  %other{number} = icmp eq i64 %has_too{number}, {needs.second}"
            yield f"  %runs{number} = and i1 %one{number}, %other{number}"
            after = f"%try{number + 1}" if number + 1 < len(variants) else "%none"
            yield f"  br i1 %runs{number}, label %run{number}, label {after}"
            yield f"run{number}:"
            yield f"  %result{number} = tail call i32 @{variant.name}_{entry}({values})"
            yield f"  ret i32 %result{number}"
        yield "none:"
        yield "  unreachable"
        yield "}"
