# SPDX-License-Identifier: Apache-2.0
"""What the stages of requantizers give, as arrays to write."""

from collections.abc import Iterator, Sequence

import numpy as np

from intaglio.commands.export.columns import FLOAT32, FLOAT64, as_array, narrowest
from intaglio.commands.export.tensors import ExportedTensor
from intaglio.commands.vectors.layers import Layer
from intaglio.numerics.corners.tracing import StageValue, trace
from intaglio.numerics.float32 import Float32
from intaglio.numerics.requantizers import Requantizer


def stage_tensors(
    layer: Layer, channels: Sequence[int], accumulators: Sequence[int]
) -> Iterator[ExportedTensor]:
    """``stages/NAME`` ``[vectors]``: of the channel that each vector is about."""
    if not layer.requantizers:
        return
    requantizers = [layer.requantizers[channel] for channel in channels]
    yield from requantizer_tensors(requantizers, accumulators)


def requantizer_tensors(
    requantizers: Sequence[Requantizer], accumulators: Sequence[int]
) -> Iterator[ExportedTensor]:
    """The stages of each requantizer at the accumulator beside it.

    Where requantizers have different stages, each kind is at ``stages-NUMBER/NAME``, with
    ``stages-NUMBER/vector`` for the places that it serves.
    """
    kinds: dict[tuple[str, ...], list[tuple[int, tuple[StageValue, ...]]]] = {}
    for place, (requantizer, x) in enumerate(zip(requantizers, accumulators, strict=True)):
        values = trace(requantizer, x)
        kinds.setdefault(tuple(each.stage for each in values), []).append((place, values))
    for number, (names, rows) in enumerate(kinds.items()):
        folder = "stages" if len(kinds) == 1 else f"stages-{number}"
        if len(kinds) > 1:
            yield _tensor(f"{folder}/vector", [place for place, _ in rows])
        for index, name in enumerate(names):
            column = [values[index].value for _, values in rows]
            yield _tensor(f"{folder}/{name.replace(' ', '_')}", column)


def _tensor(name: str, values: Sequence[int | Float32 | object]) -> ExportedTensor:
    if all(isinstance(value, int) for value in values):
        integers = [int(value) for value in values if isinstance(value, int)]
        element = narrowest(integers)
        return ExportedTensor(name, element, as_array(integers, element))
    single = isinstance(values[0], Float32)
    numbers = [getattr(value, "value") for value in values]  # noqa: B009
    dtype = np.float32 if single else np.float64
    return ExportedTensor(name, FLOAT32 if single else FLOAT64, np.array(numbers, dtype))
