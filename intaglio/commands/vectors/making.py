# SPDX-License-Identifier: Apache-2.0
"""Corner vectors of a graph: solved, run, checked against the definition, written."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from intaglio.commands.export.tensors import ExportedTensor
from intaglio.commands.output_files import require_free_folder, whole_folder
from intaglio.commands.vectors.layers import (
    Layer,
    Skipped,
    channel_windows,
    layer_graph,
    layers_of,
    terms,
)
from intaglio.commands.vectors.stage_values import stage_tensors
from intaglio.commands.vectors.targets import Missed, Target, chosen_channels, targets_of
from intaglio.commands.vectors.writing import element_of, write_layer, write_manifest
from intaglio.compiler.ir.graph import Array, Graph
from intaglio.errors import AccumulatorTrapped
from intaglio.simulator import reference, vectorized

Progress = Callable[[int, int | None], None]


@dataclass(frozen=True, slots=True)
class LayerVectors:
    """The vectors of one layer.

    Attributes:
        layer: which.
        targets: one for each vector.
        missed: bins that no vector hits.
        reasons: what the channels were chosen for.
        tensors: the windows; the value behind every op, of all channels, or of the vector's own
            where the accumulator may trap; the stages of the requantizers.
    """

    layer: Layer
    targets: tuple[Target, ...]
    missed: tuple[Missed, ...]
    reasons: tuple[str, ...]
    tensors: tuple[ExportedTensor, ...] = field(repr=False)

    @property
    def hit(self) -> int:
        """How many bins are hit, each channel's counted."""
        return len(self.reasons) + sum(len(each.bins) for each in self.targets)

    @property
    def impossible(self) -> int:
        """How many bins are proved impossible."""
        return sum(each.impossible for each in self.missed)

    @property
    def reachable(self) -> int:
        """How many bins aren't proved impossible."""
        return self.hit + len(self.missed) - self.impossible


@dataclass(frozen=True, slots=True)
class Coverage:
    """What was written for a graph."""

    graph: str
    output: Path
    layers: tuple[LayerVectors, ...]
    skipped: tuple[Skipped, ...]


def write_vectors(
    graph: Graph, output: Path, more_channels: int, progress: Progress = lambda done, total: None
) -> Coverage:
    """Solve for the corner vectors of every layer, and write them whole or not at all.

    Args:
        graph: a fixed graph.
        output: the folder to make.
        more_channels: how many channels of each layer beside those with extreme parameters.
        progress: called with the layers done and their number.

    Raises:
        InvalidFile: something stands at ``output``, or it can't be written.
        InvalidGraph: the graph isn't at the fixed level.
    """
    require_free_folder(output)
    layers, skipped = layers_of(graph)
    done: list[LayerVectors] = []
    with whole_folder(output) as partial:
        entries: list[dict[str, object]] = []
        for number, layer in enumerate(layers):
            progress(number, len(layers))
            vectors = layer_vectors(layer, more_channels)
            entries.append(_entry(vectors, partial))
            done.append(vectors)
        progress(len(layers), len(layers))
        left_out = [
            {"layer": each.node.name, "source": each.node.source, "why": each.why}
            for each in skipped
        ]
        write_manifest(
            partial,
            {
                "graph": graph.name,
                "profile": graph.profile,
                "layers": entries,
                "not_covered": left_out,
            },
        )
    return Coverage(graph.name, output, tuple(done), skipped)


def layer_vectors(layer: Layer, more_channels: int) -> LayerVectors:
    """The vectors of one layer; what each value is, by the definition."""
    targets: list[Target] = []
    missed: list[Missed] = []
    reasons: list[str] = []
    for channel, why in chosen_channels(layer, more_channels):
        reasons.extend(f"channel: {each}" for each in why if each != "in between")
        found = list(targets_of(layer, channel))
        missed.extend(each for each in found if isinstance(each, Missed))
        mine = [each for each in found if isinstance(each, Target)]
        kept, lost = _as_defined(layer, channel, mine)
        targets.extend(kept)
        missed.extend(lost)
    windows = windows_of(layer, targets)
    own = _own_values(layer, targets)
    # Where other channels may trap, there is nothing to say of them.
    values = own if layer.accumulator.traps else _all_values(layer, windows, targets, own)
    tensors = [ExportedTensor("window", element_of(layer.operand.integer), windows)]
    tensors.extend(
        ExportedTensor(each.name, element_of(each.type.integer), values[each.name])
        for each in (layer.node, *layer.followers)
    )
    channels = [each.channel for each in targets]
    tensors.extend(stage_tensors(layer, channels, own[layer.node.name].tolist()))
    return LayerVectors(layer, tuple(targets), tuple(missed), tuple(reasons), tuple(tensors))


