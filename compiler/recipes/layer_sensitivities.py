# SPDX-License-Identifier: Apache-2.0
"""What each layer alone loses at each width of its weights, measured in the whole network."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import onnx_ir as ir

from intaglio.compiler.real.editing import name_of
from intaglio.compiler.real.evaluator import Evaluator
from intaglio.compiler.real.onnx_runtime import Feeds, Session
from intaglio.compiler.real.quantization.layer_overrides import (
    LayerOverride,
    override_of,
    require_layers,
)
from intaglio.compiler.real.quantization.options import QuantizationOptions
from intaglio.compiler.real.widths.layer_costs import LayerCost, layer_costs
from intaglio.compiler.real.widths.output_losses import Loss, output_noise
from intaglio.errors import InvalidData, InvalidOption

Quantize = Callable[[QuantizationOptions], ir.Model]
"""The quantized network that options make, overrides included."""

Progress = Callable[[int, int | None], None]

WIDTHS = (8, 6, 5, 4, 3, 2)


@dataclass(frozen=True, slots=True)
class Sensitivities:
    """What narrower weights lose.

    Attributes:
        widest: the loss with every layer at the widest.
        losses: what each width adds to it, by layer; a layer whose width is stated has only that.
    """

    widest: float
    losses: Mapping[str, Mapping[int, float]]


@dataclass(frozen=True, slots=True)
class Measurement:
    """How losses are measured.

    Attributes:
        model: the normalized float network that ``quantize`` starts from.
        quantize: makes the quantized network; called once for each layer and width.
        evaluate: runs it.
        batches: real or synthetic inputs.
        loss: what is lost.
    """

    model: ir.Model
    quantize: Quantize
    evaluate: Evaluator
    batches: Sequence[Feeds]
    loss: Loss = output_noise

    def __post_init__(self) -> None:
        """Refuse to measure on nothing."""
        if not self.batches:
            raise InvalidData(
                "the batches", "none", "at least one", "give data to measure losses on"
            )

    def losses(self, chosen: Iterator[QuantizationOptions]) -> Iterator[float]:
        """The loss that each choice of options makes."""
        session = Session(self.model)
        expected = [session.run(feeds) for feeds in self.batches]
        for options in chosen:
            yield self.loss(expected, self.evaluate(self.quantize(options), self.batches))


def measure_sensitivities(
    measurement: Measurement,
    options: QuantizationOptions,
    widths: Sequence[int] = WIDTHS,
    progress: Progress | None = None,
) -> Sensitivities:
    """Give each layer in turn each of the narrower widths, and measure what the network loses.

    d[l, w] = max(0, loss(l at w, the others at the widest) - loss(all at the widest)).

    A layer whose width ``options.overrides`` states keeps it throughout.

    Args:
        measurement: how losses are measured.
        options: what ``quantize`` gets otherwise; ``weight_bits`` makes way for the widest width.
        widths: that are tried.
        progress: called after each measurement with how many are done and their total.

    Raises:
        InvalidOption: no width is given, or an override names no layer.
        InvalidData: a shape isn't known.

    Source: Zhou et al., Adaptive Quantization for Deep Neural Network (2018), for losses layer by
    layer, there in fake quantization.
    """
    options = at_widest(measurement.model, options, widths)
    trials = [
        (each.name, bits)
        for each in layer_costs(measurement.model)
        for bits in free_widths(each, options, widths)[1:]
    ]
    tried = iter([options, *(with_widths(options, {name: bits}) for name, bits in trials)])
    found: list[float] = []
    for loss in measurement.losses(tried):
        found.append(loss)
        if progress:
            progress(len(found), 1 + len(trials))
    widest, *others = found
    losses = {
        each.name: {free_widths(each, options, widths)[0]: 0.0}
        for each in layer_costs(measurement.model)
    }
    for (name, bits), loss in zip(trials, others, strict=True):
        losses[name][bits] = max(0.0, loss - widest)
    return Sensitivities(widest, losses)


def at_widest(
    model: ir.Model, options: QuantizationOptions, widths: Sequence[int]
) -> QuantizationOptions:
    """The options with the widest of ``widths``, and overrides by the names that costs have.

    Raises:
        InvalidOption: no width is given, or an override names no layer.
    """
    if not widths:
        raise InvalidOption("widths", "(none)", "no width can be chosen", "give some, such as 8, 4")
    require_layers(options.overrides, model.graph)
    own = {name_of(node): override_of(options.overrides, node) for node in model.graph}
    stated = {name: each for name, each in own.items() if each != LayerOverride()}
    return replace(options, weight_bits=max(widths), overrides=stated)


def free_widths(
    cost: LayerCost, options: QuantizationOptions, widths: Sequence[int]
) -> tuple[int, ...]:
    """The widths that a layer may have, the widest first; one that was stated is the only one."""
    own = options.overrides.get(cost.name, LayerOverride()).weight_bits
    return tuple(sorted(set(widths), reverse=True)) if own is None else (own,)


def with_widths(options: QuantizationOptions, widths: Mapping[str, int]) -> QuantizationOptions:
    """The options with these widths of weights, by layer."""
    changed = {
        name: replace(options.overrides.get(name, LayerOverride()), weight_bits=bits)
        for name, bits in widths.items()
    }
    return replace(options, overrides={**options.overrides, **changed})
