# SPDX-License-Identifier: Apache-2.0
"""How a network hands the tasks of a stage to a function of its caller, which may share them.

    parallel_for(pool, task, context, count)

``task(context, first, last)`` runs the tasks from ``first`` up to below ``last``; ``context`` leads
to the pointers that the stage works on.  Without a ``parallel_for`` all tasks run at once.
"""

from typing import Any

from intaglio.compiler.targets.tvm import llvm
from intaglio.compiler.targets.tvm.library import tirx


def task_name(stage: str) -> str:
    """The symbol of the function that runs some tasks of a stage."""
    return f"{stage}_task"


def task(stage: str, pointers: int) -> Any:
    """That function, of a stage that takes so many pointers."""
    parameters = [tirx.Var("context", "handle")]
    parameters += [tirx.Var(name, "int32") for name in ("first", "last")]
    called = llvm.evaluate(llvm.call("void", f"{stage}_some", *parameters))
    return tirx.PrimFunc(parameters, llvm.importing(_some(stage, pointers), called))


def _some(stage: str, pointers: int) -> str:
    """LLVM text of ``STAGE_some(context, first, last)``; why it isn't inlined: ``call_apart``."""
    loads = "".join(
        f"  %place{n} = getelementptr ptr, ptr %context, i64 {n}\n"
        f"  %a{n} = load ptr, ptr %place{n}\n"
        for n in range(pointers)
    )
    types, values = "ptr, " * pointers, "".join(f"ptr %a{n}, " for n in range(pointers))
    return f"""
declare void @{stage}({types}i32, i32)

define void @{stage}_some(ptr %context, i32 %first, i32 %last) alwaysinline {{
{loads}  call void @{stage}({values}i32 %first, i32 %last) noinline
  ret void
}}
"""


def call_shared(stage: str, pointers: int) -> str:
    """LLVM text of ``STAGE_call(parallel_for, pool, count, pointers...)``."""
    parameters = "".join(f", ptr %a{n}" for n in range(pointers))
    stores = "".join(
        f"  %place{n} = getelementptr ptr, ptr %context, i64 {n}\n"
        f"  store ptr %a{n}, ptr %place{n}\n"
        for n in range(pointers)
    )
    run = task_name(stage)
    return f"""
declare void @{run}(ptr, i32, i32)

define void @{stage}_call(ptr %parallel_for, ptr %pool, i32 %count{parameters}) alwaysinline {{
  %context = alloca [{max(pointers, 1)} x ptr]
{stores}  %none = icmp eq ptr %parallel_for, null
  br i1 %none, label %alone, label %together

alone:
  call void @{run}(ptr %context, i32 0, i32 %count) noinline
  ret void

together:
  call void %parallel_for(ptr %pool, ptr @{run}, ptr %context, i32 %count)
  ret void
}}
"""


def call_alone(network: str, entry: str) -> str:
    """LLVM text of ``NETWORK_alone(inputs, outputs, arena)``: ``entry`` without its two helpers."""
    given = "ptr %inputs, ptr %outputs, ptr %arena"
    return f"""
declare i32 @{entry}(ptr, ptr, ptr, ptr, ptr)

define i32 @{network}_alone({given}) alwaysinline {{
  %result = call i32 @{entry}({given}, ptr null, ptr null)
  ret i32 %result
}}
"""
