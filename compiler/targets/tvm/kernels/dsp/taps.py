# SPDX-License-Identifier: Apache-2.0
"""Sums over the taps of a window, channel by channel, for four neighbouring channels at once.

Two taps are taken at a time: halves of their words change places, so that a word has two channels'
bytes of both taps, ``SXTB16`` gives each channel's pair, and ``SMLAD`` multiplies it with the pair
of its weights.  All constants of four channels stand in the order in which they are needed.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from intaglio.compiler.targets.tvm.kernels.dsp.rescaling import Factor, Rescaling
from intaglio.compiler.targets.tvm.kernels.dsp.routine import Routine

CHANNELS = 4
"""In a word."""

_WRITTEN_OUT = 5
"""The most pairs of taps that stand one behind the other; more are a loop."""

_PAIR = [
    "pkhbt {t}, {p}, {q}, lsl #16",
    "pkhtb {q}, {q}, {p}, asr #16",
    "sxtb16 {p}, {t}",
    "sxtb16 {t}, {t}, ror #8",
    "smlad {a0}, {p}, r0, {a0}",
    "smlad {a1}, {t}, r1, {a1}",
    "sxtb16 {p}, {q}",
    "sxtb16 {t}, {q}, ror #8",
    "smlad {a2}, {p}, r2, {a2}",
    "smlad {a3}, {t}, r3, {a3}",
]

_LAST = [
    "sxtb16 {q}, {p}, ror #8",
    "sxtb16 {p}, {p}",
    "smlabb {a0}, {p}, r0, {a0}",
    "smlabb {a1}, {q}, r1, {a1}",
    "smlatt {a2}, {p}, r0, {a2}",
    "smlatt {a3}, {q}, r1, {a3}",
]


def tap_sums(taps: int, signed: bool, found: Rescaling | None) -> Routine:
    """``(x, words, offsets, y, end)``: blocks of four channels of one output, until y is at end.

    Args:
        taps: of a window.
        signed: whether codes are.
        found: what makes codes of sums; None for sums in 32 bits.
    """
    pair, last = taps // 2, taps % 2
    flip = [] if signed else [f"eor {{{x}}}, {{{x}}}, #0x80808080" for x in "pq"]
    one = [
        "ldrd {p}, {q}, [{offsets_at}], #8",
        "ldm {words_at}!, {{r0, r1, r2, r3}}",
        "ldr {p}, [{x_at}, {p}]",
        "ldr {q}, [{x_at}, {q}]",
        *flip,
        *_PAIR,
    ]
    if pair <= _WRITTEN_OUT:
        pairs = one * pair
    else:
        pairs = [f"mov {{t}}, #{pair}", "str {t}, [sp, #12]", "1:", *one]
        pairs += ["ldr {t}, [sp, #12]", "subs {t}, #1", "str {t}, [sp, #12]", "bne 1b"]
    single = [
        "ldr {p}, [{offsets_at}], #4",
        "ldrd r0, r1, [{words_at}], #8",
        "ldr {p}, [{x_at}, {p}]",
        *flip[:1],
        *_LAST,
    ]
    lines = [
        "sub sp, #16",
        "str {offsets_at}, [sp]",
        "strd {p_at}, {q_at}, [sp, #4]",
        "2:",
        "ldrd {a0}, {a1}, [{words_at}], #8",
        "ldrd {a2}, {a3}, [{words_at}], #8",
        *pairs,
        *(single if last else []),
        *_stored(found),
        "ldr {offsets_at}, [sp]",
        "str {p}, [sp, #4]",
        "add {x_at}, #4",
        "cmp {p}, {q}",
        "bne 2b",
        "add sp, #16",
    ]
    sign = "signed" if signed else "unsigned"
    return Routine(
        f"taps_{taps}_{sign}_{'sums' if found is None else found.name}",
        [line.replace("{p}", "{p_at}").replace("{q}", "{q_at}") for line in lines],
        changed=("x_at", "words_at", "offsets_at", "p_at", "q_at"),
        spare=("t", "a0", "a1", "a2", "a3"),
        fixed=("r0", "r1", "r2", "r3"),
    )


PLACED = Routine(
    "place_taps",
    [
        "1:",
        "ldrd {down}, {right}, [{taps_at}], #8",
        "ldr {offset}, [{taps_at}], #4",
        "add {down}, {down}, {line}",
        "add {right}, {right}, {column}",
        # Without a sign, what lies before x lies far behind it.
        "cmp {down}, {rows}",
        "it hs",
        "movhs {offset}, {beyond}",
        "cmp {right}, {columns}",
        "it hs",
        "movhs {offset}, {beyond}",
        "str {offset}, [{to_at}], #4",
        "subs {count}, #1",
        "bne 1b",
    ],
    changed=("taps_at", "to_at", "count"),
    read=("line", "column", "rows", "columns", "beyond"),
    spare=("down", "right", "offset"),
)
"""``(taps, to, count, line, column, rows, columns, beyond)``: offsets of the taps of a window.

``taps`` are three words for each: rows down and columns to the right from where the window starts
in x, and the offset; for one that lies outside of x the offset is ``beyond``.
"""


def _stored(found: Rescaling | None) -> list[str]:
    """What four sums become; leaves y and its end in ``p`` and ``q``."""
    places = "ldrd {p}, {q}, [sp, #4]"
    sums = [f"{{a{number}}}" for number in range(CHANNELS)]
    if found is None:
        return [places, *[f"str {total}, [{{p}}], #4" for total in sums]]
    lines = found.prepared()
    for total in sums:
        lines += ["ldm {words_at}!, {{r0, r1, r2}}", *found.lines([total])]
    return [*lines, places, *[f"strb {total}, [{{p}}], #1" for total in sums]]


def block_words(
    weights: npt.NDArray[np.int8], bias: Sequence[int], factors: Sequence[Factor] | None
) -> list[int]:
    """The constants of four channels.

    Args:
        weights: by tap and channel.
        bias: by channel.
        factors: by channel; None for sums as they are.
    """
    count = weights.shape[0]
    words = list(bias)
    for tap in range(0, count - 1, 2):
        words += [_pair(int(a), int(b)) for a, b in zip(*weights[tap : tap + 2], strict=True)]
    if count % 2:
        a, b, c, d = (int(weight) for weight in weights[-1])
        words += [_pair(a, c), _pair(b, d)]
    for factor in factors or ():
        words += [factor.multiplier, factor.addend, factor.shift]
    return words


def _pair(low: int, high: int) -> int:
    """Two 16-bit numbers as one of 32 bits."""
    word = (high & 0xFFFF) << 16 | (low & 0xFFFF)
    return word - (1 << 32) if word >> 31 else word
