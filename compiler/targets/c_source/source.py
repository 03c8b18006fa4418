# SPDX-License-Identifier: Apache-2.0
"""``NAME.c``: constants, helpers, kernels, and the functions that callers see."""

from collections.abc import Iterator
from typing import Any

from intaglio.compiler.targets.c_source.arrays import ConstantArrays, constant
from intaglio.compiler.targets.c_source.helpers import helpers
from intaglio.compiler.targets.c_source.kernels import KernelSource
from intaglio.compiler.targets.c_source.usage import flat
from intaglio.compiler.targets.tvm.compiled_network import NetworkFunctions
from intaglio.compiler.targets.tvm.library import Expression

_HEAD = """\
/* The network {graph}, in C99; {name}.h says how to call it. */
#include <stdint.h>
#include <string.h>

#include "{name}.h"

/* What C leaves to compilers, and all of them that matter do. */
typedef char right_shifts_keep_the_sign[(-1 >> 1) == -1 ? 1 : -1];
typedef char conversions_to_signed_types_wrap[(int8_t)255 == -1 ? 1 : -1];
"""


def source(name: str, functions: NetworkFunctions, constants: ConstantArrays) -> str:
    """The text of ``NAME.c``."""
    return "\n".join(_parts(name, functions, constants)) + "\n"


def _parts(name: str, functions: NetworkFunctions, constants: ConstantArrays) -> Iterator[str]:
    yield _HEAD.format(name=name, graph=functions.graph.name.replace("*/", "* /"))
    yield from constants.text()
    kernels = [KernelSource(_plain(name, key), each) for key, each in functions.kernels.items()]
    called = {helper for kernel in kernels for helper in kernel.called}
    yield from (text.rstrip("\n") for text in helpers(called))
    yield from (f"\n{kernel.text.rstrip()}" for kernel in kernels)
    for entry, function in functions.entries.items():
        yield from _entry(name, entry, function)


def _plain(network: str, symbol: str) -> str:
    """The name of a function that only its file sees."""
    return symbol.removeprefix(f"{network}_").removesuffix("_call")


def _entry(network: str, name: str, function: Any) -> Iterator[str]:
    parameters = [str(parameter.name) for parameter in function.params]
    types = [_PARAMETERS[parameter].format(name=network) for parameter in parameters]
    yield f"\nint32_t {name}({', '.join(types)}) {{"
    calls = [str(_call(network, each.value)) for each in _calls(function)]
    tail = [call for call in calls if call.startswith("return ")]
    used = " ".join(calls)
    yield from (f"    (void){each};" for each in parameters if each not in used)
    yield from (f"    {call};" for call in calls)
    if not tail:
        yield "    return 0;"
    yield "}"


_PARAMETERS = {
    "inputs": "const void *const *inputs",
    "outputs": "void *const *outputs",
    "arena": "void *arena",
    "callback": "{name}_layer_callback callback",
    "context": "void *context",
}


def _calls(function: Any) -> Iterator[Any]:
    for statement in flat(function.body):
        if type(statement).__name__ != "Return":
            yield statement


def _call(network: str, node: Expression) -> str:
    """A call of an entry's body in C."""
    name, *arguments = node.args
    given = [_argument(network, argument) for argument in arguments]
    match _plain(network, str(name.value)):
        case "alone":
            return f"return {network}_run_traced({', '.join(given)}, 0, 0)"
        case "report":
            return f"if (callback) callback({', '.join(given[1:])})"
        case plain:
            return f"{plain}({', '.join(given)})"


def _argument(network: str, node: Expression) -> str:
    kind = type(node).__name__
    if kind == "Var":
        return str(node.name)
    if kind == "IntImm":
        return str(int(node.value))
    name, *arguments = node.args
    number = int(arguments[-1].value)
    match _plain(network, str(name.value)):
        case "constant":
            return constant(number)
        case "offset":
            return f"(void *)((uint8_t *){_argument(network, arguments[0])} + {number})"
        case "pointer":
            return f"{arguments[0].name}[{number}]"
        case other:
            raise TypeError(f"{other} has no form in C")
