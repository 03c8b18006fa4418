# SPDX-License-Identifier: Apache-2.0
"""Regions: the channels between linear layers, and which of their scales may be chosen freely."""

from collections.abc import Mapping
from dataclasses import dataclass

import networkx as nx
import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from intaglio.compiler.real.editing import name_of
from intaglio.compiler.real.equalization.channel_ties import (
    Barrier,
    ChannelTies,
    ConstantOperand,
    Layer,
    Slots,
)
from intaglio.compiler.real.equalization.follow_channels import follow_channels


@dataclass(frozen=True, slots=True, eq=False)
class Region:
    """Tensors whose channels are tied to each other's, and the layers around them.

    Attributes:
        scales: the numbers of its scales, in order; each belongs to one channel, or several.
        sources: the indexes of the layers that compute its channels.
        sinks: the indexes of the layers that read them.
        barriers: why some or all of its scales can only be 1, one for each cause.
    """

    scales: Slots
    sources: tuple[int, ...]
    sinks: tuple[int, ...]
    barriers: tuple[Barrier, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Scales:
    """All scales of a network: dividing every element by its own leaves the function the same.

    A layer's weights are to be multiplied by the scales of what it reads and divided by those of
    its result, its bias divided by the latter, a constant operand by its own.

    Attributes:
        free: for each scale, whether it may be other than 1.
        layers: the linear layers; their slots are numbers of scales here.
        constants: constants that are divided by scales, likewise.
        values: the numbers of the scales of each value.
        regions: in the order of the network.
    """

    free: NDArray[np.bool_]
    layers: tuple[Layer, ...]
    constants: tuple[ConstantOperand, ...]
    values: Mapping[ir.Value, Slots]
    regions: tuple[Region, ...]


def find_regions(graph: ir.Graph) -> Scales:
    """The scales of a normalized model and the regions that they form.

    A scale is free where nothing it touches is a barrier and both a source and a sink are there to
    take it up. Two tensors are in one region if a channel of one is tied to one of the other's.

    Source: Nagel et al. (2019), section 4.1, for pairs; that tied branches form regions with a
    common scale follows from the same equation.
    """
    ties = follow_channels(graph)
    numbers = _components(ties.shared, len(ties.families))
    count = int(numbers.max(initial=-1)) + 1
    layers = tuple(
        Layer(layer.node, layer.linear, numbers[layer.inputs], numbers[layer.outputs])
        for layer in ties.layers
    )
    constants = tuple(ConstantOperand(c.node, c.index, numbers[c.slots]) for c in ties.constants)
    values = {value: numbers[slots] for value, slots in ties.values.items()}
    ends = np.zeros((2, count), dtype=bool)
    for layer in layers:
        ends[0, layer.outputs] = ends[1, layer.inputs] = True
    free: NDArray[np.bool_] = ends[0] & ends[1]
    free[numbers[[barrier.slot for barrier in ties.barriers]]] = False
    return Scales(free, layers, constants, values, _regions(ties, numbers, layers))


def _components(graph: "nx.Graph[int]", count: int) -> Slots:
    """For each slot the number of its component, in the order of first slots."""
    numbers = np.zeros(count, dtype=np.int64)
    for number, members in enumerate(sorted(nx.connected_components(graph), key=min)):
        numbers[list(members)] = number
    return numbers


def _regions(ties: ChannelTies, numbers: Slots, layers: tuple[Layer, ...]) -> tuple[Region, ...]:
    """Scales are in one region if a tensor has both."""
    touching: nx.Graph[int] = nx.Graph()
    first_of: dict[int, int] = {}
    for number, family in zip(numbers.tolist(), ties.families, strict=True):
        touching.add_edge(first_of.setdefault(family, number), number)
    region_of = _components(touching, int(numbers.max(initial=-1)) + 1)
    count = int(region_of.max(initial=-1)) + 1
    scales = [list[int]() for _ in range(count)]
    sources = [list[int]() for _ in range(count)]
    sinks = [list[int]() for _ in range(count)]
    for number, region in enumerate(region_of.tolist()):
        scales[int(region)].append(number)
    for index, layer in enumerate(layers):
        for region in np.unique(region_of[layer.outputs]).tolist():
            sources[int(region)].append(index)
        for region in np.unique(region_of[layer.inputs]).tolist():
            sinks[int(region)].append(index)
    barriers = [dict[tuple[str, str], Barrier]() for _ in range(count)]
    for barrier in ties.barriers:
        found = barriers[region_of[numbers[barrier.slot]]]
        found.setdefault((barrier.where, barrier.why), barrier)
    return tuple(
        Region(np.array(own), tuple(before), tuple(after), tuple(found.values()))
        for own, before, after, found in zip(scales, sources, sinks, barriers, strict=True)
    )


def describe_region(region: Region, layers: tuple[Layer, ...]) -> str:
    """Its layers by name: those that write, an arrow, those that read."""
    before, after = (
        ", ".join(name_of(layers[index].node) for index in indexes) or "nothing"
        for indexes in (region.sources, region.sinks)
    )
    return f"{before} -> {after}"
