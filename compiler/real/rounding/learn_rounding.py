# SPDX-License-Identifier: Apache-2.0
"""Weights are rounded so that each layer's result, not each weight, comes out nearest."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np
import onnx_ir as ir

from intaglio.compiler.real.editing import Names, constant, name_of
from intaglio.compiler.real.layer_by_layer.node_by_node import UNQUANTIZED, NodeByNode
from intaglio.compiler.real.onnx_runtime import Array, Feeds
from intaglio.compiler.real.outcome import Note, Outcome
from intaglio.compiler.real.parameters import (
    QuantizationParameters,
    bias_parameters,
)
from intaglio.compiler.real.quantization.plan import Operand, QuantizationPlan, operand
from intaglio.compiler.real.rounding.layer_moments import LayerMoments, Reals, moment_sums
from intaglio.compiler.real.rounding.rounding_layer import (
    RoundingLayer,
    learn_layer,
    rounding_layer,
    store,
)
from intaglio.compiler.real.rounding.rounding_search import Rounding
from intaglio.errors import InvalidData, InvalidOption

Progress = Callable[[int, int | None], None]


@dataclass(frozen=True, slots=True)
class RoundingOptions:
    """How weights are rounded by data.

    Attributes:
        learn_scales: choose the weights' scales too; else those of the plan stay.
        damping: how much a weight is held to its old value, by the mean power of what the layer
            reads; a layer with few positions for its inputs is held more.
        positions: how many output positions of a layer count, over all samples.
        maximum_inputs: the most inputs of an output (input channels of its group by taps) that a
            layer may have: memory grows with their square, time with their cube. Layers with more
            stay as they are, and are named.
        bias_bits: the widest bias code, as in ``QuantizationOptions``.

    Raises:
        InvalidOption: a number that has no meaning.
    """

    learn_scales: bool = True
    damping: float = 0.25
    positions: int = 20_000
    maximum_inputs: int = 4608
    bias_bits: int = 32

    def __post_init__(self) -> None:
        """Refuse numbers that have no meaning here."""
        for name, number in (("damping", self.damping), ("positions", self.positions)):
            if not 0 < number < float("inf"):
                raise InvalidOption(
                    f"{name} of learned rounding",
                    number,
                    "it isn't positive",
                    "give a positive one",
                )


@dataclass(frozen=True, slots=True)
class LearnedRounding:
    """A network whose weights lie on their codes.

    Attributes:
        outcome: the network, and what became of the error of each layer.
        plan: the plan that was given, with the scales of weights and biases as they now are:
            ``insert_quantization(outcome.model, plan)`` stores exactly the codes that were learned.
    """

    outcome: Outcome
    plan: QuantizationPlan


def learn_rounding(
    model: ir.Model,
    plan: QuantizationPlan,
    batches: Sequence[Feeds],
    options: RoundingOptions | None = None,
    progress: Progress | None = None,
) -> LearnedRounding:
    """Choose the codes and scales of weights, and biases, by what each layer computes on data.

    In the order of the graph, for each Conv and Gemm with constant weights and each MatMul by a
    constant matrix, over all samples and output positions:

        minimize over codes q, scales s and the bias b'   E |(W x + b) - (s (q - z) x' + b')|^2

    x is what the layer reads in the float network; x' what it reads in the quantized one, whose
    earlier layers are rounded already. So a layer also makes up for what can be made up of the
    errors before it. The best bias is known in closed form: it brings back the mean. What remains
    is quadratic in s (q - z), and its coefficients, second moments of x' and of x' with the
    result, come from one run of both networks side by side. It is brought down by moving one code
    by one at a time and fitting scales in between; no output ends with more error on the data than
    rounding to nearest has under the plan.

    ConvTranspose, weights that several nodes read, and layers of more than
    ``options.maximum_inputs`` stay as the plan has them, which a note says.

    Args:
        model: a normalized float model; it stays as it is.
        plan: how it is quantized; ``QuantizationPlan({}, plan_weights(...))`` for weights alone.
        batches: arrays by input name, real or synthetic. All samples go through both networks
            together; memory is for each of them the largest float values alive at a time, once
            for the float network and less for codes: 5 MB a sample for a MobileNetV1-0.75.
        options: the defaults if None.
        progress: called with layers done and their number.

    Raises:
        InvalidData: there is no sample, a batch doesn't fit the inputs, or a value isn't finite.

    Source: Nagel et al., Up or Down? Adaptive Rounding for Post-Training Quantization (2020),
    sections 3.2 (the quadratic form of a layer) and 3.3 (inputs as the quantized network has
    them); Frantar and Alistarh, Optimal Brain Compression (2022), section 3, for the form's matrix.
    """
    options = options or RoundingOptions()
    samples = sum(_samples(feeds) for feeds in batches)
    if not samples:
        raise InvalidData("the data", "no sample", "at least one", "give data to learn rounding on")
    copy = model.clone()
    constants = dict(plan.constants)
    found = QuantizationPlan(plan.activations, constants, plan.notes)
    reference = NodeByNode(model, UNQUANTIZED, batches)
    quantized = NodeByNode(copy, found, batches)
    task = _Task(
        copy.graph, Names(copy.graph), constants, options, ceil(options.positions / samples)
    )
    layers = {node: rounding_layer(node, plan) for node in copy.graph}
    total = sum(layer is not None for layer in layers.values())
    notes, done, learned = list[Note](), 0, 0
    for node, twin in zip(model.graph, copy.graph, strict=True):
        wanted = reference.run(node)
        layer = task.learnable(layers[twin])
        if isinstance(layer, RoundingLayer):
            source = layer.node.inputs[0]
            assert source is not None
            pairs = (
                (quantized.reals(source, batch), wanted[0][batch])
                for batch in range(quantized.batches)
            )
            notes.append(task.learn(layer, pairs))
            learned += 1
        elif layer is not None:
            notes.append(Note(name_of(twin), f"rounded to nearest: {layer}", {}))
        quantized.keep(twin, quantized.run(twin))
        reference.keep(node, wanted)
        if layers[twin] is not None:
            done += 1
            if progress is not None:
                progress(done, total)
    channels = sum(int(note.figures.get("channels", 0)) for note in notes)
    summary = f"rounding learned for {learned} of {total} layers"
    return LearnedRounding(Outcome(copy, channels, summary, tuple(notes)), found)


@dataclass(frozen=True, slots=True)
class _Task:
    """What every layer is learned with; ``constants`` are those of the plan that comes out."""

    graph: ir.Graph
    names: Names
    constants: dict[Operand, QuantizationParameters]
    options: RoundingOptions
    positions: int

    def learnable(self, layer: RoundingLayer | str | None) -> RoundingLayer | str | None:
        """The layer, unless it is too large."""
        if isinstance(layer, RoundingLayer):
            inputs = layer.weight.shape[-1]
            if inputs > self.options.maximum_inputs:
                return f"{inputs} inputs are more than the {self.options.maximum_inputs} allowed"
        return layer

    def learn(self, layer: RoundingLayer, pairs: Iterable[tuple[Array, Array]]) -> Note:
        """Round the layer by what it reads and should yield; its numbers and plan are changed."""
        node, options = layer.node, self.options
        moments = self._moments(layer, pairs)
        # A bias brings back the mean, whatever the weights do to it.
        free = moments if layer.bias is None else moments.centred()
        rounding = learn_layer(
            layer,
            free,
            damping=options.damping,
            scales=options.learn_scales,
            bias_bits=options.bias_bits,
        )
        bias = None if layer.bias is None else _bias(moments, rounding)
        weights = store(layer, rounding, bias, self.graph, self.names, options.bias_bits)
        self.constants[operand(node, 1)] = weights
        if bias is not None and layer.data is not None:
            self.constants[operand(node, 2)] = bias_parameters(layer.data, weights)
        return _note(layer, free, rounding)

    def _moments(self, layer: RoundingLayer, pairs: Iterable[tuple[Array, Array]]) -> LayerMoments:
        stored = constant(layer.node.inputs[1])
        assert stored is not None
        sums = moment_sums(layer.node, stored, self.positions)
        for source, target in pairs:
            sums.add(source, target)
        moments = sums.moments()
        if not all(np.isfinite(a).all() for a in (moments.inputs, moments.cross, moments.power)):
            raise InvalidData(
                f"what {name_of(layer.node)} reads or yields",
                "NaN or infinite numbers when run on the data",
                "finite numbers",
                "check the preprocessing and the model's weights",
            )
        return moments


def _bias(moments: LayerMoments, rounding: Rounding) -> Reals:
    """E[y] - w E[x'], for every output."""
    along = (rounding.weight * moments.input_mean[:, None, :]).sum(axis=-1)
    bias: Reals = (moments.target_mean - along).ravel()
    return bias


def _note(layer: RoundingLayer, moments: LayerMoments, rounding: Rounding) -> Note:
    nearest = layer.nearest()
    power = max(float(moments.power.sum()), float(np.finfo(np.float32).tiny))
    differs = (nearest.weight != rounding.weight).any(axis=-1)
    figures = {
        "error before": float(moments.error(nearest.weight).sum()) / power,
        "error after": float(moments.error(rounding.weight).sum()) / power,
        "scale factor": float(np.median(rounding.scales / nearest.scales)),
        "channels": int(differs.sum()),
    }
    return Note(name_of(layer.node), "weights rounded by what the layer computes", figures)


def _samples(feeds: Feeds) -> int:
    first = next(iter(feeds.values()), None)
    return 0 if first is None or first.ndim == 0 else int(first.shape[0])
