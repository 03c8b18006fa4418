# SPDX-License-Identifier: Apache-2.0
"""GZSQ's targets: each layer adds the distribution of its weights to that of its input."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import onnx_ir as ir

from intaglio.compiler.real.distributions.distribution_arithmetic import add, subtract
from intaglio.compiler.real.distributions.distributions import ChannelDistribution
from intaglio.compiler.real.distributions.elementwise import computed_operand
from intaglio.compiler.real.distributions.propagate_distributions import NO_INPUTS
from intaglio.compiler.real.distributions.propagate_elementwise import propagate_function
from intaglio.compiler.real.distributions.propagate_moves import MOVED, propagate_move
from intaglio.compiler.real.distributions.shaped_distribution import (
    Ruled,
    ShapedDistribution,
    together,
)
from intaglio.compiler.real.editing import float_constant, input_at, name_of
from intaglio.compiler.real.linear import Linear, read_linear
from intaglio.compiler.real.outcome import Note
from intaglio.compiler.real.roles import data_inputs
from intaglio.compiler.synthesis.layer_target import LayerTarget
from intaglio.compiler.synthesis.targets.fill_rules import Fill, adjust
from intaglio.compiler.synthesis.targets.target_set import (
    LINEAR,
    TargetSet,
    layer_outputs,
    refuse,
    require_layers,
    with_folded_weights,
)

_AFFINE = frozenset({"Add", "Mul", "Sub"})
_METHOD = "the distribution of weights"


@dataclass(frozen=True, slots=True)
class _Walk:
    """What is known so far."""

    fill: Fill
    found: dict[ir.Value, ShapedDistribution] = field(
        default_factory=dict[ir.Value, ShapedDistribution]
    )
    notes: list[Note] = field(default_factory=list[Note])


def weight_sum_targets(
    model: ir.Model,
    fill: Fill = "paper",
    inputs: Mapping[str, ChannelDistribution] = NO_INPUTS,
) -> TargetSet:
    """Mean and standard deviation of every linear layer's output as GZSQ estimates them.

    With mu_W and sigma_W the mean and standard deviation of the weights of an output channel over
    its inputs and kernel, b its bias, all of them with BatchNormalization folded into them:

        mean_y = mu_W + mean_x + b;  std_y = sqrt(sigma_W^2 + std_x^2)

    the statistics of x being adjusted to the layer's number of outputs (``fill_rules``). A
    depthwise layer's outputs take those of the channel that they read. Source: GZSQ (Sharma,
    Abraham and Rajendiran 2023), "statistics estimation". It is the distribution of a sum of a
    weight and an input, not that of an inner product: ``moment_targets`` has those.

    Where the paper is silent:

    - activation functions and pools pass statistics on as they are: the recursion goes from one
      layer's output to the next one's;
    - Add, Sub and Mul with constants are exact; two computed values add as independent ones do;
    - Mul of two computed values keeps the larger one (the other is its gate); Max and Min keep the
      first;
    - Concat, Flatten, Reshape and all else that moves elements moves their statistics.

    Args:
        model: a prepared model; BatchNormalizations may stand on it. It stays as it is.
        fill: how statistics are adjusted to another number of channels.
        inputs: of the graph's inputs; those that aren't given are standard normal.

    Raises:
        InvalidData: no layer has weights.
        UnsupportedModel: layers behind what no rule covers, all of them named.
    """
    require_layers(model)
    folded = with_folded_weights(model)
    walk = _Walk(fill)
    for value in folded.graph.inputs:
        walk.found[value] = _of_input(value, inputs.get(value.name or ""))
    problems: list[tuple[ir.Node, str]] = []
    unknown: set[ir.Value] = set()
    for node in folded.graph:
        if any(value in unknown for value in node.inputs):
            unknown.update(node.outputs)
            continue
        ruled = _rule(node, walk)
        if isinstance(ruled, str):
            problems.append((node, ruled))
            unknown.update(node.outputs)
            continue
        walk.found.update(zip(node.outputs, ruled, strict=True))
    refuse(model, problems, _METHOD)
    targets: list[LayerTarget] = []
    elsewhere: list[tuple[ir.Node, str]] = []
    for node, value in layer_outputs(folded, model):
        shaped = walk.found[value]
        if _has_channels_elsewhere(node, value):
            elsewhere.append((node, "its channels aren't along axis 1"))
            continue
        channels = shaped.channels(1, _extent(value, shaped))
        targets.append(LayerTarget(value.name or "", channels.mean, channels.std))
    if not targets:
        refuse(model, elsewhere, _METHOD)
    walk.notes.extend(
        Note(name_of(node), f"{reason}: it has no target", {}) for node, reason in elsewhere
    )
    return TargetSet(tuple(targets), tuple(walk.notes))


def _of_input(value: ir.Value, given: ChannelDistribution | None) -> ShapedDistribution:
    dims = [dim if isinstance(dim, int) else 1 for dim in value.shape or (1, 1)]
    extent = dims[1] if len(dims) > 1 else 1
    if given is None or given.channels not in (1, extent):
        return ShapedDistribution.along(
            ChannelDistribution.normal(np.zeros(extent), np.ones(extent)), 1, max(len(dims), 2)
        )
    mean, variance = given.moments()
    plain = ChannelDistribution.normal(mean, np.sqrt(variance))
    return ShapedDistribution.along(plain, 1, max(len(dims), 2))


def _has_channels_elsewhere(node: ir.Node, value: ir.Value) -> bool:
    return node.op_type == "MatMul" and value.shape is not None and len(value.shape) != 2


def _extent(value: ir.Value, shaped: ShapedDistribution) -> int:
    extent = value.shape[1] if value.shape is not None and len(value.shape) > 1 else None
    return extent if isinstance(extent, int) else shaped.shape[1]


def _rule(node: ir.Node, walk: _Walk) -> Ruled:
    operands = [(value, walk.found[value]) for _, value in data_inputs(node) if value in walk.found]
    if node.domain != "" or not operands:
        return "there is no rule for what it computes"
    if node.op_type in LINEAR:
        return _linear(node, operands[0][1], walk) if len(operands) == 1 else "it has no weights"
    if node.op_type in MOVED:
        return propagate_move(node, [_operand(value, walk) for _, value in data_inputs(node)])
    index = computed_operand(node)
    if index is not None and node.op_type in _AFFINE:
        return [propagate_function(node, index, walk.found)]
    if len(operands) == 2 and node.op_type in ("Add", "Sub"):
        combine = add if node.op_type == "Add" else subtract
        return [together(combine, operands[0][1], operands[1][1])]
    largest = max((_elements(value) for value, _ in operands), default=0)
    kept = next(shaped for value, shaped in operands if _elements(value) == largest)
    return [kept for _ in node.outputs]


def _operand(value: ir.Value, walk: _Walk) -> ShapedDistribution:
    stored = float_constant(value)
    return walk.found[value] if stored is None else ShapedDistribution.constant(stored, stored.ndim)


def _elements(value: ir.Value) -> int:
    dims = [dim if isinstance(dim, int) else 1 for dim in value.shape or ()]
    return int(np.prod(dims, dtype=int))


def _linear(node: ir.Node, x: ShapedDistribution, walk: _Walk) -> Ruled:
    linear, axis = _weights(node), 1
    if linear is None:
        return "its weights or its bias are no constant vectors"
    rank = len(x.shape)
    if node.op_type == "MatMul":
        axis = rank - 1 if float_constant(node.inputs[1]) is not None else rank - 2
    given = x.channels(axis, linear.inputs)
    mean, std = given.mean, given.std
    if linear.groups == linear.inputs and linear.groups > 1:
        multiplier = linear.outputs // linear.inputs
        mean, std = np.repeat(mean, multiplier), np.repeat(std, multiplier)
    if mean.size != linear.outputs:
        said = f"{mean.size} channels become {linear.outputs}: filled by rule {walk.fill}"
        figures = {"inputs": float(mean.size), "outputs": float(linear.outputs)}
        walk.notes.append(Note(name_of(node), said, figures))
        mean, std = adjust(mean, std, linear.outputs, walk.fill)
    rows = linear.weight.reshape(linear.outputs, -1)
    summed = ChannelDistribution.normal(
        rows.mean(axis=1) + mean + linear.bias, np.hypot(rows.std(axis=1), std)
    )
    return [ShapedDistribution.along(summed, axis, rank)]


def _weights(node: ir.Node) -> Linear | None:
    if node.op_type != "MatMul":
        return read_linear(node)
    left, right = (float_constant(input_at(node, i)) for i in (0, 1))
    stored = left if right is None else right.T
    if stored is None or stored.ndim != 2:
        return None
    bias = np.zeros(len(stored), dtype=np.float64)
    return Linear(stored, bias, 1)
