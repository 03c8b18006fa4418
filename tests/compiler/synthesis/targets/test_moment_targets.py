# SPDX-License-Identifier: Apache-2.0
"""Targets by moments, against networks whose moments are known or can be drawn."""

import numpy as np
import pytest

from intaglio.compiler.real.distributions.distributions import ChannelDistribution
from intaglio.compiler.synthesis.targets.moment_targets import moment_targets
from intaglio.errors import InvalidData, UnsupportedModel
from tests.compiler.real.building import parse, random, run


def test_a_first_layer_has_the_moments_of_its_inner_products() -> None:
    model = parse(
        "(float[n,2] x) => (float[n,2] y) { y = Gemm<transB=1>(x, w, b) }",
        w=np.array([[3.0, 4.0], [1.0, 0.0]], np.float32),
        b=np.array([0.5, -1.0], np.float32),
    )
    (plain,) = moment_targets(model).targets
    np.testing.assert_allclose(plain.mean, [0.5, -1.0])
    np.testing.assert_allclose(plain.std, [5.0, 1.0])
    given = ChannelDistribution.normal(np.array([1.0, 2.0]), np.array([2.0, 1.0]))
    (shifted,) = moment_targets(model, {"x": given}).targets
    np.testing.assert_allclose(shifted.mean, [11.5, 0.0])
    np.testing.assert_allclose(shifted.std, [np.sqrt(52.0), 2.0])


def test_a_wide_network_of_independent_inputs_has_the_moments_that_samples_have() -> None:
    # 40000 samples: means to 5 / sqrt(40000) = 2.5 % of a std, stds likewise. The rest of the
    # bounds is what normality and independence of hidden channels cost.
    shapes = ((64, 32), (64, 64), (8, 64))
    weights = {
        f"w{i}": random(i, *shape) / np.sqrt(np.float32(shape[1])) for i, shape in enumerate(shapes)
    }
    model = parse(
        """(float[n,32] x) => (float[n,8] y) {
            a = Gemm<transB=1>(x, w0)
            b = Relu(a)
            c = Gemm<transB=1>(b, w1)
            d = Relu(c)
            y = Gemm<transB=1>(d, w2)
        }""",
        **weights,
    )
    drawn = run(model, {"x": random(9, 40000, 32)})["y"].astype(np.float64)
    target = moment_targets(model).targets[-1]
    assert np.abs(target.mean - drawn.mean(axis=0)).max() < 0.15 * drawn.std()
    assert np.abs(target.std / drawn.std(axis=0) - 1).max() < 0.35


def test_samples_show_correlations_that_propagation_leaves_out() -> None:
    # All inputs of a sample alike: the output's std is the sum of weights, not its root of squares.
    model = parse(
        """(float[n,3,4,4] x) => (float[n,1,1,1] y) {
            g = GlobalAveragePool(x)
            y = Conv(g, w)
        }""",
        w=np.ones((1, 3, 1, 1), np.float32),
    )
    pixels = np.broadcast_to(random(0, 4000, 1, 4, 4), (4000, 3, 4, 4))
    (target,) = moment_targets(model, samples=[{"x": pixels}]).targets
    drawn = pixels[:, :, 2, 2].astype(np.float64).sum(axis=1)
    np.testing.assert_allclose(target.mean, drawn.mean(), atol=1e-6)
    np.testing.assert_allclose(target.std, drawn.std(), rtol=1e-6)
    (assumed,) = moment_targets(model).targets
    np.testing.assert_allclose(assumed.std, np.sqrt(3.0))


def test_what_batch_normalization_promised_is_taken() -> None:
    model = parse(
        """(float[n,2,3,3] x) => (float[n,2,3,3] y) {
            h = Conv(x, w)
            y = BatchNormalization<epsilon=0.0>(h, g, b, m, v)
        }""",
        w=random(0, 2, 2, 1, 1),
        g=np.array([2.0, -3.0], np.float32),
        b=np.array([1.0, 0.0], np.float32),
        m=np.array([0.5, 0.0], np.float32),
        v=np.array([1.0, 4.0], np.float32),
    )
    for samples in (None, [{"x": random(5, 2, 2, 3, 3)}]):
        (target,) = moment_targets(model, samples=samples).targets
        assert target.value == "y"
        np.testing.assert_allclose(target.mean, [1.0, 0.0])
        np.testing.assert_allclose(target.std, [2.0, 3.0])


def test_layers_behind_what_no_rule_covers_are_named() -> None:
    model = parse(
        """(float[n,2,2] x, float[n,2,2] z) => (float[n,2,2] y) {
            h = MatMul(x, z)
            [behind] y = MatMul(h, w)
        }""",
        w=random(0, 2, 2),
    )
    with pytest.raises(UnsupportedModel, match=r"behind .*neither factor.*\n.*--calibration"):
        moment_targets(model)


def test_without_layers_there_is_nothing_to_estimate() -> None:
    with pytest.raises(InvalidData, match="no convolution or matrix product"):
        moment_targets(parse("(float[n,2] x) => (float[n,2] y) { y = Relu(x) }"))
