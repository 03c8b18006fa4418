# SPDX-License-Identifier: Apache-2.0
"""Bias correction as recipes use it: by calculation, and on data where there is any."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from intaglio.compiler.real.biases.correct_biases import correct_biases
from intaglio.compiler.real.biases.correct_biases_on_data import Progress, correct_biases_on_data
from intaglio.compiler.real.biases.find_shift import MATCHING, MeanMatching
from intaglio.compiler.real.distributions.propagate_distributions import Propagated
from intaglio.compiler.real.layer_by_layer.quantized_side import QuantizedSide
from intaglio.compiler.real.layer_by_layer.walk_in_float import walk_in_float
from intaglio.compiler.real.linear import read_linear
from intaglio.compiler.real.onnx_runtime import Feeds
from intaglio.compiler.real.outcome import Outcome
from intaglio.compiler.real.quantization.plan import QuantizationPlan


@dataclass(frozen=True, slots=True)
class MeasuredCorrection:
    """Bias correction on data.

    Attributes:
        batches: arrays by input name, real or synthetic; see ``correct_biases_on_data``.
        side: how the quantized network is computed, in float or in the integer simulator.
        matching: which means are compared, and how much of a difference is taken for chance.
        where_unknown: only where calculation has nothing to say, as AIMET does; else everywhere,
            data being nearer to the truth than a normal distribution.
    """

    batches: Sequence[Feeds]
    side: QuantizedSide = walk_in_float
    matching: MeanMatching = MATCHING
    where_unknown: bool = False


def correct_all_biases(
    model: ir.Model,
    plan: QuantizationPlan,
    known: Propagated,
    measured: MeasuredCorrection | None = None,
    progress: Progress | None = None,
    *,
    count_input_codes: bool = True,
) -> Outcome:
    """Correct biases by calculation, then on data where there is any.

    What data shows is added to what was calculated, as far as it isn't chance: the fewer samples,
    the more remains as calculated.

    Layers without a bias get one; ``plan_biases`` completes a plan for them.

    Args:
        model: a normalized model.
        plan: what is quantized; ``QuantizationPlan({}, plan_weights(...))`` before ranges exist.
        known: the distributions of values, from ``propagate_distributions``.
        measured: the data and how to use it; None for calculation alone.
        progress: called with layers done and their number, on data.
        count_input_codes: whether the calculation counts what codes of a layer's input do to its
            mean. To be left out where ``known`` didn't decide the ranges: those that were seen in
            data would cut off tails that only a normal distribution has.

    Raises:
        InvalidData: as ``correct_biases_on_data``.
    """
    activations = plan.activations if count_input_codes else None
    calculated = correct_biases(
        model, plan.constants, known.distributions, known.missing, activations
    )
    if measured is None:
        return calculated
    layers = _unchanged(model, calculated.model) if measured.where_unknown else None
    if layers is not None and not layers:
        return calculated
    on_data = correct_biases_on_data(
        calculated.model,
        plan,
        measured.batches,
        reference=model,
        side=measured.side,
        matching=measured.matching,
        layers=layers,
        progress=progress,
    )
    if layers is None:
        return on_data
    return Outcome(
        on_data.model,
        calculated.channels + on_data.channels,
        f"{calculated.summary}, {on_data.summary}",
        (*(note for note in calculated.notes if note.figures), *on_data.notes),
    )


def _unchanged(before: ir.Model, after: ir.Model) -> list[str]:
    """The results of the layers whose biases are still the same."""
    names: list[str] = []
    for old, new in zip(before.graph, after.graph, strict=True):
        first, second = read_linear(old), read_linear(new)
        if first is not None and second is not None and np.array_equal(first.bias, second.bias):
            names.append(new.outputs[0].name or "")
    return names
