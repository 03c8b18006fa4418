# SPDX-License-Identifier: Apache-2.0
"""What a network's input looks like, told from what BatchNorm saw after the first layer."""

from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from intaglio.compiler.real.distributions.distribution_arithmetic import mixture, with_moments
from intaglio.compiler.real.distributions.distributions import ChannelDistribution, Reals
from intaglio.compiler.real.distributions.shaped_distribution import ShapedDistribution
from intaglio.compiler.real.input_estimation.fit_input import Groups, fit_means, fit_stds
from intaglio.compiler.real.input_estimation.input_conventions import nearest_convention
from intaglio.compiler.real.input_estimation.input_probe import Probe, first_layers
from intaglio.compiler.real.ranges.ranges import Range
from intaglio.errors import InvalidData

# A range is the mean and this many stds on both sides where no convention fits.
_STDS = 4.0
# Means off by more than this (root mean square, in noted stds) say that elements of one channel
# have means of their own.
_GOOD_FIT = 0.05
_MOST_GROUPS = 2048  # elements of one axis that may have means of their own
_SMALLEST_IMAGE = 16
# Beyond these an estimate isn't one; trained networks leave at most 0.03 and 0.4 unexplained.
_WORST_MEANS, _WORST_VARIANCES = 0.25, 0.6


@dataclass(frozen=True, slots=True)
class InputEstimate:
    """What is known of an input without data.

    Attributes:
        distribution: along the channels of the input (axis 1, or the last one if that is smaller
            than axis 1 and the input has three axes or more).
        range: that its codes should cover.
        convention: the preprocessing it was taken for, if one is near.
        said: a sentence for reports.
    """

    distribution: ChannelDistribution
    range: Range
    convention: str | None
    said: str


@dataclass(frozen=True, slots=True, eq=False)
class _Fit:
    """Means and stds of groups of elements, and how much they leave unexplained."""

    groups: Groups
    mean: Reals
    std: Reals
    mean_error: float
    std_error: float


def estimate_input(model: ir.Model, name: str) -> InputEstimate:
    """Estimate mean, std and range of an input from the noted statistics of the first layers.

    With y = A x + b for the first layers (Conv, ConvTranspose or Gemm, reached through affine
    operators and moves alone), the network up to them is run on inputs of our choice:

    - E[y] = A m + b: constant inputs give A by channel, least squares the mean m of each channel.
    - Var[y] from the variances of random inputs: fields with a correlation of rho^distance along
      each spatial axis, one for all channels or one for each; non-negative least squares gives
      their shares, and the rho with the best fit is taken. A matrix product's inputs are taken
      for independent, but for a level that they share.
    - Where means by channel explain E[y] badly (a spectrum is not the same at each frequency),
      means along another axis are tried.

    If mean and std fit images after a usual preprocessing, its range is taken; otherwise mean
    +- 4 std. All of it is an estimate, as good as the BatchNorm's statistics.

    Args:
        model: a normalized model; it stays as it is.
        name: of the input.

    Raises:
        InvalidData: the input reaches no linear layer with noted statistics, its shape is open
            beyond the batch, that layer's channels are all constant, or no input explains them.
    """
    value = next(value for value in model.graph.inputs if value.name == name)
    layers = first_layers(value)
    open_shape = value.shape is None or not all(isinstance(dim, int) for dim in value.shape[1:])
    if not layers.noted or open_shape:
        reasons = "; ".join(layers.obstacles) or "no layer reads it"
        raise _unknown(name, "an open shape" if open_shape and layers.noted else reasons)
    probe = Probe(model, name)
    if not (probe.std > 0).any() or not probe.dims:
        raise _unknown(name, "a first layer whose channels are all constant")
    channel = _channel_axis(probe.dims)
    fit = _best_fit(probe, channel)
    names = ", ".join(value.name or "" for value in layers.noted)
    if fit.mean_error > _WORST_MEANS or fit.std_error > _WORST_VARIANCES or not fit.std.any():
        left = f"means by {fit.mean_error:.2g} std, variances by {100 * fit.std_error:.0f} %"
        raise _unknown(name, f"statistics after {names} that no input explains ({left})")
    return _conclude(probe, channel, fit, names)


def _unknown(name: str, found: str) -> InvalidData:
    return InvalidData(
        f"input {name}",
        found,
        "a first linear layer with BatchNorm statistics, from which to estimate its range",
        f"give --input-range {name}=LOW,HIGH, or --preprocessing, or data to calibrate with",
    )


def _channel_axis(dims: tuple[int, ...]) -> int | None:
    """Which axis of a sample holds channels; None where each element is one."""
    if len(dims) < 2:
        return None
    return len(dims) - 1 if dims[-1] < dims[0] and dims[-1] <= 4 else 0


def _best_fit(probe: Probe, channel: int | None) -> _Fit:
    """By channel if that explains the means; else along the axis that explains them best."""
    groups = Groups(channel, 1 if channel is None else probe.dims[channel])
    mean, error = fit_means(probe, groups)
    for axis, extent in enumerate(probe.dims if error > _GOOD_FIT else ()):
        if axis == channel or extent > _MOST_GROUPS:
            continue
        other = Groups(axis, extent)
        means, left = fit_means(probe, other)
        # Freer means always explain more: it must be by far.
        if left < error / 4:
            groups, mean, error = other, means, left
    std, std_error = fit_stds(probe, groups, mean)
    return _Fit(groups, mean, std, error, std_error)


def _conclude(probe: Probe, channel: int | None, fit: _Fit, layers: str) -> InputEstimate:
    mean, std = fit.mean, fit.std
    image = (
        len(probe.dims) == 3
        and fit.groups.axis == channel
        and mean.size in (1, 3)
        and sorted(probe.dims)[1] >= _SMALLEST_IMAGE
    )
    known = nearest_convention(mean, std) if image else None
    low = np.min(mean - _STDS * std) if known is None else known.low
    high = np.max(mean + _STDS * std) if known is None else known.high
    ends = np.full(mean.shape, low), np.full(mean.shape, high)
    ends = np.full(mean.shape, low), np.full(mean.shape, high)
    found = with_moments(mean, np.square(std), *ends)
    if fit.groups.axis != channel:
        found = mixture(found, (1, mean.size))
        if channel is not None:
            shaped = ShapedDistribution(found, (1,))
            found = shaped.expanded((probe.dims[channel],)).flat
    taken = "mean +- 4 std" if known is None else f"taken for {known.name}"
    said = (
        f"estimated from the statistics after {layers}: "
        f"mean {_listed(mean)}, std {_listed(std)}, {taken}: "
        f"{low:.4g} to {high:.4g} (left unexplained: {fit.mean_error:.2g} std of the means, "
        f"{100 * fit.std_error:.0f} % of the variances)"
    )
    name = None if known is None else known.name
    return InputEstimate(found, Range(float(low), float(high)), name, said)


def _listed(numbers: Reals) -> str:
    if numbers.size <= 4:
        return ", ".join(f"{number:.3g}" for number in numbers.tolist())
    return f"{numbers.min():.3g} to {numbers.max():.3g}"
