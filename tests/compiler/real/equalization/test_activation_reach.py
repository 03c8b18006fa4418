# SPDX-License-Identifier: Apache-2.0
import numpy as np
import onnx_ir as ir
import pytest

from intaglio.compiler.real.equalization.activation_reach import activation_reach
from intaglio.compiler.real.equalization.equalization_options import EqualizationOptions
from intaglio.compiler.real.equalization.equalization_regions import find_regions
from intaglio.compiler.real.equalization.equalize import equalize_layers
from intaglio.compiler.real.statistics import write_channel_statistics
from intaglio.errors import InvalidOption
from tests.compiler.real.building import Array, assert_same_function, initializer, parse, random

MEAN = np.array([0.0, 1.0, -7.0, 4.0])
STD = np.array([1.0, 2.0, 1.0, 0.5])


def network(*, noted: bool = True) -> ir.Model:
    """Two convolutions with a capped activation between them."""
    model = parse(
        """(float[N,3,6,6] x) => (y) {
            a = Conv<pads=[1,1,1,1]>(x, v, b)
            r = Relu(a)
            m = Min(r, cap)
            y = Conv(m, w) }""",
        v=random(1, 4, 3, 3, 3), b=random(2, 4), w=random(3, 5, 4, 1, 1),
        cap=np.array([6, 6, 6, 5], dtype=np.float32).reshape(1, 4, 1, 1),
    )  # fmt: skip
    if noted:
        write_channel_statistics(model.graph.node(0).outputs[0], MEAN, STD)
    return model


def ranges(model: ir.Model) -> tuple[Array, Array]:
    """Of the weights that write and that read each channel."""
    first, second = initializer(model, "v"), initializer(model, "w")
    return np.abs(first).max(axis=(1, 2, 3)), np.abs(second).max(axis=(0, 2, 3))


def test_channels_reach_three_sigmas_within_their_ends() -> None:
    model = network()
    scales = find_regions(model.graph)
    slots = scales.values[model.graph.node(2).outputs[0]].ravel()
    np.testing.assert_allclose(activation_reach(model, scales)[slots], [3.0, 6.0, 0.0, 5.0])


def test_what_is_not_known_has_no_reach() -> None:
    model = network(noted=False)
    assert np.isnan(activation_reach(model, find_regions(model.graph))).all()


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_activations_count_beside_the_weights_that_write_them(share: float) -> None:
    model = network()
    result = equalize_layers(model, EqualizationOptions(activation_share=share)).model
    assert_same_function(model, result)
    first, second = ranges(result)
    factors = ranges(model)[0] / first
    alive = np.array([0, 1, 3])
    reach = np.array([3.0, 6.0, 1.0, 5.0]) / factors
    np.testing.assert_allclose(
        (first ** (1 - share) * reach**share)[alive], second[alive], rtol=1e-5
    )
    # A channel that is always zero has nothing to say but its weights.
    assert first[2] == pytest.approx(second[2], rel=1e-5)


def test_without_statistics_the_weights_alone_count() -> None:
    model = network(noted=False)
    plain = equalize_layers(model).model
    shared = equalize_layers(model, EqualizationOptions(activation_share=0.5)).model
    for name in ("v", "w"):
        np.testing.assert_array_equal(initializer(plain, name), initializer(shared, name))


def test_a_share_beyond_one_is_refused() -> None:
    with pytest.raises(InvalidOption, match="activation share"):
        EqualizationOptions(activation_share=1.5)


def test_of_values_that_share_a_scale_the_farthest_counts() -> None:
    model = parse(
        """(float[N,3] x) => (y) {
            a = Gemm(x, v)
            b = Gemm(x, u)
            s = Add(a, b)
            y = Gemm(s, w) }""",
        v=random(1, 3, 2), u=random(2, 3, 2), w=random(3, 2, 2),
    )  # fmt: skip
    for index, reaches in enumerate((np.array([2.0, 1.0]), np.array([1.0, 7.0]))):
        write_channel_statistics(model.graph.node(index).outputs[0], np.zeros(2), reaches / 3)
    write_channel_statistics(model.graph.node(2).outputs[0], np.zeros(2), np.array([0.1, 0.1]))
    scales = find_regions(model.graph)
    slots = scales.values[model.graph.node(2).outputs[0]].ravel()
    np.testing.assert_allclose(activation_reach(model, scales)[slots], [2.0, 7.0])
