# SPDX-License-Identifier: Apache-2.0
"""What is known of a network's inputs: as the user says, as data shows, or an estimate."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import onnx_ir as ir

from intaglio.compiler.real.distributions.distributions import ChannelDistribution
from intaglio.compiler.real.input_estimation.estimate_input import estimate_input
from intaglio.compiler.real.onnx_runtime import Feeds
from intaglio.compiler.real.outcome import Note
from intaglio.compiler.real.ranges.ranges import Range
from intaglio.errors import InvalidData


@dataclass(frozen=True, slots=True)
class KnownInputs:
    """Inputs by name.

    Attributes:
        ranges: what their codes must cover.
        distributions: of their channels, where they could be estimated.
        missing: why a range is missing.
        given: the inputs whose range the user states.
        binding: those whose range counts whatever data shows.
        notes: where each range comes from.
    """

    ranges: Mapping[str, Range]
    distributions: Mapping[str, ChannelDistribution]
    missing: Mapping[str, InvalidData]
    given: frozenset[str]
    binding: frozenset[str]
    notes: tuple[Note, ...]

    def all_binding(self) -> "KnownInputs":
        """Where data was made to fit these ranges, it can't show any."""
        return replace(self, binding=frozenset(self.ranges))


def know_inputs(
    model: ir.Model, given: Mapping[str, Range], data: Sequence[Feeds] | None
) -> KnownInputs:
    """The range of each input: as given, else as data shows it, else as BatchNorm tells it.

    Args:
        model: a normalized model.
        given: ranges that the user states.
        data: calibration data, if there is any.
    """
    ranges: dict[str, Range] = {}
    distributions: dict[str, ChannelDistribution] = {}
    missing: dict[str, InvalidData] = {}
    notes: list[Note] = []
    for value in model.graph.inputs:
        name = value.name or ""
        said, found = "as given", given.get(name)
        if found is None and data:
            said, found = "as calibration data shows it", _seen(name, data)
        try:
            estimate = estimate_input(model, name)
        except InvalidData as error:
            if found is None:
                missing[name] = error
                continue
            distributions[name] = _spread_over(value, found)
        else:
            distributions[name] = estimate.distribution
            if found is None:
                said, found = estimate.said, estimate.range
            else:
                distributions[name] = estimate.distribution.clipped(found.minimum, found.maximum)
        ranges[name] = found
        figures = {"minimum": found.minimum, "maximum": found.maximum}
        notes.append(Note(name, f"[{found.minimum:.4g}, {found.maximum:.4g}]: {said}", figures))
    stated = frozenset(given)
    return KnownInputs(ranges, distributions, missing, stated, stated, tuple(notes))


def _spread_over(value: ir.Value, found: Range) -> ChannelDistribution:
    """Nothing is known but the ends: the mean between them, and a quarter of their distance."""
    shape = value.shape
    extent = shape[1] if shape is not None and len(shape) > 1 else 1
    ones = np.ones(extent if isinstance(extent, int) else 1)
    low, high = found.minimum * ones, found.maximum * ones
    return ChannelDistribution((low + high) / 2, (high - low) / 4, low, high)


def _seen(name: str, data: Sequence[Feeds]) -> Range:
    arrays = [feeds[name] for feeds in data if name in feeds]
    low = min((float(np.min(array)) for array in arrays), default=0.0)
    return Range(low, max((float(np.max(array)) for array in arrays), default=low))
