# SPDX-License-Identifier: Apache-2.0
"""The C header of a compiled network."""

from collections.abc import Iterator, Sequence

from intaglio.compiler.targets.tvm.interface import Interface, Port, c_type
from intaglio.compiler.targets.tvm.plan import ALIGNMENT


def header(
    name: str,
    interface: Interface,
    arena: int,
    version: str,
    threads: int = 1,
    layers: Sequence[str] = (),
) -> str:
    """``NAME.h``: shapes, types, scales and zero points, the arena, and the function.

    Args:
        name: the prefix of every identifier.
        interface: the ports.
        arena: bytes of memory that a call needs.
        version: of the compiler.
        threads: that a call may keep busy; 1 for a function that has no use for more.
        layers: the names of the steps, for a network that shows their results.
    """
    lines = _lines(name, interface, arena, version, threads, layers)
    return "".join(f"{line}\n" for line in lines)


def _lines(
    name: str,
    interface: Interface,
    arena: int,
    version: str,
    threads: int,
    layers: Sequence[str],
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
    if layers:
        names = ", ".join(map(_quoted, layers))
        text = _LAYERS.format(name=name, upper=upper, count=len(layers), names=names)
        yield from text.split("\n")
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


_LAYERS = """
/* The steps of the network, and the names of their results in the order in which they run. */
#define {upper}_LAYERS {count}
#define {upper}_LAYER_NAMES {{{names}}}

/* Sees the result of a step, counted from 0: so many bytes, which may change after it returns. */
typedef void (*{name}_layer_callback)(void *context, int32_t layer, const void *result,
                                      int32_t bytes);

/* {name}_run, which calls callback, with context, after each step; not without a callback. */
int32_t {name}_run_traced(const void *const *inputs, void *const *outputs, void *arena,
                          {name}_layer_callback callback, void *context);"""


def _port(upper: str, kind: str, number: int, port: Port) -> Iterator[str]:
    prefix = macro_prefix(upper, kind, port)
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


def macro_prefix(upper: str, kind: str, port: Port) -> str:
    """What the macros of a port begin with."""
    return f"{upper}_{kind.upper()}_{port.identifier.upper()}"


def _comment(text: str) -> str:
    return text.replace("*/", "* /")


def _quoted(text: str) -> str:
    """A string of C; two question marks begin a trigraph."""
    plain = text.replace("\\", "\\\\").replace('"', '\\"').replace("?", "\\?")
    return f'"{plain}"'
