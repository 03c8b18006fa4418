# SPDX-License-Identifier: Apache-2.0
"""How a network shows the result of each of its steps to a function of its caller.

    callback(context, layer, result, bytes)

``layer`` counts the steps from 0; ``result`` leads to that many bytes, until the call returns.
"""


def traced_name(network: str) -> str:
    """The symbol of the function that takes the callback and its context."""
    return f"{network}_run_traced"


def report(network: str) -> str:
    """LLVM text of ``NETWORK_report(callback, context, layer, result, bytes)``."""
    shown = "ptr %context, i32 %layer, ptr %result, i32 %bytes"
    return f"""
define void @{network}_report(ptr %callback, {shown}) alwaysinline {{
  %none = icmp eq ptr %callback, null
  br i1 %none, label %done, label %called

called:
  call void %callback({shown}) nounwind
  br label %done

done:
  ret void
}}
"""
