# SPDX-License-Identifier: Apache-2.0
"""A fixed graph in, a folder with an object and all that a C program needs to call it out."""

import json
import re
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from intaglio.commands.models import LoweringOptions, named, open_fixed
from intaglio.commands.output_files import whole_folder
from intaglio.compiler.ir.graph import Graph
from intaglio.compiler.targets.tvm.artifact import Strips, write_artifact
from intaglio.compiler.targets.tvm.footprint.budgets import NO_BUDGETS, Budgets
from intaglio.compiler.targets.tvm.footprint.picture import arena_picture
from intaglio.compiler.targets.tvm.footprint.report import Footprint
from intaglio.compiler.targets.tvm.machine import Machine
from intaglio.compiler.targets.tvm.package import write_package


@dataclass(frozen=True, slots=True)
class CompilationSummary:
    """What was written.

    Attributes:
        output: the folder.
        name: the prefix of every symbol and of the files.
        files: their names in the folder.
        triple: the machine, as LLVM writes it.
        instructions: the instruction set that kernels use.
        threads: that share the work of a call.
        arena_bytes: memory that the caller lends to a call.
        constant_bytes: weights, biases and tables in the object.
        kernels: how many steps of the network have each form of kernel.
        footprint: what it needs, in all and by layer.
        strips: layers that are computed in strips.
        seconds: to compile and write, without lowering.
        advice: how to make what couldn't be made here; empty where all is there.
    """

    output: Path
    name: str
    files: tuple[str, ...]
    triple: str
    instructions: str
    threads: int
    arena_bytes: int
    constant_bytes: int
    kernels: dict[str, int]
    footprint: Footprint
    strips: tuple[Strips, ...]
    seconds: float
    advice: str = ""


def compile_file(
    path: Path,
    output: Path,
    options: LoweringOptions,
    machine: Machine,
    name: str | None = None,
    threads: int = 1,
    *,
    layer_callback: bool = False,
    draw: bool = False,
    budgets: Budgets = NO_BUDGETS,
    tile: bool | None = None,
) -> CompilationSummary:
    """Compile the model in ``path`` into the folder ``output``, whole or not at all.

    Args:
        path: an ``.intaglio`` file, or a quantized ONNX model, which is lowered first.
        output: the folder to make.
        options: profile, batch, shapes.
        machine: what the object is for.
        name: a C identifier; None for one made of the file's name.
        threads: that share the work of a call.
        layer_callback: whether there is a function that shows the result of each step.
        draw: whether to write a picture of the arena, too.
        budgets: memory that the network may need.
        tile: whether to compute layers in strips; None: where the RAM would not suffice otherwise.

    Raises:
        ExceedsBudget: the network needs more memory than it may.
        InvalidFile: the model can't be read, or something stands at ``output``.
        InvalidOption: an option doesn't fit, or the name is no C identifier.
        UnsupportedModel: parts of the model have no integer form, or no kernel.
    """
    graph = open_fixed(path, options)
    with named(path):
        name = identifier(path.stem) if name is None else name
        return compile_graph(
            graph,
            output,
            machine,
            name,
            threads,
            layer_callback=layer_callback,
            draw=draw,
            budgets=budgets,
            tile=tile,
        )


def compile_graph(
    graph: Graph,
    output: Path,
    machine: Machine,
    name: str,
    threads: int = 1,
    *,
    layer_callback: bool = False,
    draw: bool = False,
    budgets: Budgets = NO_BUDGETS,
    tile: bool | None = None,
) -> CompilationSummary:
    """Compile a fixed graph into the folder ``output``, whole or not at all.

    With ``draw`` a picture of the arena, NAME_arena.svg, is among the files.

    Raises:
        ExceedsBudget: the network needs more memory than it may.
        InvalidFile: something stands at ``output``, or nothing can be written there.
        InvalidOption: the name is no C identifier, or the number of threads makes no sense.
        UnsupportedModel: a node has no kernel.
    """
    started = time.perf_counter()
    with whole_folder(output) as partial:
        written = write_artifact(
            graph,
            name,
            partial,
            machine,
            threads=threads,
            layer_callback=layer_callback,
            budgets=budgets,
            tile=tile,
        )
        package = write_package(written, name, machine, threads)
        manifest = json.loads(written.manifest.read_text(encoding="utf-8"))
        files = [file.name for file in (*written.files, *package.files)]
        if draw:
            picture = partial / f"{name}_arena.svg"
            picture.write_text(arena_picture(written.footprint), encoding="utf-8")
            files.append(picture.name)
    return CompilationSummary(
        output=output,
        name=name,
        files=tuple(files),
        triple=machine.triple,
        instructions=machine.instructions.value,
        threads=threads,
        arena_bytes=manifest["arena"]["bytes"],
        constant_bytes=manifest["constants"]["bytes"],
        kernels=dict(Counter(layer.form for layer in written.footprint.layers)),
        footprint=written.footprint,
        strips=written.strips,
        seconds=time.perf_counter() - started,
        advice=package.advice,
    )


def identifier(text: str) -> str:
    """A C identifier like ``text``.

    >>> identifier("net-v2.qdq"), identifier("8x8")
    ('net_v2_qdq', 'network_8x8')
    """
    plain = re.sub(r"\W", "_", text, flags=re.ASCII)
    return plain if plain[:1].isalpha() else f"network_{plain}"
