# SPDX-License-Identifier: Apache-2.0
"""Codes of weights that minimize a quadratic form of their error, and the scales for them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Reals = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Quadratic:
    """loss(w) = (w - target) H (w - target)^T for each output, H shared by a group's outputs.

    Attributes:
        target: ``[G, R, n]``, where the loss is zero.
        metric: ``[G, n, n]``, H, symmetric and positive definite.
    """

    target: Reals
    metric: Reals

    def loss(self, weight: Reals) -> Reals:
        """``[G, R]``."""
        difference = weight - self.target
        losses: Reals = ((difference @ self.metric) * difference).sum(axis=-1)
        return losses


@dataclass(frozen=True, slots=True, eq=False)
class Rounding:
    """weight = scale * (code - zero point), for ``[G, R, n]`` weights.

    Attributes:
        codes: ``[G, R, n]``, whole numbers.
        scales: ``[G, R, 1]``, exact values of float32 numbers.
        zero_points: ``[G, R, 1]``.
        lowest: the lowest code.
        highest: the highest code.
    """

    codes: Reals
    scales: Reals
    zero_points: Reals
    lowest: int
    highest: int

    @property
    def weight(self) -> Reals:
        """``[G, R, n]``, the real numbers."""
        return (self.codes - self.zero_points) * self.scales

    def nearest(self, weight: Reals, scales: Reals) -> "Rounding":
        """With the codes nearest to ``weight`` under other scales."""
        codes = np.clip(np.rint(weight / scales) + self.zero_points, self.lowest, self.highest)
        return replace(self, codes=codes, scales=scales)


def better(
    first: Rounding, second: Rounding, loss: Callable[[Reals], Reals], *, jointly: bool
) -> Rounding:
    """The one with less loss, output by output, or for all of them where they share a scale."""
    old, new = loss(first.weight), loss(second.weight)
    if jointly:
        return second if new.sum() < old.sum() else first
    wins = (new < old)[..., None]
    return replace(
        first,
        codes=np.where(wins, second.codes, first.codes),
        scales=np.where(wins, second.scales, first.scales),
        zero_points=np.where(wins, second.zero_points, first.zero_points),
    )


def descend(rounding: Rounding, loss: Quadratic) -> Rounding:
    """Move one code, the one that gains most, until no move of a single code gains.

    With D the error of an output's weights, s its scale and g = D H, the best move of code j is
    k = round(-g_j / (s H_jj)), as far as there are codes, and gains -(2 k s g_j + k^2 s^2 H_jj).
    Outputs are independent of each other, so each makes its best move at the same time. The loss
    never grows. Fine codes of inputs that depend on each other could creep; they stop after as
    many moves as there are inputs, times a few.
    """
    groups, rows, inputs = loss.target.shape
    codes = rounding.codes.reshape(-1, inputs).copy()
    gradient = ((rounding.weight - loss.target) @ loss.metric).reshape(-1, inputs)
    scales = np.broadcast_to(rounding.scales, (groups, rows, 1)).reshape(-1, 1)
    diagonal = np.einsum("gii->gi", loss.metric)
    active = np.arange(int(groups * rows))
    group = active // int(rows)
    for _ in range(max(_MOVES * inputs, _LEAST_MOVES)):
        slope, step, curve = gradient[active], scales[active], diagonal[group[active]]
        wanted = np.rint(codes[active] - slope / (step * curve))
        moves = np.clip(wanted, rounding.lowest, rounding.highest) - codes[active]
        changes = moves * step
        gains = -changes * (2 * slope + changes * curve)
        best = gains.argmax(axis=1)
        each = np.arange(active.size)
        # A gain that is lost in the rounding of sums before it could go back and forth.
        worth = gains[each, best] > _NEGLIGIBLE * np.square(step[:, 0]) * curve[each, best]
        active, best, each = active[worth], best[worth], each[worth]
        if not active.size:
            break
        codes[active, best] += moves[each, best]
        gradient[active] += changes[each, best][:, None] * loss.metric[group[active], best]
    return replace(rounding, codes=codes.reshape(loss.target.shape))


_NEGLIGIBLE = 1e-9
_MOVES, _LEAST_MOVES = 4, 256


def fit_scales(rounding: Rounding, loss: Quadratic, floor: Reals, *, jointly: bool) -> Rounding:
    """The scales with the least loss for the codes that there are.

    s = q H target^T / q H q^T with q = code - zero point; summed over the outputs that share s.
    """
    steps = rounding.codes - rounding.zero_points
    along = steps @ loss.metric
    product = (along * loss.target).sum(axis=-1, keepdims=True)
    square = (along * steps).sum(axis=-1, keepdims=True)
    if jointly:
        product, square = (np.full_like(a, a.sum()) for a in (product, square))
    usable = (product > 0) & (square > 0)
    fitted = np.where(usable, product / np.where(usable, square, 1.0), rounding.scales)
    return replace(rounding, scales=in_float32(np.maximum(fitted, floor)))


def search(
    start: Rounding,
    loss: Quadratic,
    factors: Sequence[float],
    floor: Reals,
    *,
    jointly: bool,
    fit: bool,
) -> Rounding:
    """Codes, and scales if there are several factors, of little loss.

    The scale is the one of ``factors`` times the scale of ``start`` at which rounding to nearest
    (for a small layer: with single moves from there) loses least. From there, single moves and
    fitted scales take turns.

    Args:
        start: the grid; its codes don't matter.
        loss: what to minimize.
        factors: of the scales to try.
        floor: ``[G, R, 1]``, the least scales.
        jointly: whether all outputs share one scale.
        fit: whether scales may take any value instead of those tried.
    """
    small = loss.target.shape[-1] <= SMALL
    best: Rounding | None = None
    for factor in factors:
        scales = np.maximum(start.scales * factor, floor)
        found = start.nearest(loss.target, in_float32(scales))
        found = descend(found, loss) if small else found
        best = found if best is None else better(best, found, loss.loss, jointly=jointly)
    assert best is not None
    best = descend(best, loss)
    for _ in range(_TURNS if fit else 0):
        fitted = descend(fit_scales(best, loss, floor, jointly=jointly), loss)
        best = better(best, fitted, loss.loss, jointly=jointly)
    return best


SMALL = 64  # inputs, to which it takes no time to go down from each scale
_TURNS = 3


def in_float32(scales: Reals) -> Reals:
    """Rounded to float32 numbers."""
    return scales.astype(np.float32).astype(np.float64)
