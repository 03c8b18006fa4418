# SPDX-License-Identifier: Apache-2.0
"""What both sides are fed: a data set, or random numbers over the range of the model's codes."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from intaglio.commands.batches import batch_of, graph_feeds
from intaglio.commands.compare.subject import Tensors
from intaglio.commands.data import Dataset
from intaglio.compiler.ir import scaled
from intaglio.compiler.ir.graph import Array, Graph, Input
from intaglio.compiler.ir.types import FloatType, Quantization
from intaglio.numerics.integers import IntType

_BEYOND = 0.05
"""The share of a range that random numbers reach beyond either end, where codes saturate."""


def random_samples(graph: Graph, count: int, seed: int) -> Iterator[Tensors]:
    """``count`` runs of uniform inputs: of every code, or of the reals that codes stand for."""
    rng = np.random.default_rng(seed)
    for _ in range(count):
        yield {given.source or given.name: _random(graph, given, rng) for given in graph.inputs}


def dataset_samples(graph: Graph, dataset: Dataset) -> Iterator[Tensors]:
    """A data set, a batch of the graph at a time."""
    names = {given.name: given.source or given.name for given in graph.inputs}
    for batch in dataset.batches(batch_of(graph)):
        feeds = graph_feeds(graph, batch.inputs)
        yield {names[name]: array for name, array in feeds.items()}


def _random(graph: Graph, given: Input, rng: np.random.Generator) -> Array:
    element, shape = given.type.element, given.type.shape
    if not isinstance(element, FloatType):
        drawn = rng.integers(element.minimum, element.maximum, shape, np.int64, endpoint=True)
        return drawn.astype(element.dtype)
    low, high = _range(graph, given)
    reach = _BEYOND * (high - low)
    reals: npt.NDArray[np.float64] = rng.uniform(low - reach, high + reach, shape)
    return reals.astype(np.float32)


def _range(graph: Graph, given: Input) -> tuple[float, float]:
    """The reals that the codes stand for which the input is quantized to."""
    for node, _ in graph.nodes_of(scaled.Quantize):
        element, quantization = node.type.element, node.type.quantization
        if (
            given.name in node.operands
            and isinstance(element, IntType)
            and isinstance(quantization, Quantization)
        ):
            scale, zero = float(quantization.scale.fraction), quantization.zero_point
            return (element.minimum - zero) * scale, (element.maximum - zero) * scale
    return -1.0, 1.0
