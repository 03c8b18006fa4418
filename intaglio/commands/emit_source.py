# SPDX-License-Identifier: Apache-2.0
"""A fixed graph in, a folder with C99 source and all that a C program needs to call it out."""

import time
from dataclasses import dataclass
from pathlib import Path

from intaglio.commands.compile import identifier
from intaglio.commands.models import LoweringOptions, named, open_fixed
from intaglio.commands.output_files import whole_folder
from intaglio.compiler.targets.c_source.artifact import write_source


@dataclass(frozen=True, slots=True)
class SourceSummary:
    """What was written.

    Attributes:
        output: the folder.
        name: the prefix of every symbol and of the files.
        files: their names in the folder.
        arena_bytes: memory that the caller lends to a call.
        constant_bytes: weights, biases and tables.
        seconds: to write, without lowering.
    """

    output: Path
    name: str
    files: tuple[str, ...]
    arena_bytes: int
    constant_bytes: int
    seconds: float


def emit_source_file(
    path: Path,
    output: Path,
    options: LoweringOptions,
    name: str | None = None,
    *,
    layer_callback: bool = False,
) -> SourceSummary:
    """Write the model in ``path`` as C99 into the folder ``output``, whole or not at all.

    Args:
        path: an ``.intaglio`` file, or a quantized model, which is lowered first.
        output: the folder to make.
        options: profile, batch, shapes.
        name: a C identifier; None for one made of the file's name.
        layer_callback: whether there is a function that shows the result of each step.

    Raises:
        InvalidFile: the model can't be read, or something stands at ``output``.
        InvalidOption: an option doesn't fit, or the name is no C identifier.
        UnsupportedModel: parts of the model have no integer form, or no kernel.
    """
    graph = open_fixed(path, options)
    name = identifier(path.stem) if name is None else name
    started = time.perf_counter()
    with named(path), whole_folder(output) as partial:
        written = write_source(graph, name, partial, layer_callback=layer_callback)
        files = tuple(file.name for file in written.files)
    return SourceSummary(
        output=output,
        name=name,
        files=files,
        arena_bytes=written.network.plan.size,
        constant_bytes=written.network.constants,
        seconds=time.perf_counter() - started,
    )
