# SPDX-License-Identifier: Apache-2.0
"""Widths of weights layer by layer, by what each layer loses, within a budget."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import onnx_ir as ir

from intaglio.compiler.real.activation_encodings import activation_encodings
from intaglio.compiler.real.assign_widths import Choice, assign_widths
from intaglio.compiler.real.editing import name_of
from intaglio.compiler.real.evaluator import Evaluator
from intaglio.compiler.real.layer_costs import LayerCost, layer_costs
from intaglio.compiler.real.layer_overrides import LayerOverride, override_of, require_layers
from intaglio.compiler.real.onnx_runtime import Feeds, Session
from intaglio.compiler.real.options import QuantizationOptions
from intaglio.compiler.real.output_losses import Loss, output_noise
from intaglio.errors import InvalidData, InvalidOption

Quantize = Callable[[QuantizationOptions], ir.Model]
"""The quantized network that options make, overrides included."""

Progress = Callable[[int, int | None], None]

WIDTHS = (8, 6, 5, 4, 3, 2)


@dataclass(frozen=True, slots=True)
class SizeBudget:
    """The most bytes of weights: each layer's codes packed at its width, without biases."""

    bytes: int


@dataclass(frozen=True, slots=True)
class OperationBudget:
    """The most bit operations a sample: products * width of weights * width of activations."""

    bit_operations: int


Budget = SizeBudget | OperationBudget


@dataclass(frozen=True, slots=True)
class LayerWidth:
    """What was found out about a layer.

    Attributes:
        layer: its name.
        weights: how many it has.
        products: multiplications for one sample.
        losses: what each width adds to the loss, alone, the other layers being at the widest.
        bits: the width that it gets.
    """

    layer: str
    weights: int
    products: int
    losses: Mapping[int, float]
    bits: int


@dataclass(frozen=True, slots=True)
class MixedPrecision:
    """An assignment of widths.

    Attributes:
        options: as given, with an override for each layer that isn't at the widest.
        layers: in the model's order.
        cost: bytes or bit operations.
        widest_loss: with every layer at the widest.
        expected_loss: what the layers' losses add up to.
        loss: measured with the widths as chosen.
    """

    options: QuantizationOptions
    layers: tuple[LayerWidth, ...]
    cost: int
    widest_loss: float
    expected_loss: float
    loss: float


