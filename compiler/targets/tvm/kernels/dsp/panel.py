# SPDX-License-Identifier: Apache-2.0
"""Sums of products of bytes, two with one instruction, for a few rows at once.

A *panel* holds the left operand of ``ROWS`` sums as 16-bit numbers, two in a word.  Four
neighbouring bytes x0 x1 x2 x3 become two words, of x1 and x3 and of x0 and x2, as ``SXTB16`` yields
them; the words of all rows stand side by side, so that ``LDM`` loads several at once:

    panel[group of four][row] = (word of x1 and x3, word of x0 and x2)

Weights stay bytes until they are multiplied.  In the *joint* form ``SXTB16`` takes half of them out
of their word, and the other half needs no instruction: two neighbouring bytes in memory are the
16-bit number ``h = 256 w1 + w0``, and the panel holds ``y1 = x1 - 127`` and ``256 x0 - y1``, which
16 bits hold exactly:

    y1 h + (256 x0 - y1) w0 = 256 (y1 w1 + x0 w0)

Such a sum is 256 times what is wanted, and serves where that fits into 32 bits; the bias takes the
127 back.  In the *plain* form weights are taken out of their word twice.
"""

from intaglio.compiler.targets.tvm.kernels.dsp.rescaling import Rescaling
from intaglio.compiler.targets.tvm.kernels.dsp.routine import Routine

ROWS = 4
"""Of a panel."""

GROUP = 4
"""Neighbouring bytes that become two words."""

ROW_BYTES = 8
"""Of a panel, for one group of one row."""

GROUP_BYTES = ROW_BYTES * ROWS
"""Of a panel, for one group of all rows."""

STEP = 2 * GROUP
"""Elements that a turn of the loops over a sum takes; sums are filled up with weights of 0."""

OFFSET = 127
"""What the joint form takes from every other element."""

SCALE_BITS = 8
"""By how many bits the joint form's sums are larger."""

_HIGH_BYTES = -0x00FF0100


def _form(joint: bool) -> str:
    return "joint" if joint else "plain"


def widen(joint: bool, signed: bool, rows: int = ROWS) -> Routine:
    """``(from, to, groups)``: the words of bytes into the place of one row of a panel of some."""
    one, constants = _group(joint, signed, rows)
    return Routine(
        f"widen_{_form(joint)}_{'signed' if signed else 'unsigned'}_{rows}",
        _widening(one),
        changed=("from_at", "to_at", "groups"),
        spare=("x", "y", "pairs"),
        constants=constants,
    )


def widen_lines(joint: bool, signed: bool) -> Routine:
    """``(from, to, lines, groups, skipped)``: as ``widen``, from several lines of x.

    ``skipped`` are the bytes between the end of one line and the start of the next.
    """
    one, constants = _group(joint, signed, ROWS)
    turn = ["add {from_at}, {from_at}, {skipped}", "subs {lines}, #1", "bne 4b"]
    return Routine(
        f"widen_lines_{_form(joint)}_{'signed' if signed else 'unsigned'}",
        ["4:", *_widening(one), *turn],
        changed=("from_at", "to_at", "lines"),
        read=("groups", "skipped"),
        spare=("x", "y", "pairs"),
        constants=constants,
    )


def _group(joint: bool, signed: bool, rows: int) -> tuple[list[str], dict[str, int]]:
    """The words of four bytes, and the constants that this takes."""
    constants: dict[str, int] = {}
    one = ["ldr {x}, [{from_at}], #4"]
    if not signed:
        # The sign bit of each byte makes signed codes, 128 lower.
        one.append("eor {x}, {x}, #0x80808080")
    if joint:
        constants |= {"offsets": _twice(-OFFSET), "high": _HIGH_BYTES}
        one.append("sxtab16 {y}, {offsets}, {x}, ror #8")
        one.append("and {x}, {high}, {x}, lsl #8")
        one.append("ssub16 {x}, {x}, {y}")
    else:
        one += ["sxtb16 {y}, {x}, ror #8", "sxtb16 {x}, {x}"]
    one.append(f"strd {{y}}, {{x}}, [{{to_at}}], #{rows * ROW_BYTES}")
    return one, constants


