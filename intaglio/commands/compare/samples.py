# SPDX-License-Identifier: Apache-2.0
"""What both sides are fed: a data set, or random numbers over the range of the model's codes."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from intaglio.commands.batches import batch_of, graph_feeds, graph_specs
from intaglio.commands.compare.subject import Subject, Tensors
from intaglio.commands.data import Dataset, InputSpec
from intaglio.commands.data.random_inputs import random_input
from intaglio.compiler.ir import scaled
from intaglio.compiler.ir.graph import Graph, Input
from intaglio.compiler.ir.types import Quantization
from intaglio.numerics.integers import IntType


def random_samples(subject: Subject, count: int, seed: int) -> Iterator[Tensors]:
    """``count`` runs of uniform inputs: of every code, or of the reals that codes stand for."""
    rng = np.random.default_rng(seed)
    for _ in range(count):
        drawn = {
            given.source: random_input(given.type, _range(subject.graph, given), rng)
            for given in subject.inputs
        }
        yield subject.fitted(drawn)


def dataset_samples(subject: Subject, dataset: Dataset) -> Iterator[Tensors]:
    """A data set, a batch of the graph at a time."""
    interface = replace(subject.graph, inputs=subject.inputs)
    for batch in dataset.batches(batch_of(interface)):
        feeds = graph_feeds(interface, batch.inputs)
        yield {given.source: feeds[given.name] for given in subject.inputs}


def specs(subject: Subject) -> tuple[InputSpec, ...]:
    """What the model asks of data."""
    return graph_specs(replace(subject.graph, inputs=subject.inputs))


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
