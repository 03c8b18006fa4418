# SPDX-License-Identifier: Apache-2.0
"""Means and stds of a network's input that explain the statistics after its first layers."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from intaglio.compiler.real.distributions.distributions import Reals
from intaglio.compiler.real.input_estimation.input_probe import Probe

# Correlations between neighbours along an axis, of which the one that explains best is taken.
_CORRELATIONS = (0.0, 0.5, 0.8, 0.9, 0.95, 0.98)
_ELEMENTS_DRAWN = 100_000
_MOST_SEPARATE = 16  # groups of elements whose variances are told apart
_RIDGE = 1e-4


@dataclass(frozen=True, slots=True, eq=False)
class Groups:
    """Elements of a sample that are taken for alike.

    Attributes:
        axis: elements with one index along this axis of the sample are a group; None: all are.
        count: how many groups there are.
    """

    axis: int | None
    count: int

    def spread(self, numbers: Reals, dims: tuple[int, ...]) -> Reals:
        """A number for each group (last axis of ``numbers``) at each element of a sample."""
        lead = numbers.shape[:-1]
        shape = [self.count if axis == self.axis else 1 for axis in range(len(dims))]
        return np.broadcast_to(numbers.reshape(*lead, *shape), (*lead, *dims))


def fit_means(probe: Probe, groups: Groups) -> tuple[Reals, float]:
    """The mean of each group, by least squares from E[y] = A m + b.

    Inputs that are 1 on one group and 0 elsewhere give A.

    Returns:
        The means, and how far they leave E[y] unexplained: root mean square, in noted stds.
    """
    weights = 1.0 / (probe.std + 0.05 * np.median(probe.std[probe.std > 0]))
    answers = (probe.means(groups.spread(np.eye(groups.count), probe.dims)) * weights).T
    wanted = (probe.mean - probe.offset) * weights
    together = answers.sum(axis=1)
    common = float(together @ wanted / max(together @ together, np.finfo(np.float64).tiny))
    # Deviations from the common mean are small unless they explain something.
    scale = np.sqrt(_RIDGE * np.square(answers).sum() / groups.count)
    left = np.concatenate([answers, scale * np.eye(groups.count)])
    right = np.concatenate([wanted - common * together, np.zeros(groups.count)])
    deviations: Reals = np.linalg.lstsq(left, right, rcond=None)[0].astype(np.float64)
    mean = common + deviations
    left_over: Reals = wanted - answers @ mean
    error = float(np.sqrt(np.mean(np.square(left_over))))
    return mean, error


def fit_stds(probe: Probe, groups: Groups, mean: Reals) -> tuple[Reals, float]:
    """The std of each group, by non-negative least squares from the noted variances.

    Var[y] = sum of shares * Var[answer to a random input]: one field for all groups, and one for
    each, correlated by rho^distance along the other axes, with the rho that explains most. What
    differing means of the groups add to the variance is taken off first.

    Returns:
        The stds, and the relative error (root mean square) of the variances that they explain.
    """
    live = probe.std > 1e-3 * probe.std.max()
    noted = np.square(probe.std[live])
    by_means = probe.variances(groups.spread(mean[None], probe.dims))[live] / noted
    wanted = np.maximum(1.0 - by_means, 0.0)
    best: tuple[Reals, float] | None = None
    for correlation in _CORRELATIONS[: None if len(probe.dims) > 1 else 1]:
        components, owners = zip(*_components(probe, groups, correlation), strict=True)
        columns = np.stack([probe.variances(samples)[live] / noted for samples in components], 1)
        shares = _non_negative(columns, wanted)
        error = float(np.sqrt(np.mean(np.square(columns @ shares - wanted))))
        if best is None or error < best[1]:
            best = np.sqrt(np.stack(owners, axis=1) @ shares), error
    assert best is not None
    return best


def _components(probe: Probe, groups: Groups, correlation: float) -> Iterator[tuple[Reals, Reals]]:
    """Random samples of unit variance, with the groups (0 or 1 each) that they are made of."""
    random = np.random.default_rng(0)
    count = int(np.clip(_ELEMENTS_DRAWN // np.prod(probe.dims), 4, 64))
    common = _field(random, count, probe.dims, groups.axis, correlation, alike=True)
    everyone = np.ones(groups.count)
    yield common, everyone
    separate = _field(random, count, probe.dims, groups.axis, correlation, alike=False)
    if groups.count > _MOST_SEPARATE or groups.axis is None:
        yield separate, everyone
        return
    for owner in np.eye(groups.count):
        yield separate * groups.spread(owner, probe.dims), owner


def _field(
    random: np.random.Generator,
    count: int,
    dims: tuple[int, ...],
    axis: int | None,
    correlation: float,
    *,
    alike: bool,
) -> Reals:
    """``[count, *dims]``, correlated along all axes but ``axis``, along which it may be alike."""
    drawn = random.standard_normal((count, *dims))
    if len(dims) == 1:
        return np.broadcast_to(drawn[:, :1], drawn.shape) if alike else drawn
    for other in range(len(dims)):
        if other == axis:
            continue
        rows = np.moveaxis(drawn, other + 1, 0)
        for before, row in pairwise(rows):
            row *= np.sqrt(1 - correlation**2)
            row += correlation * before
    if alike and axis is not None:
        return np.broadcast_to(drawn.take([0], axis=axis + 1), drawn.shape)
    return drawn


def _non_negative(columns: Reals, wanted: Reals) -> Reals:
    """Least squares, without the columns that would take a negative share."""
    kept = list(range(columns.shape[1]))
    shares = np.zeros(columns.shape[1])
    while kept:
        found = np.linalg.lstsq(columns[:, kept], wanted, rcond=None)[0]
        if (found >= 0).all():
            shares[kept] = found
            break
        kept.pop(int(np.argmin(found)))
    return shares
