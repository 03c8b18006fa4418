# SPDX-License-Identifier: Apache-2.0
"""Calls of a compiled network through LLVM's JIT, where no linker is at hand."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from intaglio.compiler.targets.tvm import llvm
from intaglio.compiler.targets.tvm.library import ir, statements, tirx, tvm

SUFFIX = ".ll"
"""Of files that TVM gives to LLVM, whose content may be text or bitcode."""

# TVM passes an array of arguments of 16 bytes, the value in the second half.
_ARGUMENT = """
define ptr @argument(ptr %arguments, i64 %offset) alwaysinline {
  %place = getelementptr i8, ptr %arguments, i64 %offset
  %value = load ptr, ptr %place
  ret ptr %value
}
"""


def caller(function: str) -> Any:
    """A function by TVM's convention that calls a C function of three pointers."""
    itself, arguments, result = (
        tirx.Var(name, "handle") for name in ("itself", "arguments", "result")
    )
    count = tirx.Var("count", "int32")
    values = [
        llvm.call("handle", "argument", arguments, tirx.IntImm("int64", 16 * number + 8))
        for number in range(3)
    ]
    called = llvm.evaluate(llvm.call("int32", function, *values))
    done = statements.SeqStmt([called, tirx.Return(tirx.IntImm("int32", 0))])
    body = llvm.importing(_ARGUMENT, done)
    return tirx.PrimFunc([itself, arguments, count, result], body, ir.PrimType("int32"))


def write_bitcode(module: Any, code: Path) -> None:
    """Write a module that was compiled for the JIT; ``code`` ends in ``SUFFIX``."""
    bitcode = code.with_suffix(".bc")
    module.write_to_file(str(bitcode))
    bitcode.rename(code)


def load_bitcode(code: Path, name: str) -> Callable[[int, int, int], None]:
    """The function ``name`` of a file of ``write_bitcode``, called with three addresses."""
    module = tvm.runtime.load_module(str(code))

    def call(inputs: int, outputs: int, arena: int) -> None:
        # The module keeps its code in memory.
        module[name](inputs, outputs, arena)

    return call