def _widening(one: list[str]) -> list[str]:
    """All groups of a line."""
    lines = ["lsrs {pairs}, {groups}, #1", "beq 2f"]
    lines += ["1:", *one, *one, "subs {pairs}, #1", "bne 1b"]
    return [*lines, "2:", "lsls {pairs}, {groups}, #31", "beq 3f", *one, "3:"]


def pad(joint: bool, code: int) -> Routine:
    """``(to, groups)``: the words of equal codes, taken as signed, into one row of a panel."""
    odd = code - OFFSET if joint else code
    even = 256 * code - odd if joint else code
    lines = ["1:", f"strd {{y}}, {{x}}, [{{to_at}}], #{GROUP_BYTES}", "subs {groups}, #1", "bne 1b"]
    return Routine(
        f"pad_{_form(joint)}_{code + 128}",
        lines,
        changed=("to_at", "groups"),
        constants={"y": _twice(odd), "x": _twice(even)},
    )


def _twice(value: int) -> int:
    """A word with the same number in both halves, as a signed immediate."""
    half = value & 0xFFFF
    word = half << 16 | half
    return word - (1 << 32) if word >> 31 else word


def _dot_rows(joint: bool) -> list[str]:
    """Adds to ``ROWS`` sums of one channel, two steps a turn.

    Of an odd number of steps the first turn takes one: ``steps`` is ``_doubled``.
    """
    return [
        "lsrs {steps}, {steps}, #1",
        "bcs 3f",
        "1:",
        *_step_of_rows(joint),
        "3:",
        *_step_of_rows(joint),
        "subs {steps}, #1",
        "bne 1b",
    ]


_DOUBLED = ["and {v}, {steps}, #1", "add {steps}, {steps}, {v}, lsl #1"]
"""Twice the turns for a number of steps, plus 1 where it is odd."""


