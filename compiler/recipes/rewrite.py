# SPDX-License-Identifier: Apache-2.0
"""The rewrites of the float network that a recipe's choices ask for, in order."""

from collections.abc import Callable, Mapping
from dataclasses import replace

import onnx_ir as ir

from intaglio.compiler.real.clips.per_channel_caps import per_channel_caps
from intaglio.compiler.real.clips.replace_clips import replace_clips
from intaglio.compiler.real.clips.restore_clips import restore_clips
from intaglio.compiler.real.dead_channels.eliminate_dead_channels import eliminate_dead_channels
from intaglio.compiler.real.distributions.distributions import ChannelDistribution
from intaglio.compiler.real.distributions.propagate_distributions import propagate_distributions
from intaglio.compiler.real.equalization.absorb_biases import AbsorptionOptions, absorb_biases
from intaglio.compiler.real.equalization.align_scales import align_scales
from intaglio.compiler.real.equalization.balance_noise import balance_noise
from intaglio.compiler.real.equalization.equalization_options import EqualizationOptions
from intaglio.compiler.real.equalization.equalize import equalize_layers
from intaglio.compiler.real.equalization.weight_ranges import RangeMeasure
from intaglio.compiler.real.outcome import Outcome
from intaglio.compiler.recipes.choices import Choices

Rewrite = Callable[[ir.Model], Outcome]


def rewrites(
    choices: Choices, inputs: Mapping[str, ChannelDistribution]
) -> list[tuple[str, Rewrite]]:
    """Name and function of each rewrite.

    Dead channels go first: what is left of their BatchNorm is judged beside that of their layer.
    Equalization needs a bound for each channel; bounds that stayed alike become a Clip again.
    """
    found: list[tuple[str, Rewrite]] = []
    if choices.clips == "relu":
        found.append(("replace clips", replace_clips))
    if choices.clears_dead_channels:
        found.append(
            (
                "clear dead channels",
                lambda model: eliminate_dead_channels(model, choices.dead_deviations),
            )
        )
    if choices.equalizes or choices.bias_absorption != "none":
        found.append(("bound channels", per_channel_caps))
    if choices.equalizes:
        options = _equalization(choices)
        found.append(("equalize", lambda model: equalize_layers(model, options)))
    if choices.equalizes and choices.balance_noise:
        found.append(("balance noise", lambda model: balance_noise(model, choices.codes, inputs)))
    if choices.bias_absorption != "none":
        absorption = AbsorptionOptions(
            choices.absorption_deviations, padded=choices.bias_absorption == "all"
        )
        found.append(("absorb biases", lambda model: absorb_biases(model, absorption)))
    if choices.codes.power_of_two_scales:
        found.append(("align scales", lambda model: _align(model, choices, inputs)))
    if choices.equalizes or choices.bias_absorption != "none":
        found.append(("restore clips", restore_clips))
    return found


def _equalization(choices: Choices) -> EqualizationOptions:
    return replace(
        EqualizationOptions(),
        measure=RangeMeasure(choices.equalization_measure),
        exponent=choices.equalization_exponent,
        activation_share=choices.activation_share,
    )


def _align(model: ir.Model, choices: Choices, inputs: Mapping[str, ChannelDistribution]) -> Outcome:
    known = propagate_distributions(model, inputs)
    return align_scales(model, known.distributions, choices.codes)
