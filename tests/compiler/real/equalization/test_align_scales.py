# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace

import numpy as np
import onnx_ir as ir
import pytest

from intaglio.compiler.real.distributions.distributions import ChannelDistribution
from intaglio.compiler.real.distributions.propagate_distributions import propagate_distributions
from intaglio.compiler.real.equalization.align_scales import align_scales
from intaglio.compiler.real.quantization.options import QuantizationOptions
from intaglio.compiler.real.quantization.plan import Operand, plan_quantization, plan_weights
from intaglio.compiler.real.ranges.data_free_ranges import WeightedErrorRule, data_free_ranges
from intaglio.compiler.real.statistics import read_channel_statistics, write_channel_statistics
from tests.compiler.real.building import Array, assert_same_function, initializer, parse, random

SHIFTS = QuantizationOptions(per_channel=False, power_of_two_scales=True)
PAIR = """(float[N,3,6,6] x) => (y) {
    a = Conv<pads=[1,1,1,1]>(x, v, b)
    r = Relu(a)
    m = Min(r, cap)
    y = Conv(m, w) }"""


def reaching(seed: int, largest: float, *shape: int) -> Array:
    """Random weights whose largest one is known."""
    found = random(seed, *shape)
    scaled: Array = (found * (largest / np.abs(found).max())).astype(np.float32)
    return scaled


def pair(first: float, second: float, *, noted: bool = False) -> ir.Model:
    model = parse(
        PAIR, v=reaching(1, first, 4, 3, 3, 3), b=random(2, 4), w=reaching(3, second, 5, 4, 1, 1),
        cap=np.full((1, 4, 1, 1), 6, dtype=np.float32),
    )  # fmt: skip
    if noted:
        mean, std = np.array([0.5, 1.0, 0.0, 2.0]), np.array([1.0, 2.0, 1.5, 1.0])
        write_channel_statistics(model.graph.node(0).outputs[0], mean, std)
    return model


def excess(model: ir.Model, options: QuantizationOptions = SHIFTS) -> tuple[float, ...]:
    """How much larger each weight's power of two is than its free scale."""
    powers = plan_weights(model, options)
    free = plan_weights(model, replace(options, power_of_two_scales=False))
    keys = (Operand("a", 1), Operand("y", 1))
    return tuple(float(np.mean(np.divide(powers[k].scales, free[k].scales))) for k in keys)


def test_a_pair_is_moved_just_below_both_powers() -> None:
    # Free scales 1.05 and 0.9 of a power: rounding up costs a factor of 1.9 and of 1.1.
    model = pair(127 * 1.05, 127 * 0.9)
    assert excess(model) == pytest.approx((2 / 1.05, 1 / 0.9), rel=1e-4)
    outcome = align_scales(model, {}, SHIFTS)
    assert_same_function(model, outcome.model)
    first, second = excess(outcome.model)
    assert first < 1.06
    assert second < 1.12
    (note,) = outcome.notes
    assert 1.05 < note.figures["scale"] < 1.12
    assert outcome.channels == 4


def test_no_factor_of_the_grid_fits_better() -> None:
    for seed in range(5):
        first, second = np.random.default_rng(seed).uniform(100, 255, 2)
        model = pair(first, second)
        found = np.square(excess(align_scales(model, {}, SHIFTS).model))
        # Both terms count by their relative error with free scales.
        sizes = [initializer(model, name).astype(np.float64) for name in ("v", "w")]
        costs = [np.square(w).max() * w.size / np.square(w).sum() for w in sizes]
        least = min(
            costs @ np.square(excess(pair(first / factor, second * factor)))
            for factor in 2.0 ** (np.arange(32) / 32)
        )
        assert costs @ found == pytest.approx(least, rel=1e-3)


def test_activations_count_and_statistics_and_caps_follow() -> None:
    model = pair(127 * 1.0, 127 * 1.0, noted=True)
    distributions = propagate_distributions(model).distributions
    outcome = align_scales(model, distributions, SHIFTS)
    assert_same_function(model, outcome.model)
    (note,) = outcome.notes
    scale = note.figures["scale"]
    assert scale != 1
    before, after = (
        read_channel_statistics(one.graph.node(0).outputs[0]) for one in (model, outcome.model)
    )
    assert before is not None
    assert after is not None
    np.testing.assert_allclose(np.array(after.mean) * scale, before.mean)
    np.testing.assert_allclose(np.array(after.std) * scale, before.std)
    np.testing.assert_allclose(initializer(outcome.model, "cap") * scale, 6.0, rtol=1e-6)


@pytest.mark.parametrize("per_channel", [False, True])
def test_codes_cover_what_they_did_with_steps_no_larger(per_channel: bool) -> None:
    options = replace(SHIFTS, per_channel=per_channel)
    model = pair(127 * 1.05, 127 * 0.9, noted=True)
    ends = ChannelDistribution(np.zeros(3), np.ones(3), -np.ones(3), np.ones(3))
    estimates: list[float] = []
    for one in (model, align_scales(model, _known(model, ends), options).model):
        ranges = data_free_ranges(one, _known(one, ends), WeightedErrorRule(), options.activations)
        plan = plan_quantization(one, ranges, options)
        (scale,) = plan.activations["m"].scales
        deviation = float(np.sqrt(_known(one, ends)["m"].moments()[1].mean()))
        estimates.append(sum(np.square(excess(one, options))) + (scale / deviation) ** 2)
    assert estimates[1] < estimates[0]


def _known(model: ir.Model, ends: ChannelDistribution) -> dict[str, ChannelDistribution]:
    return dict(propagate_distributions(model, {"x": ends}).distributions)


def test_ends_of_the_network_stay_and_free_scales_need_nothing() -> None:
    model = parse("(float[N,3] x) => (y) { y = Gemm(x, w) }", w=reaching(1, 200.0, 3, 4))
    outcome = align_scales(model, {}, SHIFTS)
    assert (outcome.channels, outcome.notes) == (0, ())
    free = align_scales(pair(130.0, 100.0), {}, replace(SHIFTS, power_of_two_scales=False))
    assert free.channels == 0
    np.testing.assert_array_equal(
        initializer(free.model, "v"), initializer(pair(130.0, 100.0), "v")
    )


def test_a_residual_network_keeps_its_function() -> None:
    model = parse(
        """(float[N,3,6,6] x) => (y) {
            a = Conv(x, v)
            r = Relu(a)
            c = Conv<pads=[1,1,1,1]>(r, u)
            s = Add(c, r)
            t = Relu(s)
            y = Conv(t, w) }""",
        v=reaching(1, 150.0, 4, 3, 1, 1), u=reaching(2, 0.9, 4, 4, 3, 3),
        w=reaching(3, 70.0, 2, 4, 1, 1),
    )  # fmt: skip
    outcome = align_scales(model, {}, SHIFTS)
    assert_same_function(model, outcome.model)
    assert outcome.channels == 4
