# SPDX-License-Identifier: Apache-2.0
"""Targets by moments: what inner products with a layer's weights make of its input."""

from collections.abc import Iterable, Mapping
from math import inf

import numpy as np
import onnx_ir as ir

from intaglio.compiler.real.distributions.distributions import ChannelDistribution
from intaglio.compiler.real.distributions.propagate_distributions import (
    NO_INPUTS,
    propagate_distributions,
)
from intaglio.compiler.real.onnx_runtime import Feeds
from intaglio.compiler.real.sampled_moments.keep_positions import keep_positions
from intaglio.compiler.real.sampled_moments.note_moments import note_moments
from intaglio.compiler.synthesis.layer_target import LayerTarget
from intaglio.compiler.synthesis.targets.target_set import (
    TargetSet,
    layer_outputs,
    refuse,
    require_layers,
    with_folded_weights,
)


def moment_targets(
    model: ir.Model,
    inputs: Mapping[str, ChannelDistribution] = NO_INPUTS,
    samples: Iterable[Feeds] | None = None,
) -> TargetSet:
    """Mean and standard deviation of every linear layer's output, by moments through the network.

    What BatchNormalization promised is taken where it stands. Elsewhere it is what samples show,
    averages over a whole map keeping one position, where samples are given: random images
    correlate pixels and channels as they will, and "leaves" (``noise``) come close to photographs.
    Without samples ``propagate_distributions`` assumes that the inputs of each layer are
    independent, which loses most of the spread in a few layers.

    Args:
        model: a prepared model; BatchNormalizations may stand on it. It stays as it is.
        inputs: of the graph's inputs; those that aren't given are standard normal.
        samples: batches of random inputs by name; consumed once.

    Raises:
        InvalidData: no layer has weights, a distribution doesn't fit its input, or layers aren't
            finite on the samples.
        UnsupportedModel: layers behind what no rule covers, all of them named.
    """
    require_layers(model)
    folded = with_folded_weights(model)
    if samples is not None:
        folded = note_moments(folded, samples, keep_positions(folded)).model
    assumed = {value.name or "": _standard(value) for value in folded.graph.inputs}
    known = propagate_distributions(folded, {**assumed, **inputs}, products=inf)
    targets: list[LayerTarget] = []
    problems: list[tuple[ir.Node, str]] = []
    for node, value in layer_outputs(folded, model):
        found = known.distributions.get(value.name or "")
        if found is None:
            problems.append((node, known.missing[value.name or ""]))
            continue
        mean, variance = found.moments()
        targets.append(LayerTarget(value.name or "", mean, np.sqrt(variance)))
    refuse(model, problems, "propagation of moments")
    return TargetSet(tuple(targets))


def _standard(value: ir.Value) -> ChannelDistribution:
    extent = value.shape[1] if value.shape is not None and len(value.shape) > 1 else 1
    ones = np.ones(extent if isinstance(extent, int) else 1)
    return ChannelDistribution.normal(0.0 * ones, ones)
