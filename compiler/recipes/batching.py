# SPDX-License-Identifier: Apache-2.0
"""Samples in the batches that a model takes."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from intaglio.compiler.real.onnx_runtime import Feeds

CALIBRATION_BATCH = 8


def fixed_batch(model: ir.Model) -> int | None:
    """The batch that the model's file fixes; None where it is open."""
    extents = [value.shape[0] for value in model.graph.inputs if value.shape]
    return next((extent for extent in extents if isinstance(extent, int) and extent), None)


def in_batches(
    model: ir.Model, samples: Mapping[str, NDArray[Any]], otherwise: int = CALIBRATION_BATCH
) -> list[Feeds]:
    """Arrays ``[samples, ...]`` as batches of the model's own size, else of ``otherwise``.

    A fixed batch is filled up with samples from the front.
    """
    fixed = fixed_batch(model)
    size = fixed or otherwise
    count = min((len(array) for array in samples.values()), default=0)
    batches: list[Feeds] = []
    for first in range(0, count, size):
        last = min(first + size, count)
        missing = 0 if fixed is None else first + size - last
        batches.append(
            {name: filled_up(array[first:last], array, missing) for name, array in samples.items()}
        )
    return batches


def filled_up(array: NDArray[Any], front: NDArray[Any], count: int) -> NDArray[Any]:
    """The samples ``[n, ...]`` and ``count`` of ``front`` in turn."""
    if not count:
        return array
    return np.concatenate([array, front[np.arange(count) % len(front)]])
