# SPDX-License-Identifier: Apache-2.0
"""Widths of weights layer by layer, by what each layer loses, within a budget."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import onnx_ir as ir

from intaglio.compiler.real.quantization.activation_encodings import activation_encodings
from intaglio.compiler.real.quantization.options import QuantizationOptions
from intaglio.compiler.real.widths.assign_widths import Choice, assign_widths
from intaglio.compiler.real.widths.layer_costs import LayerCost, layer_costs
from intaglio.compiler.recipes.layer_sensitivities import (
    WIDTHS,
    Measurement,
    Progress,
    Sensitivities,
    at_widest,
    free_widths,
    measure_sensitivities,
    with_widths,
)


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
    measurement: Measurement,
    options: QuantizationOptions,
    budget: Budget,
    *,
    widths: Sequence[int] = WIDTHS,
    sensitivities: Sensitivities | None = None,
    progress: Progress | None = None,
) -> MixedPrecision:
    """Give each layer the width at which the network loses least within the budget.

    1. ``measure_sensitivities`` tells what each width d[l, w] of each layer adds to the loss.
    2. The widths that minimize sum of d[l, w[l]] within the budget are found by dynamic
       programming: losses of several layers are taken to add up, which holds for noise that is
       small and independent.
    3. The network is measured with these widths.

    A layer whose width ``options.overrides`` states keeps it.

    Args:
        measurement: how losses are measured.
        options: what ``quantize`` gets otherwise; ``weight_bits`` makes way for the widest width.
        budget: what is allowed.
        widths: that may be chosen.
        sensitivities: of the same options and widths, where they are known from another budget.
        progress: called after each measurement of a sensitivity.

    Raises:
        InvalidOption: the budget is smaller than what the narrowest widths need, there is no width
            to choose, or an override names no layer.
        InvalidData: a shape isn't known.

    Source: the sum of losses under a budget as in the integer program of Yao et al., HAWQ-V3
    (2021).
    """
    model, widest = measurement.model, at_widest(measurement.model, options, widths)
    costs, cost_of = layer_costs(model), _cost(model, widest, budget)
    free = [free_widths(each, widest, widths) for each in costs]
    # A budget that can't be kept is refused before anything is measured.
    _assigned(costs, free, [dict.fromkeys(each, 0.0) for each in free], cost_of, budget)
    if sensitivities is None:
        sensitivities = measure_sensitivities(measurement, options, widths, progress)
    losses = [sensitivities.losses[each.name] for each in costs]
    assigned = _assigned(costs, free, losses, cost_of, budget)
    narrowed = {
        each.name: choice.bits
        for each, choice in zip(costs, assigned, strict=True)
        if choice.bits != widest.weight_bits
    }
    final = with_widths(widest, narrowed)
    (loss,) = measurement.losses(iter([final]))
    return MixedPrecision(
        final,
        tuple(
            LayerWidth(each.name, each.weights, each.products, own, choice.bits)
            for each, own, choice in zip(costs, losses, assigned, strict=True)
        ),
        sum(choice.cost for choice in assigned),
        sensitivities.widest,
        sensitivities.widest + sum(choice.loss for choice in assigned),
        loss,
    )


def _assigned(
    costs: Sequence[LayerCost],
    free: Sequence[Sequence[int]],
    losses: Sequence[Mapping[int, float]],
    cost_of: Callable[[LayerCost, int], int],
    budget: Budget,
) -> tuple[Choice, ...]:
    choices = [
        [Choice(bits, cost_of(cost, bits), own[bits]) for bits in widths]
        for cost, widths, own in zip(costs, free, losses, strict=True)
    ]
    return assign_widths(choices, _amount(budget))


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
