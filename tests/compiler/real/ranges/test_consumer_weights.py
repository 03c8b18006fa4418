# SPDX-License-Identifier: Apache-2.0
import numpy as np

from intaglio.compiler.real.ranges.consumer_weights import consumer_weights
from tests.compiler.real.building import Array, parse, random


def weights_of(text: str, /, **constants: Array) -> dict[str, Array]:
    """The weights of a model's values."""
    return dict(consumer_weights(parse(text, **constants).graph))


def test_a_convolution_weighs_channels_by_its_squared_norms() -> None:
    kernel = random(0, 4, 6, 3, 3)
    found = weights_of(
        """(float[N,6,5,5] x) => (y) {
            r = Relu(x)
            p = MaxPool<kernel_shape=[2,2]>(r)
            y = Conv(p, w) }""",
        w=kernel,
    )  # fmt: skip
    expected = np.square(kernel.astype(np.float64)).sum(axis=(0, 2, 3))
    for name in ("x", "r", "p"):
        np.testing.assert_allclose(found[name], expected)
    np.testing.assert_array_equal(found["y"], np.ones(4))


def test_groups_and_depthwise_kernels_weigh_their_own_channels() -> None:
    kernel = random(0, 6, 2, 3, 3)
    found = weights_of("(float[N,4,5,5] x) => (y) { y = Conv<group=2>(x, w) }", w=kernel)
    squares = np.square(kernel.astype(np.float64)).sum(axis=(2, 3))
    expected = [*squares[:3].sum(axis=0), *squares[3:].sum(axis=0)]
    np.testing.assert_allclose(found["x"], expected)
    kernel = random(0, 4, 1, 3, 3)
    found = weights_of("(float[N,4,5,5] x) => (y) { y = Conv<group=4>(x, w) }", w=kernel)
    np.testing.assert_allclose(found["x"], np.square(kernel.astype(np.float64)).sum(axis=(1, 2, 3)))


def test_positions_of_a_channel_add_up_where_it_is_flattened() -> None:
    matrix = random(0, 12, 5)
    found = weights_of(
        "(float[N,3,2,2] x) => (y) { f = Flatten(x)  y = Gemm(f, w) }", w=matrix
    )  # fmt: skip
    norms = np.square(matrix.astype(np.float64)).sum(axis=1)
    np.testing.assert_allclose(found["f"], norms)
    np.testing.assert_allclose(found["x"], norms.reshape(3, 4).sum(axis=1))


def test_concatenated_channels_weigh_what_their_part_does() -> None:
    matrix = random(0, 5, 2)
    found = weights_of(
        "(float[N,2] a, float[N,3] b) => (y) { c = Concat<axis=1>(a, b)  y = Gemm(c, w) }",
        w=matrix,
    )
    norms = np.square(matrix.astype(np.float64)).sum(axis=1)
    np.testing.assert_allclose(found["a"], norms[:2])
    np.testing.assert_allclose(found["b"], norms[2:])


def test_a_value_read_twice_weighs_both_readers() -> None:
    first, second = np.diag([1.0, 2.0]), np.diag([3.0, 1.0])
    found = weights_of(
        "(float[N,2] x) => (z) { a = Gemm(x, v)  s = Add(a, x)  r = Relu(s)  z = Gemm(r, w) }",
        v=first.astype(np.float32),
        w=second.astype(np.float32),
    )
    np.testing.assert_allclose(found["s"], [9.0, 1.0])
    np.testing.assert_allclose(found["x"], [1.0 + 9.0, 4.0 + 1.0])


def test_a_reader_of_unknown_cost_counts_as_the_average() -> None:
    matrix = np.diag([1.0, 3.0]).astype(np.float32)
    found = weights_of(
        "(float[N,2] x) => (y, s) { y = Gemm(x, w)  s = Softmax(x) }", w=matrix
    )  # fmt: skip
    np.testing.assert_allclose(found["x"], [1.0 + 5.0, 9.0 + 5.0])
    assert "k" not in weights_of("(float[4] k) => (y) { y = Relu(k) }")


def test_weights_of_zero_leave_all_channels_alike() -> None:
    found = weights_of(
        "(float[N,2] x) => (y) { y = Gemm(x, w) }", w=np.zeros((2, 3), dtype=np.float32)
    )
    np.testing.assert_array_equal(found["x"], [1.0, 1.0])


def test_mixed_channels_are_not_followed() -> None:
    found = weights_of(
        """(float[N,4,2] x) => (y) {
            t = Transpose<perm=[0,2,1]>(x)
            f = Flatten(t)
            y = Gemm(f, w) }""",
        w=random(0, 8, 3),
    )
    np.testing.assert_array_equal(found["x"], np.ones(4))
