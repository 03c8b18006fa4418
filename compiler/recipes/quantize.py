# SPDX-License-Identifier: Apache-2.0
"""Quantize a float network as a recipe's choices say, step by step."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial

import onnx_ir as ir

from intaglio.compiler.real.distributions.propagate_distributions import propagate_distributions
from intaglio.compiler.real.layer_by_layer.quantized_side import QuantizedSide
from intaglio.compiler.real.layer_by_layer.walk_in_float import walk_in_float
from intaglio.compiler.real.normalization.normalize import normalize
from intaglio.compiler.real.onnx_runtime import Feeds
from intaglio.compiler.real.outcome import Note
from intaglio.compiler.real.quantization.insert_quantization import insert_quantization
from intaglio.compiler.real.quantization.layer_overrides import require_layers
from intaglio.compiler.real.quantization.plan import (
    QuantizationPlan,
    plan_quantization,
    plan_weights,
)
from intaglio.compiler.real.ranges.ranges import Range
from intaglio.compiler.real.sampled_moments.note_moments import note_moments
from intaglio.compiler.recipes.activation_ranges import as_observed, find_ranges
from intaglio.compiler.recipes.batching import in_batches
from intaglio.compiler.recipes.choices import Choices
from intaglio.compiler.recipes.correct import correct
from intaglio.compiler.recipes.known_inputs import KnownInputs, know_inputs
from intaglio.compiler.recipes.probes import Probes, noise_feeds
from intaglio.compiler.recipes.result import QuantizedResult, Step
from intaglio.compiler.recipes.rewrite import rewrites
from intaglio.compiler.recipes.synthetic_data import make_data, synthesis_step
from intaglio.compiler.recipes.width_search import WidthSearch, search_widths
from intaglio.compiler.synthesis.synthetic_set import SyntheticSet
from intaglio.errors import InvalidData, InvalidOption

Progress = Callable[[str, int, int | None], None]
"""Called with what is being done, how much of it is done, and how much there is if known."""

Keep = Callable[[SyntheticSet, Mapping[str, Range]], None]
"""Called with data that was made, and what its inputs range over."""

NO_RANGES: Mapping[str, Range] = {}


def quantize(
    model: ir.Model,
    choices: Choices,
    *,
    data: Iterable[Feeds] | None = None,
    input_ranges: Mapping[str, Range] = NO_RANGES,
    integer_side: QuantizedSide | None = None,
    widths: WidthSearch | None = None,
    measure: bool = True,
    progress: Progress | None = None,
    keep: Keep | None = None,
) -> QuantizedResult:
    """Quantize a float model.

    Args:
        model: a float model as ``load_model`` yields it; it stays as it is.
        choices: what to do.
        data: batches of input arrays by input name. It is run once, a batch at a time, where ranges
            alone need it, and held where roundings or corrections do. None where choices make it.
        input_ranges: what inputs range over, by name. Without, and without data, it is estimated
            from what BatchNorm kept of the first layers.
        integer_side: what computes the quantized network where corrections ask for integers.
        widths: how the widths of weights are chosen layer by layer; None leaves them as ``choices``
            has them.
        measure: whether each step's effect on the outputs is measured, on the first samples, or on
            smooth noise where there are none.
        progress: see ``Progress``.
        keep: called with the data that was made and what its inputs range over, before anything
            is done with it: making it takes longest, and what follows may fail.

    Raises:
        InvalidOption: choices make data, and some is given; or they name a layer that isn't there.
        UnsupportedModel: nodes that no integer network has, all named, before any data is read.
        InvalidData: the data doesn't fit the model; or there is none, and a choice needs it or
            activations have no range without.
    """
    say = progress or _say_nothing
    normalized = normalize(model)
    _require_data(choices, data)
    require_layers(choices.codes.overrides, normalized.graph)
    samples = None if data is None or _streams(choices) else list(data)
    inputs = know_inputs(normalized, input_ranges, samples)
    made = None
    if choices.synthesizes:
        made = make_data(model, choices.synthetic, inputs, say)
        if keep is not None:
            keep(made, inputs.ranges)
        samples, inputs = in_batches(normalized, made.inputs), inputs.all_binding()
    trials = _probes(normalized, inputs, data if samples is None else samples, measure or widths)
    probes = trials if measure else None
    steps = [_step("normalize", _normalized(model, inputs), normalized, probes, inputs.notes)]
    if made is not None:
        steps.append(synthesis_step(made))

    current = normalized
    if choices.layer_statistics == "samples":
        assert samples is not None
        seen = as_observed(current, choices)
        outcome = note_moments(current, samples, seen, partial(say, "statistics"))
        current = outcome.model
        steps.append(Step("statistics", outcome.summary, 0, notes=outcome.notes))
    stages = rewrites(choices, inputs.distributions)
    for done, (name, rewrite) in enumerate(stages):
        say(name, done, len(stages))
        outcome = rewrite(current)
        current = outcome.model
        step = _step(name, outcome.summary, current, probes, outcome.notes, outcome.channels)
        steps.append(_with_noise(step, current, _weights_alone(current, choices), probes))

    known = propagate_distributions(current, inputs.distributions)
    observed = data if samples is None else samples
    found = find_ranges(current, choices, known, inputs, observed, partial(say, "ranges"))
    plan = plan_quantization(current, found.ranges, choices.codes)
    summary = f"{len(plan.activations)} values: {found.summary}"
    step = Step("ranges", summary, 0, notes=plan.notes)
    steps.append(_with_noise(step, current, plan, probes))
    if widths is not None:
        step, codes = search_widths(
            current, choices, widths, found.ranges, known, trials, partial(say, "widths")
        )
        choices = replace(choices, codes=codes)
        plan = plan_quantization(current, found.ranges, codes)
        steps.append(_with_noise(step, current, plan, probes))

    side = integer_side if integer_side and choices.bias_side == "integers" else walk_in_float
    corrected = correct(current, choices, plan, known, samples, side, say)
    for name, outcome in corrected.outcomes:
        step = Step(name, outcome.summary, outcome.channels, notes=outcome.notes)
        steps.append(_with_noise(step, outcome.model, corrected.plan, probes))
    quantized = insert_quantization(corrected.model, corrected.plan)
    return QuantizedResult(quantized, current, found.statistics, corrected.plan, tuple(steps), made)


def _normalized(model: ir.Model, inputs: KnownInputs) -> str:
    """What was folded, and what inputs are taken to range over."""
    folded = sum(node.op_type == "BatchNormalization" for node in model.graph)
    ranges = [
        f"{name} in [{found.minimum:.4g}, {found.maximum:.4g}]"
        + ("" if name in inputs.given else " (not stated)")
        for name, found in inputs.ranges.items()
    ]
    return "; ".join([f"{folded} BatchNormalizations folded", *ranges])


def _streams(choices: Choices) -> bool:
    """Whether one run over the data is all that is asked of it."""
    return choices.needs_data == (f"ranges={choices.ranges}",)


def _require_data(choices: Choices, data: Iterable[Feeds] | None) -> None:
    if data is not None and choices.synthesizes:
        raise InvalidOption(
            "synthesis",
            choices.synthetic.synthesis,
            "it makes data, and calibration data is given too",
            "leave out --calibration, or --set synthesis=none",
        )
    if data is None and choices.needs_data and not choices.synthesizes:
        raise InvalidData(
            "calibration data",
            "none",
            f"some, for {', '.join(choices.needs_data)}",
            "give --calibration DATA, or choose what needs none, as --recipe dfq does, or makes "
            "its own, as --recipe dsg does",
        )


def _probes(
    model: ir.Model, inputs: KnownInputs, data: Iterable[Feeds] | None, wanted: object
) -> Probes | None:
    """The first samples where data can be run twice; else noise, where the inputs' ranges allow."""
    if not wanted:
        return None
    if data is not None and not isinstance(data, Iterator):
        first = next(iter(data), None)
        if first is not None:
            return Probes(model, [first])
    if inputs.missing:
        return None
    return Probes(model, noise_feeds(model, inputs.ranges))


def _step(
    name: str,
    summary: str,
    model: ir.Model,
    probes: Probes | None,
    notes: Sequence[Note],
    channels: int = 0,
) -> Step:
    moved = None if probes is None else probes.agreement(model)
    return Step(name, summary, channels, moved, None, tuple(notes))


def _weights_alone(model: ir.Model, choices: Choices) -> QuantizationPlan:
    return QuantizationPlan({}, plan_weights(model, choices.codes))


def _with_noise(step: Step, model: ir.Model, plan: QuantizationPlan, probes: Probes | None) -> Step:
    if probes is None:
        return step
    return replace(step, signal_to_noise=probes.signal_to_noise(model, plan))


def _say_nothing(doing: str, done: int, total: int | None) -> None:
    """Progress that nobody asked for."""
