# SPDX-License-Identifier: Apache-2.0
"""Data that is made where none is given."""

from collections.abc import Callable
from typing import assert_never

import onnx_ir as ir

from intaglio.compiler.recipes.known_inputs import KnownInputs
from intaglio.compiler.recipes.result import Step
from intaglio.compiler.synthesis.input_description import InputDescription
from intaglio.compiler.synthesis.noise import noise
from intaglio.compiler.synthesis.options import SynthesisOptions
from intaglio.compiler.synthesis.prepared_model import prepare
from intaglio.compiler.synthesis.synthetic_set import SyntheticSet
from intaglio.compiler.synthesis.targets.batch_norm_targets import batch_norm_targets
from intaglio.compiler.synthesis.torch_extra import require_torch
from intaglio.errors import InvalidData, InvalidOption

Progress = Callable[[str, int, int | None], None]


def make_data(
    model: ir.Model, options: SynthesisOptions, inputs: KnownInputs, progress: Progress
) -> SyntheticSet:
    """Make inputs for a network from nothing but itself.

    Args:
        model: a float model as ``load_model`` yields it.
        options: how; not ``"none"``.
        inputs: what is known of the inputs, which the samples keep to.
        progress: called with what is being done, how much of it is done, and of how much.

    Raises:
        InvalidOption: the options make no data.
        InvalidData: they need PyTorch, and it isn't installed; the network has nothing to make data
            from; or an input's range isn't known.
    """
    match options.synthesis:
        case "none":
            raise InvalidOption("synthesis", "none", "it makes no data", "choose another, as noise")
        case "noise":
            described = _described(model, inputs)
            made = noise(described, options.synthetic_samples, options.seed, options.start)
            return SyntheticSet(made, {}, f"{options.start} noise")
        case "classes" | "batch-norm" | "weight-sums" | "moments":
            return _optimized(model, options, inputs, progress)
        case _:
            assert_never(options.synthesis)


def synthesis_step(made: SyntheticSet) -> Step:
    """What making the data was, for the table of steps."""
    summary, total = f"{made.samples} samples: {made.summary}", made.losses.get("total", ())
    if total:
        summary += f"; loss {total[0]:.4g} -> {total[-1]:.4g}"
    if total and total[-1] > total[0]:
        summary += ", which rose: lower learning_rate"
    return Step("synthesize", summary, 0, notes=made.notes)


def _optimized(
    model: ir.Model, options: SynthesisOptions, inputs: KnownInputs, progress: Progress
) -> SyntheticSet:
    require_torch()
    # PyTorch takes seconds to import, and is an extra.
    from intaglio.compiler.synthesis.synthesize import synthesize

    prepared = prepare(model)
    if options.synthesis == "batch-norm":
        # A network that needs another recipe is told so before it is asked for ranges.
        batch_norm_targets(prepared)
    return synthesize(prepared, options, _described(model, inputs), progress)


def _described(model: ir.Model, inputs: KnownInputs) -> dict[str, InputDescription]:
    described: dict[str, InputDescription] = {}
    for value in model.graph.inputs:
        name = value.name or ""
        if name in inputs.missing:
            raise inputs.missing[name]
        if value.dtype != ir.DataType.FLOAT or value.shape is None:
            raise InvalidData(
                f"input {name}",
                f"elements of type {value.dtype}",
                "float32, for which data can be made",
                "quantize with --calibration DATA instead",
            )
        shape = tuple(dim for dim in value.shape[1:] if isinstance(dim, int))
        if len(shape) < len(value.shape) - 1:
            raise InvalidData(
                f"input {name}",
                f"the shape {value.shape}",
                "whole numbers behind the batch, for which data can be made",
                "fix them in the model, or quantize with --calibration DATA instead",
            )
        described[name] = InputDescription(shape, inputs.ranges[name], inputs.distributions[name])
    return described
