# SPDX-License-Identifier: Apache-2.0
"""What arithmetic does to clipped normal distributions: exactly, or by mean and variance."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from intaglio.compiler.real.distributions.distributions import ChannelDistribution, Reals

_FITTING_ROUNDS = 40
# Where functions that only bend near zero are evaluated to find their extremes, and what stands
# for infinity there.
_GRID = np.linspace(-16.0, 16.0, 513)
_FAR = 1e30
_SHARE_AT_BORDERS = 1e-6


def constants(values: Reals) -> ChannelDistribution:
    """Channels that always hold ``values``, which are ``[C]``."""
    return ChannelDistribution(values, np.zeros(values.shape), values, values)


def with_moments(mean: Reals, variance: Reals, low: Reals, high: Reals) -> ChannelDistribution:
    """The clipped normal between ``low`` and ``high`` whose clipped moments are these.

    Newton's method finds the normal; where it doesn't settle (such moments are hardly possible
    between these ends), the normal itself has the moments.
    """
    mean, std = np.clip(mean, low, high), np.sqrt(variance)
    fitted = ChannelDistribution(mean, std, low, high)
    wrong = std > 0
    for _ in range(_FITTING_ROUNDS):
        wrong &= _misfit(fitted, mean, std) > 1e-9
        if not wrong.any():
            return fitted
        fitted = _select(wrong, _improved(fitted, mean, std), fitted)
    plain = ChannelDistribution(mean, std, low, high)
    return _select(_misfit(fitted, mean, std) < 1e-3, fitted, plain)


def _misfit(x: ChannelDistribution, mean: Reals, std: Reals) -> Reals:
    """How far the moments are off, in stds."""
    found, variance = x.moments()
    off: Reals = np.maximum(np.abs(found - mean), np.abs(np.sqrt(variance) - std))
    return off / np.maximum(std, np.finfo(np.float64).tiny)


def _improved(x: ChannelDistribution, mean: Reals, std: Reals) -> ChannelDistribution:
    """One step for the normal's mean and the logarithm of its std, its Jacobian by differences."""
    step = 1e-5
    found, variance = x.moments()
    aside = replace(x, mean=x.mean + step * x.std).moments()
    wider = replace(x, std=x.std * np.exp(step)).moments()
    spread = np.sqrt(variance)
    (a, c), (b, d) = (
        ((moved[0] - found) / step, (np.sqrt(moved[1]) - spread) / step) for moved in (aside, wider)
    )
    lacking, narrow = mean - found, std - spread
    with np.errstate(divide="ignore", invalid="ignore"):
        scale = 1.0 / (a * d - b * c)
        shift = np.nan_to_num((d * lacking - b * narrow) * scale, posinf=0.0, neginf=0.0)
        stretch = np.nan_to_num((a * narrow - c * lacking) * scale, posinf=0.0, neginf=0.0)
    # Both at most by so much that the tails don't leave the numbers.
    shift, stretch = np.clip(shift, -1.0, 1.0), np.clip(stretch, -0.5, 0.5)
    return replace(x, mean=x.mean + shift * x.std, std=x.std * np.exp(stretch))


def affine(x: ChannelDistribution, factor: Reals, offset: Reals) -> ChannelDistribution:
    """Factor * x + offset, exactly; all ``[C]``."""
    ends = [_times(factor, end) + offset for end in (x.low, x.high)]
    return ChannelDistribution(
        factor * x.mean + offset, np.abs(factor) * x.std, np.minimum(*ends), np.maximum(*ends)
    )


def add(x: ChannelDistribution, y: ChannelDistribution) -> ChannelDistribution:
    """X + y: exactly where one is constant; else means, variances and ends add (independence)."""
    one = np.ones(x.mean.shape)
    (mean, variance), (other, more) = x.moments(), y.moments()
    summed = with_moments(mean + other, variance + more, x.low + y.low, x.high + y.high)
    summed = _select(y.std == 0, affine(x, one, other), summed)
    return _select(x.std == 0, affine(y, one, mean), summed)


def subtract(x: ChannelDistribution, y: ChannelDistribution) -> ChannelDistribution:
    """X - y, as ``add``."""
    zero = np.zeros(y.mean.shape)
    return add(x, affine(y, zero - 1.0, zero))


def multiply(x: ChannelDistribution, y: ChannelDistribution) -> ChannelDistribution:
    """X * y: exactly where one is constant; else by the moments of independent factors.

    E[xy] = E[x] E[y];  Var[xy] = Var[x] Var[y] + Var[x] E[y]^2 + Var[y] E[x]^2
    """
    zero = np.zeros(x.mean.shape)
    (mean, variance), (other, more) = x.moments(), y.moments()
    ends = np.stack([_times(a, b) for a in (x.low, x.high) for b in (y.low, y.high)])
    product_ = with_moments(
        mean * other,
        variance * more + variance * other**2 + more * mean**2,
        ends.min(axis=0),
        ends.max(axis=0),
    )
    product_ = _select(y.std == 0, affine(x, other, zero), product_)
    return _select(x.std == 0, affine(y, mean, zero), product_)


def leaky(x: ChannelDistribution, slope: Reals) -> ChannelDistribution:
    """X where it is positive, slope * x elsewhere: the moments of the two pieces, and true ends.

    E[y] = E[max(x, 0)] + slope E[min(x, 0)], squares likewise, since one of them is always zero.
    """
    above, below = x.clipped(0.0, np.inf), x.clipped(-np.inf, 0.0)
    (mean, variance), (under, less) = above.moments(), below.moments()
    square = variance + mean**2 + slope**2 * (less + under**2)
    ends = np.stack([above.low, above.high, _times(slope, below.low), _times(slope, below.high)])
    total = mean + slope * under
    bent = with_moments(
        total, np.maximum(square - total**2, 0.0), ends.min(axis=0), ends.max(axis=0)
    )
    zero = np.zeros(x.mean.shape)
    bent = _select((x.high <= 0) | (slope == 1), affine(x, slope, zero), bent)
    return _select((x.low >= 0) | (slope == 0), above, bent)