def _step_of_rows(joint: bool) -> list[str]:
    odd, even = _halves(joint)
    lines: list[str] = []
    for _ in range(STEP // GROUP):
        lines.append("ldr {w}, [{weights_at}], #4")
        parts = _parts(joint)
        for row in range(0, ROWS, 2):
            lines.append("ldm {panel_at}!, {{r0, r1, r2, r3}}")
            # Behind the load, which the first product has to wait for.
            lines += parts
            parts = []
            lines.append(f"smlad {{a{row}}}, r0, {odd}, {{a{row}}}")
            lines.append(f"smlad {{a{row + 1}}}, r2, {odd}, {{a{row + 1}}}")
            lines.append(f"smlad {{a{row}}}, r1, {even}, {{a{row}}}")
            lines.append(f"smlad {{a{row + 1}}}, r3, {even}, {{a{row + 1}}}")
    return lines


def dot_rows(joint: bool) -> Routine:
    """``(sums, panel, weights, steps)``: adds to ``ROWS`` sums of one channel."""
    return Routine(
        f"dot_rows_{_form(joint)}",
        [*_DOUBLED, *_dot_rows(joint)],
        changed=("panel_at", "weights_at", "steps"),
        sums=ROWS,
        spare=("w", "v"),
        fixed=("r0", "r1", "r2", "r3"),
    )


def all_codes(joint: bool, found: Rescaling) -> Routine:
    """``(panel, weights, words, steps, y, end, outputs)``: the codes of all channels of all rows.

    ``words`` are those of ``FACTORS``; ``end`` is behind the first row of ``y``.
    """
    # All registers are needed: what is used once a channel waits on the stack.
    lines = [
        "sub sp, #24",
        "strd {w_at}, {v}, [sp, #8]",
        *_DOUBLED,
        "strd {panel_at}, {steps}, [sp]",
        "str {a0_at}, [sp, #16]",
        "2:",
        "ldr {a0_at}, [{words_at}], #4",
        "ldrd {panel_at}, {steps}, [sp]",
        *[f"mov {{a{row}}}, {{a0_at}}" for row in range(1, ROWS)],
        *[line.replace("{a0}", "{a0_at}").replace("{w}", "{w_at}") for line in _dot_rows(joint)],
        "ldm {words_at}!, {{r0, r1, r2}}",
        *found.prepared(),
        *found.lines(["{a0_at}", *[f"{{a{row}}}" for row in range(1, ROWS)]]),
        "ldrd {w_at}, {v}, [sp, #8]",
        "ldr r3, [sp, #16]",
        "add {steps}, {w_at}, {v}, lsl #1",
        "strb {a1}, [{w_at}, {v}]",
        "strb {a0_at}, [{w_at}], #1",
        "strb {a3}, [{steps}, {v}]",
        "strb {a2}, [{steps}]",
        "str {w_at}, [sp, #8]",
        "cmp {w_at}, r3",
        "bne 2b",
        "add sp, #24",
    ]
    return Routine(
        f"all_codes_{_form(joint)}_{found.name}",
        lines,
        changed=("panel_at", "weights_at", "words_at", "steps", "w_at", "a0_at", "v"),
        spare=("a1", "a2", "a3"),
        fixed=("r0", "r1", "r2", "r3"),
    )


def four_codes(joint: bool, found: Rescaling, rows: int = ROWS) -> Routine:
    """``(panel, weights, words, steps, y, width)``: the codes of four channels of one row.

    ``width`` is the length of a line of weights.
    """
    odd, even = _halves(joint)
    odd, even = odd.replace("{w}", "r2"), even.replace("{w}", "r2")
    odd, even = odd.replace("{v}", "r3"), even.replace("{v}", "r3")
    lines = [
        "str {y_at}, [sp, #-8]!",
        "add {y_at}, {width}, {width}, lsl #1",
        *[f"ldr {{a{n}}}, [{{words_at}}, #{16 * n}]" for n in range(4)],
        "1:",
    ]
    places = ["[{weights_at}, {y_at}]", "[{weights_at}, {width}, lsl #1]"]
    places += ["[{weights_at}, {width}]", "[{weights_at}], #4"]
    for _ in range(STEP // GROUP):
        lines.append(f"ldrd r0, r1, [{{panel_at}}], #{rows * ROW_BYTES}")
        for channel, at in zip((3, 2, 1, 0), places, strict=True):
            lines.append(f"ldr r2, {at}")
            lines += [p.replace("{w}", "r2").replace("{v}", "r3") for p in _parts(joint)]
            lines.append(f"smlad {{a{channel}}}, r0, {odd}, {{a{channel}}}")
            lines.append(f"smlad {{a{channel}}}, r1, {even}, {{a{channel}}}")
    lines += ["subs {steps}, #1", "bne 1b", "ldr {y_at}, [sp], #8", *found.prepared()]
    for channel in range(4):
        lines.append("add {words_at}, #4")
        lines.append("ldm {words_at}!, {{r0, r1, r2}}")
        lines += found.lines([f"{{a{channel}}}"])
        lines.append(f"strb {{a{channel}}}, [{{y_at}}], #1")
    return Routine(
        f"four_codes_{_form(joint)}_{rows}_{found.name}",
        lines,
        changed=("panel_at", "weights_at", "words_at", "steps", "y_at"),
        read=("width",),
        spare=("a0", "a1", "a2", "a3"),
        fixed=("r0", "r1", "r2", "r3"),
    )


def _halves(joint: bool) -> tuple[str, str]:
    """The registers with the weights of odd and of even elements."""
    return ("{w}", "{v}") if joint else ("{v}", "{w}")


def _parts(joint: bool) -> list[str]:
    if joint:
        return ["sxtb16 {v}, {w}"]
    return ["sxtb16 {v}, {w}, ror #8", "sxtb16 {w}, {w}"]


def dot_row(joint: bool, rows: int = ROWS) -> Routine:
    """``(sum, panel, weights, steps)``: adds to the sum of one row and one channel."""
    odd, even = _halves(joint)
    lines = ["1:"]
    for _ in range(STEP // GROUP):
        lines.append("ldr {w}, [{weights_at}], #4")
        lines.append(f"ldrd {{x}}, {{y}}, [{{panel_at}}], #{rows * ROW_BYTES}")
        lines += _parts(joint)
        lines.append(f"smlad {{a0}}, {{x}}, {odd}, {{a0}}")
        lines.append(f"smlad {{a0}}, {{y}}, {even}, {{a0}}")
    lines += ["subs {steps}, #1", "bne 1b"]
    return Routine(
        f"dot_row_{_form(joint)}_{rows}",
        lines,
        changed=("panel_at", "weights_at", "steps"),
        sums=1,
        spare=("w", "v", "x", "y"),
    )
