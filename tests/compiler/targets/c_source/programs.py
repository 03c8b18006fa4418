# SPDX-License-Identifier: Apache-2.0
"""Compile a network's C source as strictly as compilers can, run it, and demand every tensor."""

import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest

from intaglio.compiler.ir.graph import Array, Graph
from intaglio.compiler.targets.c_source.artifact import SourceArtifact, write_source
from intaglio.compiler.targets.tvm.interface import Borders
from intaglio.compiler.targets.tvm.kernels.scope import dtype_of
from intaglio.simulator import vectorized
from tests.simulator.engines import assert_same_tensor

needs_gcc = pytest.mark.skipif(shutil.which("gcc") is None, reason="needs gcc")

STRICT = ["-std=c99", "-Wall", "-Wextra", "-pedantic", "-Werror"]
SANITIZED = ["-O1", "-fsanitize=undefined,address", "-fno-sanitize-recover=all"]

# Each sample's inputs come from the standard input; each step's result, then the outputs, go to the
# standard output.  Blocks of their exact sizes let the sanitizer see every access beside them.
PROGRAM = """
#include <stdio.h>
#include <stdlib.h>

#include "net.h"

static const size_t input_sizes[] = {INPUT_SIZES};
static const size_t output_sizes[] = {OUTPUT_SIZES};

static void show(void *context, int32_t layer, const void *result, int32_t bytes) {
    (void)context;
    (void)layer;
    fwrite(result, 1, (size_t)bytes, stdout);
}

int main(void) {
    const void *inputs[NET_INPUTS];
    void *buffers[NET_INPUTS], *outputs[NET_OUTPUTS], *arena = malloc(NET_ARENA_SIZE);
    for (int n = 0; n < NET_INPUTS; n++) inputs[n] = buffers[n] = malloc(input_sizes[n]);
    for (int n = 0; n < NET_OUTPUTS; n++) outputs[n] = malloc(output_sizes[n]);
    for (;;) {
        for (int n = 0; n < NET_INPUTS; n++)
            if (fread(buffers[n], 1, input_sizes[n], stdin) != input_sizes[n]) exit(0);
        if (net_run_traced(inputs, outputs, arena, show, NULL)) return 1;
        for (int n = 0; n < NET_OUTPUTS; n++) fwrite(outputs[n], 1, output_sizes[n], stdout);
    }
}
"""


def assert_source_agrees(
    graph: Graph,
    samples: Sequence[Mapping[str, Array]],
    folder: Path,
    flags: Sequence[str] = SANITIZED,
) -> SourceArtifact:
    """Every step's result and every output of every sample has the simulator's bits."""
    written = write_source(graph, "net", folder, Borders.FLOAT, layer_callback=True)
    inputs = [value.name for value in graph.inputs]
    text = PROGRAM.replace("INPUT_SIZES", _sizes(graph, inputs))
    (folder / "program.c").write_text(text.replace("OUTPUT_SIZES", _sizes(graph, graph.outputs)))
    command = ["gcc", *flags, *STRICT, "net.c", "program.c", "-o", "program"]
    built = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    content = b"".join(np.ascontiguousarray(s[name]).tobytes() for s in samples for name in inputs)
    leaks = {"ASAN_OPTIONS": "detect_leaks=0"}
    done = subprocess.run(["./program"], cwd=folder, input=content, capture_output=True, env=leaks)
    assert done.returncode == 0, done.stderr.decode()
    shown = [form.name for form in written.network.forms]
    offset = 0
    for sample in samples:
        values: dict[str, Array] = {value: np.asarray(sample[value]) for value in inputs}
        values |= {constant.name: constant.array for constant in graph.constants}
        vectorized.run(graph, sample, values.__setitem__)
        for name in (*shown, *graph.outputs):
            type = graph.type_of(name)
            found = np.frombuffer(done.stdout, dtype_of(type), type.size, offset)
            assert_same_tensor("C", name, found.reshape(type.shape), values[name])
            offset += found.nbytes
    assert offset == len(done.stdout)
    return written


def _sizes(graph: Graph, names: Sequence[str]) -> str:
    types = [graph.type_of(name) for name in names]
    return ", ".join(str(max(type.size * np.dtype(dtype_of(type)).itemsize, 1)) for type in types)