def through(x: ChannelDistribution, function: Callable[[Reals], Reals]) -> ChannelDistribution:
    """function(x): its moments at equally likely quantiles, its extremes on a grid.

    Args:
        x: ``[C]``.
        function: elementwise on ``[C, any]``; it takes its turns within +-16, where its extremes
            are found to a few parts in ten thousand.
    """
    with np.errstate(over="ignore", under="ignore"):
        drawn = function(x.samples())
        reach = np.concatenate([[-_FAR], _GRID, [_FAR]])
        reached = function(np.clip(reach, x.low[:, None], x.high[:, None]))
    low = np.minimum(reached.min(axis=1), drawn.min(axis=1))
    high = np.maximum(reached.max(axis=1), drawn.max(axis=1))
    low, high = (
        np.where(np.abs(end) > 1e-3 * _FAR, np.copysign(np.inf, end), end) for end in (low, high)
    )
    fitted = with_moments(drawn.mean(axis=1), drawn.var(axis=1), low, high)
    return _select(x.std == 0, constants(drawn[:, 0]), fitted)


def inner_product(
    x: ChannelDistribution, weight: Reals, bias: Reals, groups: int, *, misses_taps: bool
) -> ChannelDistribution:
    """A convolution or matrix product of independent elements, as if none were padding.

    E[y] = W E[x] + b;  Var[y] = W^2 Var[x], summed over input channels and kernel. Neighbouring
    pixels are correlated in truth, and so are channels: the variance is an estimate.

    Args:
        x: of the input channels.
        weight: ``[outputs, inputs / groups, *kernel]``.
        bias: ``[outputs]``.
        groups: how many groups the channels fall into.
        misses_taps: whether some taps may read zero padding, which the moments ignore.
    """
    mean, variance = x.moments()
    kernel = tuple(range(2, weight.ndim))
    sums, squares = weight.sum(axis=kernel), np.square(weight).sum(axis=kernel)
    rising, falling = (
        part.sum(axis=kernel) for part in (np.maximum(weight, 0), np.minimum(weight, 0))
    )
    low, high = x.low, x.high
    total = _by_group(squares, variance, groups)
    if misses_taps:
        low, high = np.minimum(low, 0.0), np.maximum(high, 0.0)
        total = _not_constant(total, _by_group(rising - falling, np.abs(mean), groups))
    return with_moments(
        _by_group(sums, mean, groups) + bias,
        total,
        _by_group(rising, low, groups) + _by_group(falling, high, groups) + bias,
        _by_group(rising, high, groups) + _by_group(falling, low, groups) + bias,
    )


def mixture(x: ChannelDistribution, shape: tuple[int, int]) -> ChannelDistribution:
    """One channel for each row of ``shape``, drawn evenly from the channels in that row.

    E = mean of E;  Var = mean of Var + variance of E;  the ends are the outermost ones.
    """
    if shape[1] == 1:
        return x
    mean, variance = (array.reshape(shape) for array in x.moments())
    mixed = with_moments(
        mean.mean(axis=1),
        variance.mean(axis=1) + mean.var(axis=1),
        x.low.reshape(shape).min(axis=1),
        x.high.reshape(shape).max(axis=1),
    )
    fields = np.stack([x.mean, x.std, x.low, x.high]).reshape(4, *shape)
    alike = (fields == fields[:, :, :1]).all(axis=(0, 2))
    return _select(alike, ChannelDistribution(*fields[:, :, 0]), mixed)


def widened(x: ChannelDistribution, low: Reals | float, high: Reals | float) -> ChannelDistribution:
    """The same moments with ends that also cover [low, high]."""
    wider = replace(x, low=np.minimum(x.low, low), high=np.maximum(x.high, high))
    inside = (wider.low == x.low) & (wider.high == x.high)
    mean, variance = x.moments()
    apart = np.maximum(np.abs(mean - low), np.abs(mean - high))
    # Constants among other elements, however many they are, aren't constant any more.
    plain = inside & ((x.std > 0) | (apart == 0))
    mixed = with_moments(mean, _not_constant(variance, apart), wider.low, wider.high)
    return _select(plain, x, mixed)


def _not_constant(variance: Reals, differing: Reals) -> Reals:
    """A variance of zero becomes a tiny one where some elements differ by so much."""
    tiny = np.square(_SHARE_AT_BORDERS * differing)
    return np.where((variance == 0) & (differing > 0), np.maximum(tiny, 1e-300), variance)


def _select(
    condition: NDArray[np.bool_], first: ChannelDistribution, second: ChannelDistribution
) -> ChannelDistribution:
    """Channel by channel."""
    return ChannelDistribution(
        np.where(condition, first.mean, second.mean),
        np.where(condition, first.std, second.std),
        np.where(condition, first.low, second.low),
        np.where(condition, first.high, second.high),
    )


def _times(factor: Reals, end: Reals) -> Reals:
    """A product in which zero times infinity is zero."""
    with np.errstate(invalid="ignore"):
        multiplied: Reals = np.where((factor == 0) | (end == 0), 0.0, factor * end)
    return multiplied


def _by_group(matrix: Reals, vector: Reals, groups: int) -> Reals:
    """``[outputs, inputs / groups]`` times ``[inputs]``, each group by itself."""
    split = matrix.reshape(groups, -1, matrix.shape[1])
    summed: Reals = _times(split, vector.reshape(groups, 1, -1)).sum(axis=2)
    return summed.reshape(-1)
