# SPDX-License-Identifier: Apache-2.0
"""Frames of Thumb and of AArch64 functions."""

import re
from collections.abc import Mapping, Sequence

from intaglio.compiler.targets.tvm.footprint.assembly import Line, Unknown

_POINTER = "sp"
_AMOUNT = re.compile(r"#(-?(?:0x[0-9a-f]+|\d+))")
_BEFORE = re.compile(r"\[sp, #-(\d+)\]!")
_SIZES = {"r": 4, "l": 4, "i": 4, "p": 4, "f": 4, "s": 4, "d": 8, "q": 16}
"""Bytes of a register by the first letter of its name in a list."""

_READING = ("cmp", "cmn", "tst", "stm", "ldm", "vstm", "vldm")
"""Instructions whose first operand stays as it is."""

_FRAME_POINTERS = ("r7", "r11", "x29")

_LEAST = {"r": 8, "x": 16}
"""What the pointer is aligned to by the ABI, by kind of register."""


def frame(lines: Sequence[Line], constants: Mapping[str, int]) -> int:
    """Bytes; the return address is in a register, which is stored where it has to be.

    Raises:
        Unknown: the pointer moves by an amount that isn't known.
    """
    return sum(_growth(lines, number, constants) for number in range(len(lines)))


def _growth(lines: Sequence[Line], number: int, constants: Mapping[str, int]) -> int:
    line = lines[number]
    mnemonic = line.mnemonic.removesuffix(".w")
    if mnemonic in ("push", "vpush"):
        return _listed(line.operands[0])
    if mnemonic in ("stmdb", "vstmdb") and line.operands[0] == "sp!":
        return _listed(line.operands[1])
    if line.operands and (found := _BEFORE.fullmatch(line.operands[-1])):
        return int(found[1]) if mnemonic.startswith(("st", "vst")) else 0
    if line.operands[:1] != (_POINTER,) or mnemonic.startswith(_READING):
        return 0
    match mnemonic:
        case "sub" | "subw":
            return max(_moved(lines, number, constants), 0)
        case "add" | "addw":
            return max(-_moved(lines, number, constants), 0)
        case "mov" | "and":
            return _aligned(lines, number)
        case _:
            raise Unknown(mnemonic)


def _listed(registers: str) -> int:
    size = 0
    for each in registers.strip("{}").split(","):
        first, _, last = each.strip().partition("-")
        count = int(last[1:]) - int(first[1:]) + 1 if last else 1
        size += count * _SIZES[first[0]]
    return size


def _moved(lines: Sequence[Line], number: int, constants: Mapping[str, int]) -> int:
    """What is added or subtracted: a number, or what a register holds."""
    line = lines[number]
    base, amount = (_POINTER, *line.operands[1:])[-2:]
    shifted = line.operands[-1] == "lsl #12"
    if shifted:
        base, amount = line.operands[-3:-1]
    if base != _POINTER:
        if base in _FRAME_POINTERS:
            # The end of a function, by the frame pointer.
            return 0
        raise Unknown(base)
    if found := _AMOUNT.fullmatch(amount):
        return int(found[1], 0) << (12 if shifted else 0)
    word = _loaded(lines[:number], amount, constants)
    return word - (1 << 32) if word >> 31 else word


def _loaded(lines: Sequence[Line], register: str, constants: Mapping[str, int]) -> int:
    """The constant that a register was given last."""
    for line in reversed(lines):
        if line.operands[:1] == (register,):
            label = line.operands[-1]
            if line.mnemonic.startswith("ldr") and label in constants:
                return constants[label] & 0xFFFFFFFF
            break
    raise Unknown(register)


def _aligned(lines: Sequence[Line], number: int) -> int:
    """The most that an alignment skips; 0 where an earlier pointer comes back."""
    line = lines[number]
    source = line.operands[1]
    if line.mnemonic == "and":
        mask = _AMOUNT.fullmatch(line.operands[2])
        if mask is None:
            raise Unknown("and")
        return (1 << 64) - int(mask[1], 0) - _LEAST["x"] + _below(lines[:number], source)
    if source in _FRAME_POINTERS:
        return 0
    for at in range(number - 1, -1, -1):
        before = lines[at]
        if before.operands[:1] != (source,):
            continue
        match before.mnemonic.removesuffix(".w"):
            case "bfc":
                cleared = int(before.operands[2][1:])
            case "lsl" | "lsls":
                # The bits went with a shift to the right just before.
                cleared, at = int(before.operands[-1][1:]), at - 1
            case "sub" | "subs" | "add" | "adds" if before.operands[1] in _FRAME_POINTERS:
                return 0
            case _:
                break
        return (1 << cleared) - _LEAST["r"] + _below(lines[:at], source)
    raise Unknown(source)


def _below(lines: Sequence[Line], register: str) -> int:
    """How far below the pointer a register was set."""
    for line in reversed(lines):
        if line.operands[:1] != (register,):
            continue
        if line.operands[1:] == (_POINTER,):
            return 0
        if line.operands[1:2] == (_POINTER,) and line.mnemonic.startswith("sub"):
            found = _AMOUNT.fullmatch(line.operands[2])
            if found:
                return int(found[1], 0) << (12 if line.operands[-1] == "lsl #12" else 0)
        break
    raise Unknown(register)
