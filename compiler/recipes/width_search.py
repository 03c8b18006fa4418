# SPDX-License-Identifier: Apache-2.0
"""Widths of weights layer by layer within a budget, as a step of a recipe."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import onnx_ir as ir

from intaglio.compiler.real.distributions.propagate_distributions import Propagated
from intaglio.compiler.real.evaluator import Evaluator
from intaglio.compiler.real.layer_by_layer.walk_in_float import walk_in_float
from intaglio.compiler.real.outcome import Note
from intaglio.compiler.real.quantization.insert_quantization import insert_quantization
from intaglio.compiler.real.quantization.options import QuantizationOptions
from intaglio.compiler.real.quantization.plan import plan_quantization
from intaglio.compiler.real.ranges.ranges import Range
from intaglio.compiler.real.widths.output_losses import Loss, output_noise
from intaglio.compiler.recipes.choices import Choices
from intaglio.compiler.recipes.correct import correct
from intaglio.compiler.recipes.layer_sensitivities import WIDTHS, Measurement
from intaglio.compiler.recipes.mixed_precision import Budget, MixedPrecision, choose_widths
from intaglio.compiler.recipes.probes import Probes
from intaglio.compiler.recipes.result import Step
from intaglio.errors import InvalidData

Report = Callable[[int, int | None], None]


@dataclass(frozen=True, slots=True)
class WidthSearch:
    """How widths are chosen.

    Attributes:
        budget: what the network may cost.
        evaluate: runs a quantized network, in integers.
        widths: that a layer may have.
        loss: what is lost, as ``class_divergence`` or the noise of the outputs.
    """

    budget: Budget
    evaluate: Evaluator
    widths: tuple[int, ...] = WIDTHS
    loss: Loss = output_noise


def search_widths(
    model: ir.Model,
    choices: Choices,
    search: WidthSearch,
    ranges: Mapping[str, Range],
    known: Propagated,
    probes: Probes | None,
    report: Report,
) -> tuple[Step, QuantizationOptions]:
    """The codes with a width for each layer, and what was found out on the way.

    Losses are measured with biases corrected by calculation, if ``choices`` correct them at all:
    what data can correct is left for the network that comes out.

    Raises:
        InvalidOption: the budget can't be kept.
        InvalidData: there is nothing to measure on.
    """
    if probes is None:
        raise InvalidData(
            "data to measure layers on", "none", "some", "give --calibration or --input-range"
        )
    trial = replace(choices, rounding="nearest")
    if choices.bias_correction != "none":
        trial = replace(trial, bias_correction="calculated")

    def quantized(codes: QuantizationOptions) -> ir.Model:
        plan = plan_quantization(model, ranges, codes)
        corrected = correct(model, trial, plan, known, None, walk_in_float, _say_nothing)
        return insert_quantization(corrected.model, corrected.plan)

    found = choose_widths(
        Measurement(model, quantized, search.evaluate, probes.feeds, search.loss),
        choices.codes,
        search.budget,
        widths=[bits for bits in search.widths if bits <= choices.codes.weight_bits],
        progress=report,
    )
    return _step(found), found.options


def _step(found: MixedPrecision) -> Step:
    widths = [layer.bits for layer in found.layers]
    counts = ", ".join(
        f"{widths.count(bits)} at {bits} bits" for bits in sorted(set(widths), reverse=True)
    )
    notes = tuple(
        Note(
            layer.layer,
            f"{layer.bits} bits",
            {"bits": layer.bits, "weights": layer.weights, "products": layer.products}
            | {f"loss_at_{bits}": loss for bits, loss in layer.losses.items()},
        )
        for layer in found.layers
    )
    summary = f"{counts}; cost {found.cost:,}; noise {found.widest_loss:.2g} -> {found.loss:.2g}"
    summary += f" ({found.expected_loss:.2g} expected)"
    return Step("widths", summary, 0, notes=notes)


def _say_nothing(doing: str, done: int, total: int | None) -> None:
    """Trials have no progress of their own."""
