# SPDX-License-Identifier: Apache-2.0
"""How much noise codes of weights and of activations make, as a function of channels' scales."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from intaglio.compiler.real.dead_channels.dead_channels import clamp_of
from intaglio.compiler.real.distributions.distributions import ChannelDistribution, Reals
from intaglio.compiler.real.equalization.channel_ties import Layer, Slots
from intaglio.compiler.real.equalization.equalization_regions import Scales
from intaglio.compiler.real.equalization.noise_terms import (
    TINY,
    ActivationNoise,
    QuantizationNoise,
    WeightNoise,
)
from intaglio.compiler.real.equalization.weight_ranges import RangeMeasure, WeightRanges
from intaglio.compiler.real.linear import Linear
from intaglio.compiler.real.parameters import Encoding
from intaglio.compiler.real.quantization.activation_encodings import activation_encodings
from intaglio.compiler.real.quantization.layer_overrides import override_of
from intaglio.compiler.real.quantization.options import QuantizationOptions
from intaglio.compiler.real.ranges.consumer_weights import consumer_weights, squared_norms
from intaglio.compiler.real.roles import MOVES, is_read_for_selection, quantized_values

SIGMAS = 5.0
"""How far activations are taken to reach: 5 leaves less error on MobileNets than 4 or 6."""
LEAST_SIGNAL = 1e-30


_NO_SLOTS: Slots = np.array([], dtype=np.int64)


def quantization_noise(
    model: ir.Model,
    scales: Scales,
    distributions: Mapping[str, ChannelDistribution],
    options: QuantizationOptions,
) -> QuantizationNoise:
    """What codes of these widths cost: the noise-to-signal ratios of all layers' results.

    - Rounding errors are taken for independent and uniform. The part of weights' errors that the
      mean of a layer's input makes constant is left out, since biases are corrected for it.
    - An error in a channel of a result counts by the squared weights of what reads the channel,
      and by the probability that the clamp behind the layer lets it pass. The signal is what is
      behind the clamp, weighted likewise: little is left of a channel that is mostly zero.
    - Errors of values that no linear layer reads count relative to these values themselves.

    Args:
        model: a normalized model.
        scales: of its channels.
        distributions: of values, by name. An input of the graph that has none is taken for
            independent channels of one variance, as large as the result of its layer says.
        options: widths and granularity.
    """
    known = _Known(
        distributions,
        {name: found.moments()[1] for name, found in distributions.items()},
        consumer_weights(model.graph),
        options,
    )
    layers = tuple(_of_weights(layer, known) for layer in scales.layers)
    readers = {
        layer.node: squared_norms(layer.linear, noise.importance)
        for layer, noise in zip(scales.layers, layers, strict=True)
        if isinstance(noise, WeightNoise)
    }
    encodings, _ = activation_encodings(model, options)
    values: list[ActivationNoise] = []
    unknown: dict[int, str] = {}
    for value in _rounded(model.graph):
        slots, name = _slots_of(value, scales), value.name or ""
        if not scales.free[slots].any():
            continue
        importance = _importance(value, slots.size, readers, known)
        if isinstance(importance, str):
            unknown.update(dict.fromkeys(slots.tolist(), importance))
        else:
            values.append(_of_codes(slots, distributions[name], importance, encodings[name]))
    return QuantizationNoise(layers, tuple(values), unknown)


@dataclass(frozen=True, slots=True)
class _Known:
    """What is known of values, by their names; the weights are ``consumer_weights``."""

    distributions: Mapping[str, ChannelDistribution]
    variances: Mapping[str, Reals]
    weights: Mapping[str, Reals]
    options: QuantizationOptions


def _of_weights(layer: Layer, known: _Known) -> WeightNoise | str:
    """The noise of a layer's weights, or why it isn't known."""
    node, linear = layer.node, layer.linear
    result, source = node.outputs[0], node.inputs[0]
    assert source is not None
    _, _, behind = clamp_of(result, linear.outputs)
    found, worth = known.distributions.get(behind.name or ""), known.weights.get(result.name or "")
    if found is None or worth is None or not found.channels == linear.outputs == worth.size:
        return f"the distribution of {behind.name} is missing"
    variance = known.variances.get(source.name or "")
    if variance is None and source.is_graph_input():
        variance = _as_if_alike(linear, known.variances.get(result.name or ""))
    if variance is None or variance.size != linear.inputs:
        return f"the distribution of {source.name} is missing"
    signal = float((worth * known.variances[behind.name or ""]).sum())
    if signal < LEAST_SIGNAL:
        return f"{behind.name} is constant"
    override = override_of(known.options.overrides, node)
    bits, alone = override.weight_bits, override.per_channel
    levels = _levels(known.options.weight_bits if bits is None else bits, known.options)
    return WeightNoise(
        layer.inputs,
        layer.outputs,
        WeightRanges.of(linear, RangeMeasure.MAX_ABS),
        linear.groups,
        worth * found.inside() / signal,
        variance,
        _taps(node, linear.weight.shape[2:]) / (12 * levels**2),
        known.options.per_channel if alone is None else alone,
    )


def _as_if_alike(linear: Linear, result: Reals | None) -> Reals | None:
    """The variance of independent inputs that are all alike, from that of the result."""
    if result is None:
        return None
    squares = float(np.square(linear.weight).sum())
    if squares == 0.0:
        # Nothing says what the inputs are, and nothing asks: weights of zero have no noise.
        return np.zeros(linear.inputs)
    return np.full(linear.inputs, float(result.sum()) / max(squares, TINY))


def _levels(bits: int, options: QuantizationOptions) -> float:
    """How many steps the largest |w| spans."""
    return 2.0 ** (bits - 1) - 1 if options.symmetric_weights else (2.0**bits - 1) / 2


def _taps(node: ir.Node, kernel: tuple[int, ...]) -> float:
    """How many taps meet at a position of the result, on average."""
    strides = node.attributes.get_ints("strides", ()) if node.op_type == "ConvTranspose" else ()
    return float(np.prod(kernel, initial=1.0) / np.prod(strides, initial=1.0))


def _rounded(graph: ir.Graph) -> Iterator[ir.Value]:
    """Values that are rounded, but for those whose codes are those of what they move to."""
    for value in quantized_values(graph):
        moved = [node.op_type in MOVES for node, _ in value.uses()]
        if not is_read_for_selection(value) and not (moved and all(moved)):
            yield value


def _slots_of(value: ir.Value, scales: Scales) -> Slots:
    """Of its channels, ``[C]``."""
    slots = scales.values.get(value)
    if slots is None or slots.ndim < 2:
        return _NO_SLOTS
    along: Slots = np.moveaxis(slots, 1, -1).reshape(-1, slots.shape[1])[0]
    return along


def _importance(
    value: ir.Value, channels: int, readers: Mapping[ir.Node, Reals], known: _Known
) -> Reals | str:
    """What a squared error in each channel adds, on average over readers; or why it isn't known."""
    name = value.name or ""
    weights, variance = known.weights.get(name), known.variances.get(name)
    if weights is None or variance is None or not weights.size == variance.size == channels:
        return f"the distribution of {name} is missing"
    signal = float((weights * variance).sum())
    if signal < LEAST_SIGNAL:
        return f"{name} is constant"
    alone = weights / signal
    uses = [node for node, _ in value.uses() if node.op_type not in MOVES]
    each = [readers.get(node, alone) for node in uses] or [alone]
    average: Reals = np.mean(each, axis=0)
    return average


def _of_codes(
    slots: Slots, found: ChannelDistribution, importance: Reals, encoding: Encoding
) -> ActivationNoise:
    low = np.minimum(np.clip(found.mean - SIGMAS * found.std, found.low, found.high), 0.0)
    high = np.maximum(np.clip(found.mean + SIGMAS * found.std, found.low, found.high), 0.0)
    if encoding.symmetric:
        high = np.maximum(-low, high)
        low = -high
    return ActivationNoise(slots, importance, low, high, 1 / (12 * (2**encoding.bits - 1) ** 2))
