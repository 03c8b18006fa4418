# SPDX-License-Identifier: Apache-2.0
"""Frames of x86-64 functions, in AT&T syntax."""

import re
from collections.abc import Mapping, Sequence

from intaglio.compiler.targets.tvm.footprint.assembly import Line, Unknown

_POINTER = "%rsp"
_WORD = 8
_BELOW = re.compile(r"-(\d+)\(%rsp[,)]")
_IMMEDIATE = re.compile(r"\$(-?\d+)")
_READS = ("cmp", "test", "call", "jmp")


def frame(lines: Sequence[Line], constants: Mapping[str, int]) -> int:
    """Bytes with the return address, and with what a leaf keeps below the pointer.

    Raises:
        Unknown: the pointer moves by an amount that isn't known.
    """
    del constants
    below = (
        int(found) for line in lines for each in line.operands for found in _BELOW.findall(each)
    )
    return _WORD + sum(map(_growth, lines)) + max(below, default=0)


def _growth(line: Line) -> int:
    if line.mnemonic.startswith("push"):
        return _WORD
    if line.mnemonic.startswith(("pop", *_READS)) or line.operands[-1:] != (_POINTER,):
        return 0
    source = line.operands[0]
    amount = _IMMEDIATE.fullmatch(source)
    match line.mnemonic:
        case "subq" if amount:
            return int(amount[1])
        case "addq" if amount:
            return max(-int(amount[1]), 0)
        case "andq" if amount:
            return -int(amount[1]) - _WORD
        case "movq" | "leaq" if "%rbp" in source:
            # The end of a function whose frame was aligned.
            return 0
        case _:
            raise Unknown(line.mnemonic)
