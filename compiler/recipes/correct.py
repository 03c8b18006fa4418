# SPDX-License-Identifier: Apache-2.0
"""What a recipe does once ranges stand: rounding that is learned, and corrections of biases."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import assert_never

import onnx_ir as ir

from intaglio.compiler.real.biases.correct_all_biases import MeasuredCorrection, correct_all_biases
from intaglio.compiler.real.distributions.propagate_distributions import Propagated
from intaglio.compiler.real.layer_by_layer.quantized_side import QuantizedSide
from intaglio.compiler.real.onnx_runtime import Feeds
from intaglio.compiler.real.outcome import Outcome
from intaglio.compiler.real.quantization.limit_biases import limit_biases
from intaglio.compiler.real.quantization.plan import QuantizationPlan
from intaglio.compiler.real.quantization.plan_biases import plan_biases
from intaglio.compiler.real.rounding.learn_rounding import RoundingOptions, learn_rounding
from intaglio.compiler.recipes.choices import DATA_RULES, Choices

Report = Callable[[str, int, int | None], None]


@dataclass(frozen=True, slots=True)
class Corrected:
    """The network to quantize, its plan, and name and outcome of each step on the way to it."""

    model: ir.Model
    plan: QuantizationPlan
    outcomes: tuple[tuple[str, Outcome], ...]


def correct(
    model: ir.Model,
    choices: Choices,
    plan: QuantizationPlan,
    known: Propagated,
    samples: Sequence[Feeds] | None,
    side: QuantizedSide,
    report: Report,
) -> Corrected:
    """Correct ``model`` for what ``plan`` does to it.

    Learned rounding finds the best biases along with the codes; nothing is left to correct then.

    Raises:
        InvalidData: the data doesn't fit the model.
    """
    if choices.rounding == "learned":
        assert samples is not None
        options = RoundingOptions(bias_bits=choices.codes.bias_bits)
        learned = learn_rounding(model, plan, samples, options, partial(report, "rounding"))
        outcome = learned.outcome
        return Corrected(outcome.model, learned.plan, (("learn rounding", outcome),))
    if choices.bias_correction == "none":
        return Corrected(model, plan, ())
    measured = _measured(choices, samples, side)
    outcome = correct_all_biases(
        model,
        plan,
        known,
        measured,
        partial(report, "biases"),
        count_input_codes=choices.ranges not in DATA_RULES,
    )
    complete = plan_biases(outcome.model, plan)
    limited = limit_biases(outcome.model, complete, choices.codes.bias_bits)
    noted = replace(outcome, model=limited.model, notes=(*outcome.notes, *limited.notes))
    return Corrected(limited.model, complete, (("correct biases", noted),))


def _measured(
    choices: Choices, samples: Sequence[Feeds] | None, side: QuantizedSide
) -> MeasuredCorrection | None:
    match choices.bias_correction:
        case "none" | "calculated":
            return None
        case "data" | "both":
            assert samples is not None
            return MeasuredCorrection(
                samples, side, where_unknown=choices.bias_correction == "both"
            )
        case _:
            assert_never(choices.bias_correction)
