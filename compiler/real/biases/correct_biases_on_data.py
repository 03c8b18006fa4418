# SPDX-License-Identifier: Apache-2.0
"""Biases make up for the mean error of a quantized network, as data shows it."""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import onnx_ir as ir

from intaglio.compiler.real.biases.correct_biases import correction_figures
from intaglio.compiler.real.biases.find_shift import (
    MATCHING,
    Clamp,
    MeanMatching,
    clamped_means,
    find_shift,
)
from intaglio.compiler.real.dead_channels.dead_channels import clamp_of
from intaglio.compiler.real.distributions.distributions import Reals
from intaglio.compiler.real.editing import Names, name_of
from intaglio.compiler.real.layer_by_layer.layer_result import LayerResult
from intaglio.compiler.real.layer_by_layer.quantized_side import QuantizedSide
from intaglio.compiler.real.layer_by_layer.walk_in_float import UNQUANTIZED, walk_in_float
from intaglio.compiler.real.linear import read_linear, write_bias
from intaglio.compiler.real.onnx_runtime import Feeds
from intaglio.compiler.real.outcome import Note, Outcome
from intaglio.compiler.real.parameters import QuantizationParameters
from intaglio.compiler.real.quantization.plan import QuantizationPlan
from intaglio.compiler.real.quantization.plan_biases import bias_codes
from intaglio.compiler.real.roles import weight_input
from intaglio.compiler.real.statistics import read_channel_statistics
from intaglio.errors import InvalidData

_NO_BIAS = "left as it is: a product of this form has no bias along the channels"

Progress = Callable[[int, int | None], None]


def correct_biases_on_data(
    model: ir.Model,
    plan: QuantizationPlan,
    batches: Sequence[Feeds],
    *,
    reference: ir.Model | None = None,
    side: QuantizedSide = walk_in_float,
    layers: Collection[str] | None = None,
    matching: MeanMatching = MATCHING,
    progress: Progress | None = None,
) -> Outcome:
    """Take the mean error of each layer on data off its bias.

    b' = b + s with  mean of clip(quantized y + s) = mean of clip(float y)

    over all samples and positions, for each Conv, ConvTranspose and Gemm with constant weights, in
    the order of the graph. y is what the layer yields before it is rounded; clip is the clamp
    behind it (Relu, Clip, a cap by channel), where there is one: the mean of what later layers
    read is what matters, and half of y may never get there. The quantized y follows from what the
    quantized layers before it yield, which are corrected already. As a correction shifts y by
    itself, whatever the data, the network runs once on each side: time grows with the number of
    layers, not with its square.

    Where ``plan`` says how a bias is coded (or its layer's operands, for a layer that has none
    yet), b' is such a code: later layers see the very bias that will be stored.

    Statistics of values stay as they are: means are brought back to those of the float network.

    Args:
        model: a normalized model.
        plan: what is quantized; ``QuantizationPlan({}, plan_weights(...))`` for weights alone.
        batches: arrays by input name, real or synthetic. All samples go through the network
            together, so that memory is the inputs and, for each sample, the largest values that
            are alive at a time: 5 MB a sample for a MobileNetV1-0.75 of 224 x 224, and twice that
            where integers of 32 bits are held beside codes. 32 to 64 samples are plenty: each
            channel's mean is over all their positions.
        reference: the float network whose means are wanted, of the same layers; ``model`` itself
            unless its biases were changed already.
        side: how the quantized network is computed: in float, or in the integer simulator.
        layers: the names of the results of the layers to correct; None for all.
        matching: which means are compared, and how much of a difference is taken for chance.
        progress: called with layers done and their number, of both runs.

    Raises:
        InvalidData: there is no sample, a batch doesn't fit the inputs, or a mean isn't finite.

    Source: Nagel et al., Data-Free Quantization (2019), appendix D, the empirical correction. That
    it looks behind the clamp is ours: worth 0.1 to 0.4 dB of the logits' signal-to-noise ratio on
    ResNet8, ResNet20 (6-bit weights) and MobileNetV1-0.25, per tensor, 32 samples. Taking part of
    the differences for chance is worth 0.6 to 0.8 dB where there are 4 samples, and nothing at 32.
    """
    if not batches:
        raise InvalidData("the data", "no sample", "at least one", "give data to correct biases on")
    model = model.clone()
    every = {layer.name: layer for layer in _layers(model, plan)}
    chosen = every if layers is None else {n: every[n] for n in every if n in layers}
    count = _Count(2 * len(every), progress)
    wanted, biases = dict[str, Reals](), dict[str, Reals]()

    def remember(name: str, result: LayerResult) -> Reals:
        count.advance()
        if name in chosen:
            means = clamped_means(result, chosen[name].clamp, matching)
            wanted[name] = _finite(name, means)
        return np.zeros(1)

    def correct(name: str, result: LayerResult) -> Reals:
        count.advance()
        if name not in wanted:
            return np.zeros(1)
        layer = chosen[name]
        shift = find_shift(result, wanted[name], layer.clamp, matching)
        biases[name] = layer.stored(layer.bias + shift)
        return biases[name] - layer.bias

    walk_in_float(reference or model, UNQUANTIZED, batches, remember)
    side(model, plan, batches, correct)
    names, notes, channels = Names(model.graph), list[Note](), 0
    for name, layer in chosen.items():
        if name not in biases:
            said = "left as it is: it is no layer of the quantized network or of the reference"
            notes.append(Note(name_of(layer.node), said, {}))
            continue
        write_bias(model.graph, names, layer.node, biases[name])
        shift = biases[name] - layer.bias
        channels += int(np.count_nonzero(shift))
        kept = read_channel_statistics(layer.node.outputs[0])
        figures = correction_figures(shift, None if kept is None else np.array(kept.std))
        notes.append(Note(name_of(layer.node), "the mean error on data came off the bias", figures))
    if layers is None:
        notes += [Note(name_of(node), _NO_BIAS, {}) for node in _without_bias(model)]
    summary = f"{len(biases)} of {len(every)} layers corrected on data"
    return Outcome(model, channels, summary, tuple(notes))