def choose_widths(
    model: ir.Model,
    quantize: Quantize,
    evaluate: Evaluator,
    batches: Sequence[Feeds],
    options: QuantizationOptions,
    budget: Budget,
    *,
    widths: Sequence[int] = WIDTHS,
    measure: Loss | None = None,
    progress: Progress | None = None,
) -> MixedPrecision:
    """Give each layer the width at which the network loses least within the budget.

    1. Each layer in turn gets each of the narrower widths, and the loss of the whole network is
       measured in integers.  What it adds to the loss at the widest is the layer's own:
       d[l, w] = max(0, loss(l at w) - loss(all at the widest)).
    2. The widths that minimize sum of d[l, w[l]] within the budget are found by dynamic
       programming: losses of several layers are taken to add up, which holds for noise that is
       small and independent.
    3. The network is measured with these widths.

    A layer whose width ``options.overrides`` states keeps it.

    Args:
        model: the normalized float network that ``quantize`` starts from.
        quantize: makes the quantized network; called once for each layer and width.
        evaluate: runs it.
        batches: real or synthetic inputs.
        options: what ``quantize`` gets otherwise; ``weight_bits`` makes way for the widest width.
        budget: what is allowed.
        widths: that are tried.
        measure: the loss; by default ``output_noise``.
        progress: called after each measurement with how many are done and their total.

    Raises:
        InvalidOption: the budget is smaller than what the narrowest widths need, there is no width
            to choose, or an override names no layer.
        InvalidData: there is no data, or a shape isn't known.

    Source: for sensitivities layer by layer, Zhou et al., Adaptive Quantization for Deep Neural
    Network (2018), section 4, there in fake quantization; the sum of losses under a budget as in
    the integer program of Yao et al., HAWQ-V3 (2021).
    """
    if not batches:
        raise InvalidData("the batches", "none", "at least one", "give data to measure losses on")
    if not widths:
        raise InvalidOption("widths", "(none)", "no width can be chosen", "give some, such as 8, 4")
    ordered = sorted(set(widths), reverse=True)
    options = replace(
        options, weight_bits=ordered[0], overrides=_by_node(model.graph, options.overrides)
    )
    costs = layer_costs(model)
    # A budget that can't be kept is refused before anything is measured.
    cost_of = _cost(model, options, budget)
    assign_widths(
        [_choices(each, _free(each, options, ordered), {}, cost_of) for each in costs],
        _amount(budget),
    )
    session = Session(model)
    expected = [session.run(feeds) for feeds in batches]
    total = 2 + sum(len(_free(each, options, ordered)) - 1 for each in costs)
    done = 0

    def loss_with(chosen: QuantizationOptions) -> float:
        nonlocal done
        found = (measure or output_noise)(expected, evaluate(quantize(chosen), batches))
        done += 1
        if progress:
            progress(done, total)
        return found

    widest = loss_with(options)
    choices: list[tuple[Choice, ...]] = []
    losses: list[dict[int, float]] = []
    for each in costs:
        free = _free(each, options, ordered)
        own = {free[0]: 0.0}
        for bits in free[1:]:
            own[bits] = max(0.0, loss_with(_with(options, {each.name: bits})) - widest)
        losses.append(own)
        choices.append(_choices(each, free, own, cost_of))
    assigned = assign_widths(choices, _amount(budget))
    narrowed = {
        each.name: choice.bits
        for each, choice in zip(costs, assigned, strict=True)
        if choice.bits != ordered[0]
    }
    final = _with(options, narrowed)
    return MixedPrecision(
        final,
        tuple(
            LayerWidth(each.name, each.weights, each.products, own, choice.bits)
            for each, own, choice in zip(costs, losses, assigned, strict=True)
        ),
        sum(choice.cost for choice in assigned),
        widest,
        widest + sum(choice.loss for choice in assigned),
        loss_with(final),
    )


def _by_node(graph: ir.Graph, overrides: Mapping[str, LayerOverride]) -> dict[str, LayerOverride]:
    """Overrides by the names that costs have, whichever of a node's names they came under."""
    require_layers(overrides, graph)
    own = {name_of(node): override_of(overrides, node) for node in graph if overrides}
    return {name: each for name, each in own.items() if each != LayerOverride()}


def _free(cost: LayerCost, options: QuantizationOptions, widths: Sequence[int]) -> Sequence[int]:
    """The widths that a layer may have, the widest first; one that was stated is the only one."""
    own = options.overrides.get(cost.name, LayerOverride()).weight_bits
    return widths if own is None else (own,)


def _with(options: QuantizationOptions, widths: Mapping[str, int]) -> QuantizationOptions:
    changed = {
        name: replace(options.overrides.get(name, LayerOverride()), weight_bits=bits)
        for name, bits in widths.items()
    }
    return replace(options, overrides={**options.overrides, **changed})


def _choices(
    cost: LayerCost,
    widths: Sequence[int],
    losses: Mapping[int, float],
    cost_of: Callable[[LayerCost, int], int],
) -> tuple[Choice, ...]:
    return tuple(Choice(bits, cost_of(cost, bits), losses.get(bits, 0.0)) for bits in widths)


def _amount(budget: Budget) -> int:
    return budget.bytes if isinstance(budget, SizeBudget) else budget.bit_operations


def _cost(
    model: ir.Model, options: QuantizationOptions, budget: Budget
) -> Callable[[LayerCost, int], int]:
    """What a layer costs at a width, in the budget's unit."""
    if isinstance(budget, SizeBudget):
        return lambda cost, bits: -(-cost.weights * bits // 8)
    encodings, _ = activation_encodings(model, options)
    default = options.activations
    return lambda cost, bits: cost.products * bits * encodings.get(cost.source, default).bits
