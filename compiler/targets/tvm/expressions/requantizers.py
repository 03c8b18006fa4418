# SPDX-License-Identifier: Apache-2.0
"""A requantizer as an expression: scale, add the zero point, clamp."""

from collections.abc import Sequence

from intaglio.compiler.targets.tvm.expressions.channels import Channels
from intaglio.compiler.targets.tvm.expressions.scalings import scaled
from intaglio.compiler.targets.tvm.number import Number
from intaglio.numerics.intervals import Interval
from intaglio.numerics.requantizers import Requantizer


def requantized(at: Channels, requantizers: Sequence[Requantizer], x: Number) -> Number:
    """``requantizers[channel].apply(x)``; one for each channel, or one."""
    needed = Interval(
        min(r.low - r.zero_point for r in requantizers),
        max(r.high - r.zero_point for r in requantizers),
    )
    y = scaled(at, [r.scaling for r in requantizers], x, needed)
    y += at.number([r.zero_point for r in requantizers])
    return clamped(at, [r.low for r in requantizers], [r.high for r in requantizers], y)


def clamped(at: Channels, low: Sequence[int], high: Sequence[int], x: Number) -> Number:
    """``min(max(x, low), high)`` by channel."""
    if x.interval.low < max(low):
        x = x.maximum(at.number(low))
    if x.interval.high > min(high):
        x = x.minimum(at.number(high))
    return at.once(x)
