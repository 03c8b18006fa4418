# SPDX-License-Identifier: Apache-2.0
"""Frames and calls from assembly text; the deepest path over the calls."""

import pytest

from intaglio.compiler.targets.tvm.footprint.frames import Frame, frames, stack_bound

THUMB, AARCH64, X86 = "thumbv7em-none-eabi", "aarch64-linux-gnu", "x86_64-linux-gnu"


def body(*lines: str) -> str:
    text = "".join(f"\t{line}\n" for line in lines)
    return f"\t.type\tf,%function\nf:\n{text}\t.size\tf, .-f\n"


@pytest.mark.parametrize(
    ("triple", "lines", "size"),
    [
        (THUMB, ["bx\tlr"], 0),
        (THUMB, ["push\t{r4, r5, r7, lr}", "sub\tsp, #44", "add\tsp, #44", "pop\t{r4}"], 60),
        (THUMB, ["push.w\t{r4-r11, lr}", "vpush\t{d8, d9}", "subw\tsp, sp, #4084"], 36 + 16 + 4084),
        (THUMB, ["sub.w\tsp, sp, #4096", "sub\tsp, #8", "str\tr0, [sp, #-8]"], 4104),
        (THUMB, ["stmdb\tsp!, {r4, r5}", "str\tlr, [sp, #-4]!", "stm.w\tsp, {r0, r1}"], 12),
        (THUMB, ["mov\tr4, sp", "bfc\tr4, #0, #5", "mov\tsp, r4"], 24),
        (THUMB, ["sub.w\tr4, sp, #72", "bfc\tr4, #0, #4", "mov\tsp, r4"], 80),
        (THUMB, ["mov\tr4, sp", "lsrs\tr4, r4, #6", "lsls\tr4, r4, #6", "mov\tsp, r4"], 56),
        (THUMB, ["push\t{r7, lr}", "sub.w\tr4, r7, #8", "mov\tsp, r4"], 8),
        (THUMB, ["mov\tsp, r3"], None),
        (THUMB, ["sub\tsp, r3"], None),
        (THUMB, ["ldr\tsp, [r3]"], None),
        (AARCH64, ["stp\tx29, x30, [sp, #-96]!", "stp\tx20, x19, [sp, #16]"], 96),
        (AARCH64, ["sub\tsp, sp, #1, lsl #12", "sub\tsp, sp, #176"], 4272),
        (AARCH64, ["sub\tx9, sp, #112", "and\tsp, x9, #0xffffffffffffffc0"], 160),
        (AARCH64, ["mov\tsp, x29", "add\tsp, sp, #32", "sub\tsp, x29, #16"], 0),
        (AARCH64, ["ldp\tx29, x30, [sp], #96", "cmp\tsp, x3"], 0),
        (X86, ["retq"], 8),
        (X86, ["pushq\t%rbp", "pushq\t%rbx", "subq\t$72, %rsp", "addq\t$72, %rsp"], 96),
        (X86, ["movq\t%rax, -16(%rsp)", "idivl\t-124(%rsp)", "movl\t8(%rsp), %eax"], 132),
        (X86, ["pushq\t%rbp", "movq\t%rsp, %rbp", "andq\t$-64, %rsp"], 16 + 56),
        (X86, ["leaq\t-40(%rbp), %rsp", "popq\t%rbp"], 8),
        (X86, ["subq\t%rax, %rsp"], None),
        ("riscv64-linux-gnu", ["ret"], None),
    ],
)
def test_a_frame_is_all_that_the_pointer_goes_down(
    triple: str, lines: list[str], size: int | None
) -> None:
    assert frames(body(*lines), triple)["f"].size == size


def test_a_large_frame_of_armv6m_comes_from_a_literal() -> None:
    text = body("push\t{r4, lr}", "ldr\tr7, .LCPI0_1", "add\tsp, r7")
    text = text.replace(
        "\t.size", ".LCPI0_0:\n\t.long\t12\n.LCPI0_1:\n\t.long\t4294966272\n\t.size"
    )
    assert frames(text, THUMB)["f"].size == 8 + 1024


def test_calls_are_symbols_and_no_labels_or_registers() -> None:
    lines = ["bl\tg", "ble\t.LBB0_1", "bl\tg", "b\th", "bic\tr4, r5, r6", "cbz\tr0, .LBB0_2"]
    assert frames(body(*lines), THUMB)["f"] == Frame(0, ("g", "h"), False)
    assert frames(body("blx\tr3"), THUMB)["f"] == Frame(0, (), True)
    lines = ["callq\tmemset@PLT", "jmp\tg                               # TAILCALL", "jmp\t.LBB0_1"]
    assert frames(body(*lines), X86)["f"] == Frame(8, ("memset", "g"), False)
    assert frames(body("callq\t*%rax"), X86)["f"].indirect


def test_the_deepest_path_counts_every_frame_on_it() -> None:
    found = {
        "run": Frame(16, ("a", "b", "memset"), False),
        "a": Frame(100, (), False),
        "b": Frame(40, ("c",), False),
        "c": Frame(80, ("memcpy",), False),
        "unreached": Frame(9999, ("exit",), True),
    }
    bound = stack_bound(found, "run")
    assert (bound.size, bound.path) == (136, ("run", "b", "c"))
    assert bound.outside == ("memcpy", "memset")


def test_a_frame_that_is_unknown_makes_the_bound_unknown() -> None:
    found = {"run": Frame(16, ("a",), True), "a": Frame(None, (), False)}
    bound = stack_bound(found, "run")
    assert (bound.size, bound.path) == (None, ())
    assert bound.outside == ("functions given by pointer",)
