# SPDX-License-Identifier: Apache-2.0
"""Learned codes against every code there is, where the layer is small enough to try them all."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from intaglio.compiler.real.rounding.rounding_search import (
    Quadratic,
    Reals,
    Rounding,
    descend,
    search,
)

NO_FLOOR = np.zeros((1, 1, 1))


def problem(seed: int, groups: int = 1, rows: int = 4, inputs: int = 5) -> Quadratic:
    """Targets of normal numbers, and inputs that depend on each other."""
    generator = np.random.default_rng(seed)
    x = generator.normal(size=(groups, inputs, 3 * inputs)) + generator.normal(
        size=(groups, 1, 3 * inputs)
    )
    metric = x @ x.transpose(0, 2, 1) / (3 * inputs)
    return Quadratic(generator.normal(size=(groups, rows, inputs)), metric)


def grid(loss: Quadratic, bits: int) -> Rounding:
    """Codes without the lowest one, scales that cover each output."""
    highest = (1 << (bits - 1)) - 1
    scales = np.abs(loss.target).max(axis=-1, keepdims=True) / highest
    zeros = np.zeros_like(scales)
    return Rounding(loss.target, scales, zeros, -highest, highest).nearest(loss.target, scales)


def all_codes(inputs: int, highest: int) -> Reals:
    return np.array(list(product(range(-highest, highest + 1), repeat=inputs)), dtype=np.float64)


def least_at_that_scale(loss: Quadratic, start: Rounding) -> Reals:
    """The least loss of any codes, ``[R]``, of a single group."""
    codes = all_codes(loss.target.shape[-1], start.highest)
    rows = [
        Quadratic(target[None, None], loss.metric).loss((scale * codes)[None])
        for target, scale in zip(loss.target[0], start.scales[0, :, 0], strict=True)
    ]
    return np.array([row.min() for row in rows])


def least_at_any_scale(loss: Quadratic, highest: int) -> Reals:
    """Likewise with the best positive scale of each code: t H t - (q H t)^2 / q H q."""
    codes = all_codes(loss.target.shape[-1], highest)
    codes = codes[np.abs(codes).any(axis=1)]
    along = codes @ loss.metric[0]
    square = (along * codes).sum(axis=1)
    least = list[float]()
    for target in loss.target[0]:
        gain = np.maximum(along @ target, 0.0) ** 2 / square
        least.append(float(target @ loss.metric[0] @ target - gain.max()))
    return np.array(least)


def test_of_all_codes_at_a_scale_nearly_the_best_are_found() -> None:
    nearest, found, least = (
        np.concatenate(parts)
        for parts in zip(*(_losses_at_that_scale(seed) for seed in range(12)), strict=True)
    )
    assert (least <= found + 1e-12).all()
    assert (found <= nearest + 1e-12).all()
    assert found.sum() <= 1.1 * least.sum()
    assert nearest.sum() >= 1.5 * least.sum()


def _losses_at_that_scale(seed: int) -> tuple[Reals, Reals, Reals]:
    loss = problem(seed)
    start = grid(loss, 3)
    found = search(start, loss, (1.0,), NO_FLOOR, jointly=False, fit=False)
    assert (found.scales == start.scales.astype(np.float32)).all()
    nearest = start.nearest(loss.target, found.scales)
    return (
        loss.loss(nearest.weight)[0],
        loss.loss(found.weight)[0],
        least_at_that_scale(loss, found),
    )


def test_of_all_codes_and_scales_nearly_the_best_are_found() -> None:
    found, least = list[Reals](), list[Reals]()
    for seed in range(12):
        loss = problem(seed)
        factors = np.linspace(1.0, 0.4, 25).tolist()
        rounding = search(grid(loss, 3), loss, factors, NO_FLOOR, jointly=False, fit=True)
        found.append(loss.loss(rounding.weight)[0])
        least.append(least_at_any_scale(loss, 3))
    assert (np.array(least) <= np.array(found) + 1e-9).all()
    assert np.sum(found) <= 1.25 * np.sum(least)


@given(st.integers(0, 2**32), st.integers(2, 8), st.integers(1, 3), st.booleans())
def test_never_worse_than_nearest_and_no_single_move_helps(
    seed: int, bits: int, groups: int, jointly: bool
) -> None:
    loss = problem(seed, groups, 3, 6)
    start = grid(loss, bits)
    if jointly:
        start = start.nearest(loss.target, np.full_like(start.scales, start.scales.max()))
    found = search(start, loss, (1.0, 0.8, 0.6), NO_FLOOR, jointly=jointly, fit=True)
    assert (np.abs(found.codes) <= found.highest).all()
    assert (found.codes == np.rint(found.codes)).all()
    assert (found.scales == found.scales.astype(np.float32)).all()
    assert not jointly or len(np.unique(found.scales)) == 1
    before, after = loss.loss(start.weight), loss.loss(found.weight)
    slack = 1e-6 * np.square(loss.target).sum()  # scales are rounded to float32
    assert after.sum() <= before.sum() + slack
    assert jointly or (after <= before + slack).all()
    for index in np.ndindex(*found.codes.shape):
        for move in (-1, 1):
            moved = found.codes.copy()
            moved[index] += move
            if abs(moved[index]) <= found.highest:
                weight = moved * found.scales
                assert loss.loss(weight)[index[:2]] >= after[index[:2]] - slack


def test_outputs_that_are_done_stay_while_others_move() -> None:
    loss = problem(3, groups=2, rows=3, inputs=7)
    alone = descend(grid(loss, 3), loss)
    for g, r in np.ndindex(2, 3):
        part = Quadratic(loss.target[g : g + 1, r : r + 1], loss.metric[g : g + 1])
        start = grid(loss, 3)
        codes, scales, zeros = (
            array[g : g + 1, r : r + 1] for array in (start.codes, start.scales, start.zero_points)
        )
        one = Rounding(codes, scales, zeros, start.lowest, start.highest)
        assert (descend(one, part).codes[0, 0] == alone.codes[g, r]).all()


def test_a_floor_bounds_the_scales() -> None:
    loss = problem(1)
    start = grid(loss, 4)
    floor = 2 * start.scales
    found = search(start, loss, (1.0, 0.5), floor, jointly=False, fit=True)
    assert (found.scales >= floor.astype(np.float32)).all()


def test_inputs_that_are_always_zero_keep_the_nearest_codes() -> None:
    loss = problem(2)
    metric = loss.metric.copy()
    metric[:, 2], metric[:, :, 2] = 0.0, 0.0
    metric[:, 2, 2] = 1e-12
    form = Quadratic(loss.target, metric)
    start = grid(loss, 4)
    found = search(start, form, (1.0,), NO_FLOOR, jointly=False, fit=False)
    assert found.codes[..., 2] == pytest.approx(start.codes[..., 2])
