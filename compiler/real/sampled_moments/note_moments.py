# SPDX-License-Identifier: Apache-2.0
"""Mean and standard deviation of each layer's channels, noted as samples show them."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from intaglio.compiler.real.distributions.propagate_linear import PRODUCTS
from intaglio.compiler.real.editing import all_values
from intaglio.compiler.real.observe import run_over
from intaglio.compiler.real.onnx_runtime import Array, Feeds
from intaglio.compiler.real.outcome import Note, Outcome
from intaglio.compiler.real.statistics import read_channel_statistics, write_channel_statistics
from intaglio.errors import InvalidData

Progress = Callable[[int, int | None], None]
Reals = NDArray[np.float64]


@dataclass(slots=True)
class _Sums:
    """Of one value by channel: how many numbers, their sum and that of their squares."""

    count: int
    total: Reals
    squares: Reals


def note_moments(
    model: ir.Model,
    batches: Iterable[Feeds],
    seen: ir.Model | None = None,
    progress: Progress | None = None,
) -> Outcome:
    """Note ``intaglio.statistics`` on each linear layer's output that has none.

    With x over samples and positions: mean = E[x], std = sqrt(E[x^2] - E[x]^2) per channel (axis
    1). So all that works from what BatchNormalization kept works for networks that have none, or
    whose BatchNormalization was folded elsewhere, as well as the samples resemble real ones.

    Args:
        model: a normalized model; it stays as it is.
        batches: arrays by input name; consumed once.
        seen: the network that is run, with the same names, as ``keep_positions`` makes it for
            random images; None for the model itself.
        progress: called after each batch with batches done and their total if it is known.

    Raises:
        InvalidData: there is no batch, one doesn't fit the inputs, or what a layer yields isn't
            finite.
    """
    model = model.clone()
    wanted = [
        value
        for node in model.graph
        for value in node.outputs[:1]
        if node.op_type in PRODUCTS and node.domain == "" and _lacks(value)
    ]
    if not wanted:
        return Outcome(model, 0, "every layer has statistics")
    sums: dict[str, _Sums] = {}

    def note(name: str, array: Array) -> None:
        rows = np.moveaxis(array.astype(np.float64), 1, 0).reshape(array.shape[1], -1)
        found = sums.setdefault(name, _Sums(0, np.zeros(len(rows)), np.zeros(len(rows))))
        found.count += rows.shape[1]
        found.total += rows.sum(axis=1)
        found.squares += np.square(rows).sum(axis=1)

    names = [value.name or "" for value in wanted]
    samples = run_over(seen or model, batches, note, names, progress)
    notes: list[Note] = []
    channels = 0
    for value in all_values(model.graph):
        if value.name in sums:
            mean, std = _moments(value, sums[value.name])
            write_channel_statistics(value, mean, std)
            channels += mean.size
            figures = {"mean": float(mean.mean()), "std": float(np.sqrt(np.mean(np.square(std))))}
            said = f"std {figures['std']:.4g} (root mean square of {mean.size} channels)"
            notes.append(Note(value.name, said, figures))
    said = f"{channels} channels of {len(wanted)} layers, on {samples} samples"
    return Outcome(model, channels, said, tuple(notes))


def _lacks(value: ir.Value) -> bool:
    known = value.shape is not None and len(value.shape) > 1
    return known and read_channel_statistics(value) is None


def _moments(value: ir.Value, sums: _Sums) -> tuple[Reals, Reals]:
    mean = sums.total / max(sums.count, 1)
    with np.errstate(over="ignore", invalid="ignore"):
        variance = sums.squares / max(sums.count, 1) - np.square(mean)
    if not (np.isfinite(mean).all() and np.isfinite(variance).all()):
        raise InvalidData(
            f"value {value.name}",
            "NaN or infinite numbers when run on samples",
            "finite numbers",
            "check --input-range or the preprocessing, and the model's weights",
        )
    # What is left of a constant channel is rounding.
    rounding = 1e-12 * np.square(mean)
    std: Reals = np.sqrt(np.where(variance > rounding, variance, 0.0))
    return mean, std
