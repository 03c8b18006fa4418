# SPDX-License-Identifier: Apache-2.0
"""Which channels are as good as constant after their clamp, by their noted statistics."""

from dataclasses import dataclass, replace
from math import erfc, sqrt

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from intaglio.compiler.real.clips.clips import clip_bounds, read_cap
from intaglio.compiler.real.distributions.distributions import ChannelDistribution, Reals
from intaglio.compiler.real.editing import sole_consumer

Flags = NDArray[np.bool_]

# A spread below this part of the layer's, or of the channel's own mean, is none.
_NO_SPREAD = 1e-3


@dataclass(frozen=True, slots=True, eq=False)
class DeadChannels:
    """What each channel of a linear layer is taken for, each ``[C]``.

    Attributes:
        at_low: always at the clamp's lower end (0 for a Relu).
        at_high: always at its upper end.
        constant: of no spread, and at neither end.
        value: the constant that the channel becomes before the clamp; the mean elsewhere.
        probability: that an element differs from it after the clamp; zero where it is constant.
        error: E|x - constant| after the clamp.
    """

    at_low: Flags
    at_high: Flags
    constant: Flags
    value: Reals
    probability: Reals
    error: Reals

    @property
    def dead(self) -> Flags:
        """All three kinds."""
        return self.at_low | self.at_high | self.constant

    def without(self, kept: Flags) -> "DeadChannels":
        """The same, but for the channels ``kept``, which are taken for none of the three."""
        return replace(
            self,
            at_low=self.at_low & ~kept,
            at_high=self.at_high & ~kept,
            constant=self.constant & ~kept,
            probability=np.where(kept, 0.0, self.probability),
            error=np.where(kept, 0.0, self.error),
        )


def clamp_of(value: ir.Value, channels: int) -> tuple[Reals, Reals, ir.Value]:
    """The interval of each channel behind the clamps that alone read ``value``.

    Returns:
        Its lower and upper ends, ``[channels]``, infinite without a clamp, and the value that
        leaves the last clamp (``value`` itself without any).
    """
    low, high = np.full(channels, -np.inf), np.full(channels, np.inf)
    node = sole_consumer(value)
    while node is not None:
        bounds = _bounds(node, value)
        if bounds is None:
            break
        low, high = (np.clip(end, *bounds) for end in (low, high))
        value = node.outputs[0]
        node = sole_consumer(value)
    return low, high, value


def _bounds(node: ir.Node, value: ir.Value) -> tuple[Reals | float, Reals | float] | None:
    match node.op_type:
        case "Relu":
            return 0.0, np.inf
        case "Clip":
            return clip_bounds(node)
        case "Max" | "Min":
            cap = read_cap(node)
            bound = None if cap is None else cap.by_channel(value)
            if bound is None:
                return None
            return (bound, np.inf) if node.op_type == "Max" else (-np.inf, bound)
        case _:
            return None


def find_dead_channels(
    mean: Reals, std: Reals, low: Reals, high: Reals, deviations: float
) -> DeadChannels:
    """Judge each channel x = clip(mean + std z, low, high), z being standard normal.

    - mean + k std <= low: always at the lower end;
    - mean - k std >= high: always at the upper end;
    - std < 1e-3 max(|mean|, rms of the layer's stds): constant.

    Args:
        mean: ``[C]``, before the clamp.
        std: likewise.
        low: ``[C]``, where the clamp begins.
        high: ``[C]``, where it ends.
        deviations: k.

    Source: an experiment of our own; MobileNets trained with ReLU6 have dozens of such channels,
    whose folded weights are huge because they were divided by a variance near zero.
    """
    at_low = mean + deviations * std <= low
    at_high = ~at_low & (mean - deviations * std >= high)
    constant = ~at_low & ~at_high & without_spread(mean, std)
    value = np.where(at_low, low, np.where(at_high, high, np.clip(mean, low, high)))
    expected, _ = ChannelDistribution(mean, std, low, high).moments()
    off = np.where(at_low, expected - low, np.where(at_high, high - expected, 0.0))
    return DeadChannels(
        at_low,
        at_high,
        constant,
        value,
        probability=np.where(at_low, _tail(low - mean, std), 0.0)
        + np.where(at_high, _tail(mean - high, std), 0.0),
        error=np.where(constant, sqrt(2 / np.pi) * std, off),
    )


def without_spread(mean: Reals, std: Reals) -> Flags:
    """Where std < 1e-3 max(|mean|, rms of the layer's stds), or zero; all are ``[C]``."""
    least = _NO_SPREAD * np.maximum(np.abs(mean), sqrt(float(np.mean(np.square(std)))))
    return np.less(std, least) | np.equal(std, 0.0)


def _tail(distance: Reals, std: Reals) -> Reals:
    """The probability that a normal number exceeds its mean by ``distance``."""
    safe = np.maximum(std, np.finfo(np.float64).tiny)
    with np.errstate(over="ignore"):
        scaled = distance / safe / sqrt(2)
    return np.array([0.5 * erfc(number) for number in scaled.tolist()])
