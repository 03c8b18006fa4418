# SPDX-License-Identifier: Apache-2.0
"""The C header of a compiled network, and a program that shows how to call it."""

from collections.abc import Iterator

from intaglio.compiler.targets.tvm.interface import Interface, Port, c_type
from intaglio.compiler.targets.tvm.plan import ALIGNMENT


def header(name: str, interface: Interface, arena: int, version: str, threads: int = 1) -> str:
    """``NAME.h``: shapes, types, scales and zero points, the arena, and the function.

    Args:
        name: the prefix of every identifier.
        interface: the ports.
        arena: bytes of memory that a call needs.
        version: of the compiler.
        threads: that a call may keep busy; 1 for a function that has no use for more.
    """
    return "".join(f"{line}\n" for line in _lines(name, interface, arena, version, threads))


def _lines(
    name: str, interface: Interface, arena: int, version: str, threads: int
) -> Iterator[str]:
    upper = name.upper()
    graph = interface.graph
    yield f"/* The network {_comment(graph.name)}, profile {_comment(graph.profile or 'none')}. */"
    yield f"#ifndef {upper}_H"
    yield f"#define {upper}_H"
    yield ""
    yield "#include <stdint.h>"
    yield ""
    yield "#ifdef __cplusplus"
    yield 'extern "C" {'
    yield "#endif"
    yield ""
    yield f'#define {upper}_COMPILER "intaglio {version}"'
    yield f"#define {upper}_ARENA_SIZE {max(arena, 1)}"
    yield f"#define {upper}_ARENA_ALIGNMENT {ALIGNMENT}"
    for kind, ports in (("input", interface.inputs), ("output", interface.outputs)):
        yield f"#define {upper}_{kind.upper()}S {len(ports)}"
        for number, port in enumerate(ports):
            yield ""
            yield from _port(upper, kind, number, port)
    yield ""
    yield "/* Each pointer leads to SIZE elements in row-major order.  The arena is the caller's,"
    yield "   aligned as above; its content means nothing before or after.  Calls with arenas of"
    yield "   their own may run at the same time.  Returns 0. */"
    yield f"int32_t {name}_run(const void *const *inputs, void *const *outputs, void *arena);"
    if threads > 1:
        yield from _THREADS.format(name=name, upper=upper, threads=threads).split("\n")
    yield ""
    yield "#ifdef __cplusplus"
    yield "}"
    yield "#endif"
    yield ""
    yield "#endif"


_THREADS = """
/* The number of threads that the network was compiled for; all numbers give the same bits. */
#define {upper}_THREADS {threads}

/* Tasks from first up to below last, of one step of the network. */
typedef void (*{name}_task)(void *context, int32_t first, int32_t last);

/* Runs task(context, first, last) for ranges that hold every number from 0 up to below count
   once, in any order and on any threads, and returns when all of them have ended. */
typedef void (*{name}_parallel_for)(void *pool, {name}_task task, void *context, int32_t count);

/* {name}_run, whose large steps are given to parallel_for, with pool, one after another.
   Without a parallel_for the calling thread runs them, as it runs all small steps. */
int32_t {name}_run_parallel(const void *const *inputs, void *const *outputs, void *arena,
                            {name}_parallel_for parallel_for, void *pool);

/* A pool of POSIX threads for it, in {name}_threads.c; any other parallel_for serves as well.
   A pool serves one call at a time; the calling thread is one of its threads.  Without memory
   or threads to be had, no pool starts: the result is NULL. */
typedef struct {name}_threads {name}_threads;
{name}_threads *{name}_threads_start(int32_t threads);
void {name}_threads_for(void *pool, {name}_task task, void *context, int32_t count);
void {name}_threads_stop({name}_threads *pool);"""


def _port(upper: str, kind: str, number: int, port: Port) -> Iterator[str]:
    prefix = _prefix(upper, kind, port)
    shape = ", ".join(map(str, port.type.shape))
    yield f"/* {kind} {number}: {_comment(port.source)}, {port.type.element} of shape [{shape}] */"
    if port.scale is not None:
        yield "/* real = SCALE * (code - ZERO_POINT) */"
    yield f"#define {prefix}_INDEX {number}"
    yield f"#define {prefix}_TYPE {c_type(port.type)}"
    yield f"#define {prefix}_RANK {port.type.rank}"
    yield f"#define {prefix}_SHAPE {{{shape or 1}}}"
    yield f"#define {prefix}_SIZE {port.type.size}"
    if port.scale is not None:
        yield f"#define {prefix}_SCALE {port.scale.value.hex()}f"
        yield f"#define {prefix}_ZERO_POINT {port.zero_point}"


def _prefix(upper: str, kind: str, port: Port) -> str:
    return f"{upper}_{kind.upper()}_{port.identifier.upper()}"


def _comment(text: str) -> str:
    return text.replace("*/", "* /")


def example_program(name: str, interface: Interface, threads: int = 1) -> str:
    """``main.c``: reads raw inputs from files, runs, prints every output element on a line."""
    upper = name.upper()
    if threads > 1:
        parts = f"main.c {name}_threads.c {name}.o -pthread"
        run = _RUN_PARALLEL.format(name=name, upper=upper)
    else:
        parts = f"main.c {name}.o"
        run = f"    if ({name}_run(inputs, outputs, arena)) return 1;\n"
    inputs = "".join(_read(number) for number in range(len(interface.inputs)))
    outputs = "".join(_print(upper, number, port) for number, port in enumerate(interface.outputs))
    given = ", ".join(f"input_{n}" for n in range(len(interface.inputs))) or "0"
    taken = ", ".join(f"output_{n}" for n in range(len(interface.outputs)))
    buffers = "".join(
        f"static {_prefix(upper, kind, port)}_TYPE {kind}_{number}"
        f"[{_prefix(upper, kind, port)}_SIZE];\n"
        for kind, ports in (("input", interface.inputs), ("output", interface.outputs))
        for number, port in enumerate(ports)
    )
    return f"""/* cc {parts} -o {name} && ./{name} INPUT... (raw files, in order) */
#include <inttypes.h>
#include <stdio.h>

#include "{name}.h"

{buffers}static _Alignas({upper}_ARENA_ALIGNMENT) uint8_t arena[{upper}_ARENA_SIZE];

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
{inputs}    const void *inputs[] = {{{given}}};
    void *outputs[] = {{{taken}}};
{run}{outputs}    return 0;
}}
"""


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
    size = f"{_prefix(upper, 'output', port)}_SIZE"
    kind = c_type(port.type)
    if kind == "float":
        shown = f'"%a\\n", (double)output_{number}[i]'
    elif kind.startswith("u"):
        shown = f'"%" PRIu64 "\\n", (uint64_t)output_{number}[i]'
    else:
        shown = f'"%" PRId64 "\\n", (int64_t)output_{number}[i]'
    return f"    for (long i = 0; i < {size}; i++) printf({shown});\n"