@dataclass(frozen=True, slots=True)
class _Layer:
    """A linear node and its bias, as the quantized network has it.

    Attributes:
        node: the Conv, ConvTranspose or Gemm.
        bias: ``[M]``, the real numbers of its codes where there are any.
        codes: how the bias is coded; None where it stays in float.
        clamp: where the clamp behind it begins and ends, each ``[M]``.
    """

    node: ir.Node
    bias: Reals
    codes: QuantizationParameters | None
    clamp: Clamp

    @property
    def name(self) -> str:
        """The name of its result."""
        return self.node.outputs[0].name or ""

    def stored(self, bias: Reals) -> Reals:
        """What becomes of a new bias when it is quantized."""
        return bias if self.codes is None else self.codes.dequantize(self.codes.quantize(bias))


def _without_bias(model: ir.Model) -> Iterator[ir.Node]:
    """Products by constant weights that aren't layers with a bias along their channels."""
    for node in model.graph:
        if node.op_type != "PRelu" and weight_input(node) and read_linear(node) is None:
            yield node


def _layers(model: ir.Model, plan: QuantizationPlan) -> Iterator[_Layer]:
    for node in model.graph:
        linear = read_linear(node)
        if linear is None:
            continue
        codes = bias_codes(node, plan, linear.outputs)
        low, high, _ = clamp_of(node.outputs[0], linear.outputs)
        layer = _Layer(node, linear.bias, codes, (low, high))
        yield replace(layer, bias=layer.stored(linear.bias))


@dataclass(slots=True)
class _Count:
    """How far the runs are."""

    total: int
    progress: Progress | None
    done: int = 0

    def advance(self) -> None:
        """One layer more."""
        self.done += 1
        if self.progress is not None:
            self.progress(self.done, self.total)


def _finite(name: str, means: Reals) -> Reals:
    if not np.isfinite(means).all():
        raise InvalidData(
            f"value {name}",
            "NaN or infinite numbers when run on the data",
            "finite numbers",
            "check the preprocessing and the model's weights",
        )
    return means
