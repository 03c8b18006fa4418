# SPDX-License-Identifier: Apache-2.0
"""What the processor is fed: a data set, or random numbers over the range of the codes."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from intaglio.commands.batches import batch_of, graph_feeds
from intaglio.commands.data import Dataset
from intaglio.commands.data.random_inputs import random_input
from intaglio.compiler.ir import fixed
from intaglio.compiler.ir.graph import Array, Graph, Input


@dataclass(frozen=True, slots=True)
class Feeds:
    """Runs of a graph.

    Attributes:
        source: where they are from, as a sentence says it.
        runs: inputs by the graph's names, each a batch.
        samples: how many samples they are.
        random: whether they are random numbers.
    """

    source: str
    runs: Sequence[dict[str, Array]]
    samples: int
    random: bool


def dataset_feeds(graph: Graph, dataset: Dataset, source: str) -> Feeds:
    """All of a data set; the last batch is filled up with its last sample.

    Raises:
        InvalidData: the graph's inputs have no batch in common.
    """
    batches = dataset.batches(batch_of(graph))
    runs = [graph_feeds(graph, batch.inputs) for batch in batches]
    return Feeds(f"{_count(len(dataset))} of {source}", runs, len(dataset), random=False)


def random_feeds(graph: Graph, samples: int, seed: int) -> Feeds:
    """Uniform inputs: every code alike, or the reals that the codes stand for.

    Args:
        graph: at the fixed level.
        samples: at least so many; whole batches.
        seed: of the generator.
    """
    generator = np.random.default_rng(seed)
    extents = {given.type.shape[0] for given in graph.inputs if given.type.shape}
    batch = extents.pop() if len(extents) == 1 else 1
    runs = [
        {
            given.name: random_input(given.type, _range(graph, given), generator)
            for given in graph.inputs
        }
        for _ in range(-(-samples // batch))
    ]
    count = len(runs) * batch
    return Feeds(f"{_count(count)} of random codes, seed {seed}", runs, count, random=True)


def _count(samples: int) -> str:
    return "1 sample" if samples == 1 else f"{samples:,} samples"


def _range(graph: Graph, given: Input) -> tuple[float, float]:
    """The reals that the codes stand for which the input is quantized to."""
    for node, op in graph.nodes_of(fixed.Quantize):
        if given.name in node.operands:
            scale, codes = float(op.scale.fraction), node.type.integer
            return (codes.minimum - op.zero_point) * scale, (codes.maximum - op.zero_point) * scale
    return -1.0, 1.0
