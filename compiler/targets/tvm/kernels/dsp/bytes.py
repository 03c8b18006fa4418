# SPDX-License-Identifier: Apache-2.0
"""Copies and runs of bytes, without a call of the C library for each of a few."""

from intaglio.compiler.targets.tvm.kernels.dsp.routine import Routine

_COPIED = [
    "subs {left}, #4",
    "blt 2f",
    "1:",
    "ldr {x}, [{from_at}], #4",
    "subs {left}, #4",
    "str {x}, [{to_at}], #4",
    "bge 1b",
    "2:",
    "adds {left}, #4",
    "beq 4f",
    "3:",
    "ldrb {x}, [{from_at}], #1",
    "subs {left}, #1",
    "strb {x}, [{to_at}], #1",
    "bne 3b",
    "4:",
]

COPY = Routine("copy", _COPIED, changed=("from_at", "to_at", "left"), spare=("x",))
"""``(from, to, count)``."""

COPY_LINES = Routine(
    "copy_lines",
    [
        "5:",
        "mov {left}, {count}",
        *_COPIED,
        "add {from_at}, {from_at}, {skipped}",
        "subs {lines}, #1",
        "bne 5b",
    ],
    changed=("from_at", "to_at", "lines"),
    read=("count", "skipped"),
    spare=("x", "left"),
)
"""``(from, to, lines, count, skipped)``: bytes of several lines; between two, some are skipped."""

FILL = Routine(
    "fill",
    [
        "cmp {count}, #0",
        "beq 2f",
        "1:",
        "strb {value}, [{to_at}], #1",
        "subs {count}, #1",
        "bne 1b",
        "2:",
    ],
    changed=("to_at", "count"),
    read=("value",),
)
"""``(to, count, value)``: equal bytes."""
