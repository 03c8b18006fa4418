# SPDX-License-Identifier: Apache-2.0
"""Export the integers of a fixed graph, with golden tensors where there is data."""

from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import assert_never

from intaglio.commands.batches import batch_of, graph_feeds
from intaglio.commands.data import Dataset
from intaglio.commands.engines import EngineName, prepare
from intaglio.commands.export.c_header import write_c_header
from intaglio.commands.export.hexadecimal import write_hexadecimal
from intaglio.commands.export.npz import write_npz
from intaglio.commands.export.tensors import collect
from intaglio.commands.output_files import (
    require_free_folder,
    require_writable,
    whole_file,
    whole_folder,
)
from intaglio.compiler.ir.graph import Array, Graph


class ExportFormat(Enum):
    """The forms an export takes: one file, one file, a folder."""

    NPZ = "npz"
    C_HEADER = "c-header"
    HEX = "hex"


@dataclass(frozen=True, slots=True)
class ExportSummary:
    """What was written: the place, how many arrays, how many values, of how many runs."""

    output: Path
    format: ExportFormat
    arrays: int
    values: int
    golden_runs: int


def export_integers(
    graph: Graph, output: Path, form: ExportFormat, dataset: Dataset | None = None
) -> ExportSummary:
    """Write every constant, every number of every op, and golden tensors, whole or not at all.

    Args:
        graph: a fixed graph.
        output: the file, or for ``HEX`` the folder, to make.
        form: how to write.
        dataset: samples to run for golden tensors (inputs, every intermediate, outputs); a batch
            that they don't fill is filled up with copies of the last.

    Raises:
        InvalidFile: ``output`` can't be written, or a folder stands there already.
        InvalidData: the data doesn't fit the graph.
    """
    if form is ExportFormat.HEX:
        require_free_folder(output)
    else:
        require_writable(output)
    golden = [] if dataset is None else _golden(graph, dataset)
    exported = collect(graph, golden)
    match form:
        case ExportFormat.NPZ:
            with whole_file(output) as partial:
                write_npz(exported, partial)
        case ExportFormat.C_HEADER:
            with whole_file(output) as partial:
                write_c_header(exported, partial, output.stem)
        case ExportFormat.HEX:
            with whole_folder(output) as partial:
                write_hexadecimal(exported, partial)
        case _:
            assert_never(form)
    tensors = tuple(exported.tensors())
    values = sum(tensor.array.size for tensor in tensors)
    return ExportSummary(output, form, len(tensors), values, len(golden))


def _golden(graph: Graph, dataset: Dataset) -> list[dict[str, Array]]:
    run = prepare(graph, EngineName.VECTORIZED)
    runs: list[dict[str, Array]] = []
    for batch in dataset.batches(batch_of(graph)):
        tensors: dict[str, Array] = {}
        run(graph_feeds(graph, batch.inputs), tensors.__setitem__)
        runs.append(tensors)
    return runs
