# SPDX-License-Identifier: Apache-2.0
"""Batches of the extent that a graph was specialised to."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from intaglio.commands.data import InputSpec
from intaglio.compiler.ir.graph import Graph
from intaglio.compiler.ir.types import FloatType
from intaglio.errors import InvalidData


def batch_of(graph: Graph) -> int:
    """The leading extent that all inputs of the graph share.

    Raises:
        InvalidData: an input has no dimension, or the inputs have different leading extents.
    """
    extents = {given.type.shape[0] if given.type.shape else None for given in graph.inputs}
    if len(extents) == 1:
        (extent,) = extents
        if extent is not None:
            return extent
    listed = ", ".join(f"{given.name} {list(given.type.shape)}" for given in graph.inputs)
    raise InvalidData(
        f"graph {graph.name}",
        f"inputs {listed}",
        "one leading dimension, the batch, in every input",
        "give inputs a batch dimension",
    )


def graph_specs(graph: Graph) -> tuple[InputSpec, ...]:
    """What the graph's inputs ask of data, under the names of the user's model."""
    return tuple(
        InputSpec(
            given.source or given.name,
            (None, *given.type.shape[1:]),
            np.dtype(np.float32)
            if isinstance(given.type.element, FloatType)
            else given.type.element.dtype,
        )
        for given in graph.inputs
    )


def graph_feeds(graph: Graph, inputs: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """A batch of data by the graph's own names, filled up to the graph's batch."""
    return {
        given.name: pad_batch(inputs[given.source or given.name], given.type.shape[0])
        for given in graph.inputs
    }


def pad_batch(array: NDArray[Any], count: int) -> NDArray[Any]:
    """The samples ``[n, …]`` filled up to ``count`` with copies of the last one."""
    missing = count - len(array)
    if missing <= 0:
        return array
    return np.concatenate([array, np.repeat(array[-1:], missing, axis=0)])
