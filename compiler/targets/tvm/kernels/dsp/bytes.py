# SPDX-License-Identifier: Apache-2.0
"""Copies and runs of bytes, without a call of the C library for each of a few."""

from intaglio.compiler.targets.tvm.kernels.dsp.routine import Routine

COPY = Routine(
    "copy",
    [
        "subs {count}, #4",
        "blt 2f",
        "1:",
        "ldr {x}, [{from_at}], #4",
        "subs {count}, #4",
        "str {x}, [{to_at}], #4",
        "bge 1b",
        "2:",
        "adds {count}, #4",
        "beq 4f",
        "3:",
        "ldrb {x}, [{from_at}], #1",
        "subs {count}, #1",
        "strb {x}, [{to_at}], #1",
        "bne 3b",
        "4:",
    ],
    changed=("from_at", "to_at", "count"),
    spare=("x",),
)
"""``(from, to, count)``: bytes."""

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
