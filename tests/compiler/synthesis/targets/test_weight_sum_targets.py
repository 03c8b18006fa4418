# SPDX-License-Identifier: Apache-2.0
"""GZSQ's recursion on networks small enough to add up by hand."""

import numpy as np
import pytest

from intaglio.compiler.real.distributions.distributions import ChannelDistribution
from intaglio.compiler.synthesis.layer_target import LayerTarget
from intaglio.compiler.synthesis.targets.weight_sum_targets import weight_sum_targets
from intaglio.errors import InvalidData, UnsupportedModel
from tests.compiler.real.building import Array, parse, random

# Rows of [1, 3]: mean 2, std 1; of [0, 4]: mean 2, std 2.
ROWS = np.array([[1.0, 3.0], [0.0, 4.0]], np.float32)
SQUARE = ROWS[:, :, None, None]


def _found(text: str, **constants: Array) -> dict[str, LayerTarget]:
    return {target.value: target for target in weight_sum_targets(parse(text, **constants)).targets}


def test_means_and_variances_of_weights_and_inputs_add() -> None:
    found = _found(
        """(float[n,2,3,3] x) => (float[n,2,3,3] y) {
            h = Conv(x, w, b)
            r = Relu(h)
            p = MaxPool<kernel_shape=[1,1]>(r)
            y = Conv(p, w)
        }""",
        w=SQUARE,
        b=np.array([0.5, -1.0], np.float32),
    )
    np.testing.assert_allclose(found["h"].mean, [2.5, 1.0])
    np.testing.assert_allclose(found["h"].std, np.sqrt([2.0, 5.0]))
    # Relu and pools pass statistics on.
    np.testing.assert_allclose(found["y"].mean, [4.5, 3.0])
    np.testing.assert_allclose(found["y"].std, np.sqrt([3.0, 9.0]))


def test_batch_normalization_counts_in_folded_weights_and_values_keep_their_names() -> None:
    found = _found(
        """(float[n,2,3,3] x) => (float[n,2,3,3] z) {
            h = Conv(x, w)
            y = BatchNormalization<epsilon=0.0>(h, g, b, m, v)
            z = Relu(y)
        }""",
        w=SQUARE,
        g=np.array([2.0, 2.0], np.float32),
        b=np.array([1.0, 0.0], np.float32),
        m=np.array([0.5, 0.0], np.float32),
        v=np.array([1.0, 4.0], np.float32),
    )
    np.testing.assert_allclose(found["y"].mean, [4.0, 2.0])  # bias 1 - 2 * 0.5; weights doubled
    np.testing.assert_allclose(found["y"].std, np.sqrt([5.0, 5.0]))


def test_residual_adds_concatenations_and_constants() -> None:
    found = _found(
        """(float[n,2,3,3] x) => (float[n,1,3,3] y) {
            h = Conv(x, w)
            a = Add(h, x)
            s = Mul(a, three)
            c = Concat<axis=1>(x, s)
            y = Conv<group=1>(c, last)
        }""",
        w=SQUARE,
        three=np.array(3.0, np.float32),
        last=np.full((1, 4, 1, 1), 7.0, np.float32),
    )
    # x + h: mean 2, variances 1 + 2 and 1 + 5; times 3; beside x: means 0, 0, 6, 6.
    # One output of four: the mean, and for stds mean + min.
    stds = np.sqrt([1.0, 1.0, 27.0, 54.0])
    np.testing.assert_allclose(found["y"].mean, [7.0 + 3.0])
    np.testing.assert_allclose(found["y"].std, [stds.mean() + stds.min()])


def test_depthwise_channels_take_their_own_statistics_and_a_multiplier_repeats_them() -> None:
    given = ChannelDistribution.normal(np.array([10.0, 20.0]), np.array([3.0, 4.0]))
    model = parse(
        "(float[n,2,3,3] x) => (float[n,4,3,3] y) { y = Conv<group=2>(x, w) }",
        w=np.arange(4, dtype=np.float32).reshape(4, 1, 1, 1),
    )
    found = weight_sum_targets(model, inputs={"x": given})
    np.testing.assert_allclose(found.targets[0].mean, [10.0, 11.0, 22.0, 23.0])
    np.testing.assert_allclose(found.targets[0].std, [3.0, 3.0, 4.0, 4.0])
    assert not found.notes


def test_matrix_products_alone_work_and_each_adjustment_is_noted() -> None:
    model = parse(
        """(float[n,2] x) => (float[n,3] y) {
            h = MatMul(x, square)
            [wide] y = Gemm<transB=1>(h, w)
        }""",
        square=ROWS.T.copy(),
        w=random(0, 3, 2),
    )
    found = weight_sum_targets(model, "max")
    assert [target.value for target in found.targets] == ["h", "y"]
    np.testing.assert_allclose(found.targets[0].std, np.sqrt([2.0, 5.0]))
    (note,) = found.notes
    assert note.where == "wide"
    assert "2 channels become 3" in note.said
    assert "rule max" in note.said


def test_a_squeeze_and_excitation_gate_leaves_what_it_gates() -> None:
    found = _found(
        """(float[n,2,3,3] x) => (float[n,2,3,3] y) {
            m = GlobalAveragePool(x)
            e = Conv(m, w, b)
            g = Sigmoid(e)
            s = Mul(g, x)
            y = Conv(s, w)
        }""",
        w=SQUARE,
        b=np.array([100.0, 100.0], np.float32),
    )
    np.testing.assert_allclose(found["y"].mean, [2.0, 2.0])
    np.testing.assert_allclose(found["y"].std, np.sqrt([2.0, 5.0]))


def test_channels_of_a_sequence_have_no_target_along_axis_1() -> None:
    model = parse(
        """(float[n,5,2] x) => (float[n,1,2] y) {
            [words] h = MatMul(x, w)
            y = Conv(h, last)
        }""",
        w=ROWS.T.copy(),
        last=random(0, 1, 5, 1),
    )
    found = weight_sum_targets(model)
    assert [target.value for target in found.targets] == ["y"]
    assert found.notes[-1].where == "words"


def test_a_network_none_of_whose_layers_has_a_target_is_refused() -> None:
    model = parse(
        "(float[n,5,2] x) => (float[n,5,2] y) { [words] y = MatMul(x, w) }", w=ROWS.T.copy()
    )
    with pytest.raises(UnsupportedModel, match=r"words .*aren't along axis 1"):
        weight_sum_targets(model)


def test_two_computed_factors_are_named_with_what_works_instead() -> None:
    model = parse(
        """(float[n,2,2] x, float[n,2,2] z) => (float[n,2,2] y) {
            [attention] h = MatMul(x, z)
            r = Relu(h)
            [behind] y = MatMul(r, w)
        }""",
        w=ROWS,
    )
    with pytest.raises(UnsupportedModel, match=r"attention [\s\S]*--calibration") as caught:
        weight_sum_targets(model)
    assert len(caught.value.problems) == 1


def test_without_layers_there_is_nothing_to_estimate() -> None:
    with pytest.raises(InvalidData, match="no convolution or matrix product"):
        weight_sum_targets(parse("(float[n,2] x) => (float[n,2] y) { y = Relu(x) }"))
