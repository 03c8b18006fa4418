# SPDX-License-Identifier: Apache-2.0
"""Run the real graph on data and note what every value does."""

from collections.abc import Callable, Collection, Iterable, Sized
from math import prod

import numpy as np
import onnx_ir as ir

from intaglio.compiler.real.onnx_runtime import Array, Feeds, Session
from intaglio.compiler.real.statistics import Statistics, ValueStatistics
from intaglio.errors import InvalidData

Progress = Callable[[int, int | None], None]

MAXIMUM_BYTES_HELD = 256 * 2**20  # of observed values at one time


def observe(
    model: ir.Model,
    batches: Iterable[Feeds],
    values: Collection[str] | None = None,
    progress: Progress | None = None,
) -> Statistics:
    """Run ``model`` over ``batches`` and return the extremes of its float values.

    Args:
        model: a float model; it stays as it is.
        batches: arrays by input name; consumed once, one batch held at a time.
        values: names to observe; None means every float input and computed value.
        progress: called after each batch with batches done and their total if it is known.

    Raises:
        InvalidData: there is no batch, a batch doesn't fit the inputs, or a value isn't finite.
    """
    seen: dict[str, ValueStatistics] = {}

    def note(name: str, array: Array) -> None:
        if array.size:
            new = extremes(name, array)
            seen[name] = seen[name].joined(new) if name in seen else new

    samples = run_over(model, batches, note, values, progress)
    return Statistics(seen, samples)


def run_over(
    model: ir.Model,
    batches: Iterable[Feeds],
    note: Callable[[str, Array], None],
    values: Collection[str] | None = None,
    progress: Progress | None = None,
) -> int:
    """Run ``model`` over ``batches`` and hand every observed value of every batch to ``note``.

    The graph runs as it is written (no fusion), with the observed values as extra outputs. They
    are fetched in chunks of bounded size: where one batch yields more than
    ``MAXIMUM_BYTES_HELD``, the batch is run once for each chunk.

    Args:
        model: a float model; it stays as it is.
        batches: arrays by input name; consumed once, one batch held at a time.
        note: called with a value's name and array, once for each batch.
        values: names to observe; None means every float input and computed value.
        progress: called after each batch with batches done and their total if it is known.

    Returns:
        How many samples (leading dimension) were run.

    Raises:
        InvalidData: there is no batch, or a batch doesn't fit the inputs.
    """
    graph = _with_outputs(model, values)
    fed = [v.name for v in graph.graph.inputs if v.name and (values is None or v.name in values)]
    returned = {value.name for value in graph.graph.outputs}
    computed = [
        value
        for node in graph.graph
        for value in node.outputs
        if value.name in returned and (values is None or value.name in values)
    ]
    session = Session(graph, optimize=False)
    total = len(batches) if isinstance(batches, Sized) else None
    samples = 0
    for done, feeds in enumerate(batches, start=1):
        samples += _batch_size(feeds)
        for name in fed:
            note(name, _feed(feeds, name))
        for chunk in _chunks(computed, _batch_size(feeds)):
            for name, array in session.run(feeds, chunk).items():
                note(name, array)
        if progress is not None:
            progress(done, total)
    if samples == 0:
        raise InvalidData(
            "calibration data", "no sample", "at least one", "give data to calibrate with"
        )
    return samples


def extremes(name: str, array: Array) -> ValueStatistics:
    """Of an array that isn't empty.

    Raises:
        InvalidData: a number isn't finite.
    """
    low, high = float(np.min(array)), float(np.max(array))
    if not (np.isfinite(low) and np.isfinite(high)):
        raise InvalidData(
            f"value {name}",
            "NaN or infinite numbers when run on the data",
            "finite numbers",
            "check the preprocessing and the model's weights",
        )
    return ValueStatistics(low, high, array.size)


def _with_outputs(model: ir.Model, values: Collection[str] | None) -> ir.Model:
    """A copy of the model that returns every value to observe."""
    copy = model.clone()
    returned = {value.name for value in copy.graph.outputs}
    for node in copy.graph:
        for value in node.outputs:
            wanted = values is None or value.name in values
            if value.name and wanted and value.name not in returned and _is_float(value):
                copy.graph.outputs.append(value)
    return copy


def _is_float(value: ir.Value) -> bool:
    return value.dtype in (None, ir.DataType.FLOAT)


def _batch_size(feeds: Feeds) -> int:
    first = next(iter(feeds.values()), None)
    return 0 if first is None or first.ndim == 0 else int(first.shape[0])


def _feed(feeds: Feeds, name: str) -> Array:
    if name not in feeds:
        found = ", ".join(feeds) or "nothing"
        raise InvalidData("a batch", f"{found}", f"an array for input {name}", "name it so")
    return feeds[name]


def _chunks(values: list[ir.Value], batch: int) -> Iterable[list[str]]:
    """Names in order, cut where the bytes of one run would exceed the bound."""
    chunk: list[str] = []
    held = 0
    for value in values:
        dims = [] if value.shape is None else list(value.shape)
        size = 4 * prod(dim if isinstance(dim, int) else batch for dim in dims)
        if chunk and held + size > MAXIMUM_BYTES_HELD:
            yield chunk
            chunk, held = [], 0
        chunk.append(value.name or "")
        held += size
    if chunk:
        yield chunk
