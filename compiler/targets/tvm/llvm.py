# SPDX-License-Identifier: Apache-2.0
"""From TIR functions to one LLVM module with plain C functions, without TVM's runtime."""

from collections.abc import Mapping
from typing import Any

from intaglio.compiler.targets.tvm.library import ir, statements, tirx, tvm


def build(functions: Mapping[str, Any], target: Mapping[str, Any]) -> Any:
    """The LLVM module of TIR functions, by name; ``write_to_file`` takes .o, .ll, .s and .bc."""
    chosen = tvm.target.Target(dict(target))
    module = tirx.transform.BindTarget(chosen)(tvm.IRModule(dict(functions)))
    # None of TVM's own passes: buffers are flat, loops plain, memory is on the stack, every
    # intrinsic is LLVM's.
    return tvm.get_global_func("target.build.llvm")(module, chosen)


def exported(function: Any, name: str) -> Any:
    """The function under a name that linkers see."""
    return function.with_attr("global_symbol", name)


def importing(text: str, body: Any) -> Any:
    """A statement beside which the functions of an LLVM module, given as text, can be called."""
    return tirx.AttrStmt(
        tvm.runtime.convert("imported"), "pragma_import_llvm", ir.StringImm(text), body
    )


def call_apart(name: str, arity: int) -> str:
    """LLVM text of ``NAME_call``, which calls the function ``name`` of pointers, never inlined.

    TVM marks accesses through different parameters as if they never met.  Within one kernel that is
    so; across kernels, which share memory, it would let LLVM reorder what depends on each other.
    """
    types = ", ".join(["ptr"] * arity)
    values = ", ".join(f"ptr %a{number}" for number in range(arity))
    return f"""
declare void @{name}({types})

define void @{name}_call({values}) alwaysinline {{
  call void @{name}({values}) noinline
  ret void
}}
"""


def call(dtype: str, name: str, *arguments: Any) -> Any:
    """A call of a function by its name."""
    return tirx.call_extern(dtype, name, *arguments)


def evaluate(call: Any) -> Any:
    """A statement that calls for the effect."""
    return statements.Evaluate(call)
