# SPDX-License-Identifier: Apache-2.0
"""A C program that shows how to call a compiled network, with an operating system or without."""

from intaglio.compiler.targets.tvm.header import macro_prefix
from intaglio.compiler.targets.tvm.interface import Interface, Port, c_type


def example_program(name: str, interface: Interface, threads: int, command: str) -> str:
    """``main.c``: reads raw inputs from files, runs, prints every output element on a line.

    Args:
        name: of the network.
        interface: its ports.
        threads: that share the work of a call.
        command: that compiles the program, as far as its own file.
    """
    upper = name.upper()
    if threads > 1:
        command = f"{command} {name}_threads.c -pthread"
        run = _RUN_PARALLEL.format(name=name, upper=upper)
    else:
        run = f"    if ({name}_run(inputs, outputs, arena)) return 1;\n"
    inputs = "".join(_read(number) for number in range(len(interface.inputs)))
    outputs = "".join(_print(upper, number, port) for number, port in enumerate(interface.outputs))
    return f"""/* {command} main.c -o {name} && ./{name} INPUT... (raw files, in order) */
#include <inttypes.h>
#include <stdio.h>

#include "{name}.h"

{_memory(upper, interface)}
static int read_file(const char *path, void *to, size_t size) {{
    FILE *file = fopen(path, "rb");
    if (!file) {{
        fprintf(stderr, "%s: can't be opened\\n", path);
        return 0;
    }}
    size_t found = fread(to, 1, size, file);
    fclose(file);
    if (found != size) fprintf(stderr, "%s: %zu bytes, expected %zu\\n", path, found, size);
    return found == size;
}}

int main(int argc, char **argv) {{
    if (argc != {upper}_INPUTS + 1) {{
        fprintf(stderr, "usage: %s INPUT...\\n", argv[0]);
        return 2;
    }}
{inputs}{_pointers(interface)}{run}{outputs}    return 0;
}}
"""


def bare_program(name: str, interface: Interface, command: str) -> str:
    """``main.c`` for a processor without an operating system: runs a sample from its memory."""
    given = ", ".join(f"input_{n}" for n in range(len(interface.inputs))) or "nothing"
    taken = ", ".join(f"output_{n}" for n in range(len(interface.outputs)))
    return f"""/* {command} main.c
   and the start-up code and the linker script of your board; any -mfloat-abi. */
#include "{name}.h"

{_memory(name.upper(), interface)}
int main(void) {{
{_pointers(interface)}
    /* Here {given} gets a sample. */
    if ({name}_run(inputs, outputs, arena)) return 1;
    /* Now {taken} holds what the network makes of it. */
    return 0;
}}
"""


def _memory(upper: str, interface: Interface) -> str:
    """Static arrays for everything that a call needs."""
    buffers = "".join(
        f"static {macro_prefix(upper, kind, port)}_TYPE {kind}_{number}"
        f"[{macro_prefix(upper, kind, port)}_SIZE];\n"
        for kind, ports in (("input", interface.inputs), ("output", interface.outputs))
        for number, port in enumerate(ports)
    )
    return f"{buffers}static _Alignas({upper}_ARENA_ALIGNMENT) uint8_t arena[{upper}_ARENA_SIZE];\n"


def _pointers(interface: Interface) -> str:
    """The arrays of pointers that a call takes."""
    given = ", ".join(f"input_{n}" for n in range(len(interface.inputs))) or "0"
    taken = ", ".join(f"output_{n}" for n in range(len(interface.outputs)))
    return f"    const void *inputs[] = {{{given}}};\n    void *outputs[] = {{{taken}}};\n"


_RUN_PARALLEL = """    {name}_threads *threads = {name}_threads_start({upper}_THREADS);
    if (!threads) {{
        fprintf(stderr, "no threads to be had\\n");
        return 1;
    }}
    if ({name}_run_parallel(inputs, outputs, arena, {name}_threads_for, threads)) return 1;
    {name}_threads_stop(threads);
"""


def _read(number: int) -> str:
    wanted = f"input_{number}, sizeof input_{number}"
    return f"    if (!read_file(argv[{number + 1}], {wanted})) return 2;\n"


def _print(upper: str, number: int, port: Port) -> str:
    size = f"{macro_prefix(upper, 'output', port)}_SIZE"
    kind = c_type(port.type)
    if kind == "float":
        shown = f'"%a\\n", (double)output_{number}[i]'
    elif kind.startswith("u"):
        shown = f'"%" PRIu64 "\\n", (uint64_t)output_{number}[i]'
    else:
        shown = f'"%" PRId64 "\\n", (int64_t)output_{number}[i]'
    return f"    for (long i = 0; i < {size}; i++) printf({shown});\n"
