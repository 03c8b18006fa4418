# SPDX-License-Identifier: Apache-2.0
"""What is known about the distribution of values: observed on data, or kept from BatchNorm."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

STATISTICS_KEY = "intaglio.statistics"


@dataclass(frozen=True, slots=True)
class ValueStatistics:
    """What was seen of one value over a stream of batches.

    Attributes:
        minimum: the smallest element.
        maximum: the largest element.
        count: how many elements were seen.
    """

    minimum: float
    maximum: float
    count: int

    def joined(self, other: "ValueStatistics") -> "ValueStatistics":
        """What was seen in both."""
        return ValueStatistics(
            min(self.minimum, other.minimum),
            max(self.maximum, other.maximum),
            self.count + other.count,
        )


@dataclass(frozen=True, slots=True)
class Statistics:
    """What was seen of every observed value, by the value's name.

    Attributes:
        values: the statistics by value name.
        samples: how many samples (leading dimension) were run.
    """

    values: Mapping[str, ValueStatistics]
    samples: int


@dataclass(frozen=True, slots=True)
class ChannelStatistics:
    """The normal distribution that a folded BatchNorm promises for each channel of its output.

    Attributes:
        mean: beta, a number for each channel.
        std: |gamma| * sqrt(var / (var + eps)), a number for each channel.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]


def write_channel_statistics(
    value: ir.Value, mean: NDArray[np.float64], std: NDArray[np.float64]
) -> None:
    """Note the statistics on ``value``, as JSON under ``intaglio.statistics``."""
    note = {"mean": mean.tolist(), "std": std.tolist()}
    value.metadata_props[STATISTICS_KEY] = json.dumps(note)


def read_channel_statistics(value: ir.Value) -> ChannelStatistics | None:
    """The statistics noted on ``value``, None if there are none."""
    note = value.metadata_props.get(STATISTICS_KEY)
    if note is None:
        return None
    fields = json.loads(note)
    return ChannelStatistics(tuple(fields["mean"]), tuple(fields["std"]))