def windows_of(layer: Layer, targets: Sequence[Target]) -> Array:
    """A window for each target; codes that its channel doesn't read are at the zero point."""
    windows = layer.blank(len(targets))
    for window, target in zip(windows, targets, strict=True):
        layer.fill(window, target.channel, list(target.operands))
    return windows


def _as_defined(
    layer: Layer, channel: int, targets: Sequence[Target]
) -> tuple[list[Target], list[Missed]]:
    """The targets whose sum the accumulator holds as it should; how it cuts others is no miss."""
    if layer.accumulator.plain and not layer.accumulator.overflow.ordered:
        return list(targets), []
    kept: list[Target] = []
    missed: list[Missed] = []
    word = layer.accumulator.type
    for target in targets:
        shown = target.bins[0].startswith("operands")
        try:
            held = int(_defined(layer, channel, [target])[layer.node.name].ravel()[0])
        except AccumulatorTrapped:
            why = "the accumulator traps before the sum is complete"
            missed.extend(Missed(channel, bin, why, impossible=False) for bin in target.bins)
            continue
        if shown or held == target.total or not word.contains(target.total):
            kept.append(target)
            continue
        why = f"the accumulator holds {held} at the end of the sum {target.total}"
        missed.extend(Missed(channel, bin, why, impossible=False) for bin in target.bins)
    return kept, missed


def _defined(layer: Layer, channel: int, targets: Sequence[Target]) -> dict[str, Array]:
    """Every value of one channel by the reference engine."""
    windows = channel_windows(layer, windows_of(layer, targets), channel)
    values: dict[str, Array] = {}
    graph = layer_graph(layer, len(targets), channel)
    reference.run(graph, {"window": windows}, values.__setitem__)
    return values


def _own_values(layer: Layer, targets: Sequence[Target]) -> dict[str, Array]:
    """Of each vector the values of the channel that it is about, ``[vectors]``, as defined."""
    nodes = (layer.node, *layer.followers)
    values: dict[str, Array] = {
        node.name: np.empty(len(targets), node.type.integer.dtype) for node in nodes
    }
    for channel in dict.fromkeys(target.channel for target in targets):
        rows = [row for row, target in enumerate(targets) if target.channel == channel]
        defined = _defined(layer, channel, [targets[row] for row in rows])
        for node in nodes:
            values[node.name][rows] = defined[node.name].ravel()
    return values


def _all_values(
    layer: Layer, windows: Array, targets: Sequence[Target], own: dict[str, Array]
) -> dict[str, Array]:
    """Of each vector the values of all channels, those as defined among them."""
    values: dict[str, Array] = {}
    vectorized.run(layer_graph(layer, len(windows)), {"window": windows}, values.__setitem__)
    places = np.arange(len(windows)), [target.channel for target in targets]
    for node in (layer.node, *layer.followers):
        if not np.array_equal(values[node.name].reshape(len(windows), -1)[places], own[node.name]):
            raise AssertionError(f"{node.name}: the engines differ")
    return values


def _entry(vectors: LayerVectors, folder: Path) -> dict[str, object]:
    layer = vectors.layer
    return {
        "layer": layer.node.name,
        "source": layer.node.source,
        "terms": terms(layer),
        "channels": layer.channels,
        "vectors": len(vectors.targets),
        "bins": {
            "hit": vectors.hit,
            "reachable": vectors.reachable,
            "impossible": vectors.impossible,
        },
        "channel_bins": list(vectors.reasons),
        "files": write_layer(folder, layer.node.name, vectors.tensors),
        "targets": [
            {
                "vector": number,
                "channel": each.channel,
                "sum": each.total,
                "bins": list(each.bins),
            }
            for number, each in enumerate(vectors.targets)
        ],
        "missed": [
            {
                "channel": each.channel,
                "bin": each.bin,
                "impossible": each.impossible,
                "why": each.why,
            }
            for each in vectors.missed
        ],
    }
