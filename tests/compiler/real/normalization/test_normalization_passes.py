# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from intaglio.compiler.real.normalization.fix_reshapes import fix_reshapes
from intaglio.compiler.real.normalization.fold_constants import fold_constants
from intaglio.compiler.real.normalization.fold_padding import fold_padding
from intaglio.compiler.real.normalization.normalize import normalize
from intaglio.compiler.real.normalization.normalize_products import normalize_products
from intaglio.compiler.real.normalization.remove_identities import remove_identities
from tests.compiler.real.building import assert_same_function, initializer, ops, parse, random


def test_identity_and_dropout_leave() -> None:
    model = parse("""(float[N,4] x) => (y) {
        a = Identity(x)
        b = Relu(a)
        c = Dropout(b)
        y = Identity(c) }""")
    result = remove_identities(model)
    assert ops(result) == ["Relu"]
    assert_same_function(model, result)


def test_identities_that_the_interface_needs_stay() -> None:
    model = parse("""(float[N,4] x) => (x1, y, z) {
        x1 = Identity(x)
        r = Relu(x)
        y = Identity(r)
        z = Identity(r) }""")
    result = remove_identities(model)
    assert ops(result) == ["Identity", "Relu", "Identity"]
    assert_same_function(model, result)


def test_dropout_in_training_stays() -> None:
    model = parse(
        "(float[N,4] x) => (y) { y = Dropout(x, ratio, training) }",
        ratio=np.array(0.5, dtype=np.float32),
        training=np.array(True),
    )
    assert ops(remove_identities(model)) == ["Dropout"]


def test_constants_are_evaluated() -> None:
    model = parse(
        """(float[N,4] x) => (y) {
            t = Transpose<perm=[1,0]>(w)
            s = Constant<value_float=2.0>()
            u = Mul(t, s)
            y = Gemm(x, u) }""",
        w=random(1, 3, 4),
    )
    result = fold_constants(model)
    assert ops(result) == ["Gemm"]
    assert list(result.graph.initializers) == ["u"]
    np.testing.assert_array_equal(initializer(result, "u"), 2 * initializer(model, "w").T)
    assert_same_function(model, result)


def test_constants_that_the_graph_returns_or_draws_stay() -> None:
    model = parse(
        """(float[N,4] x) => (y, c) {
            c = Relu(w)
            r = RandomNormalLike(w)
            y = Mul(x, r) }""",
        w=random(1, 4),
    )
    assert sorted(ops(fold_constants(model))) == ["Mul", "RandomNormalLike", "Relu"]


def test_the_batch_in_a_computed_shape_becomes_minus_one() -> None:
    model = parse("""(float[N,3,4] x) => (y) {
        s = Shape(x)
        zero = Constant<value_int=0>()
        n = Gather(s, zero)
        axes = Constant<value_ints=[0]>()
        u = Unsqueeze(n, axes)
        rest = Constant<value_ints=[-1]>()
        t = Concat<axis=0>(u, rest)
        y = Reshape(x, t) }""")
    result = fix_reshapes(fold_constants(model))
    assert ops(result) == ["Reshape"]
    assert_same_function(model, result)


def test_zero_padding_enters_the_convolution() -> None:
    model = parse(
        """(float[N,2,5,5] x) => (y) {
            p = Pad(x, amounts)
            y = Conv<pads=[1,0,0,0], strides=[2,2]>(p, w) }""",
        amounts=np.array([0, 0, 0, 1, 0, 0, 2, 1]),
        w=random(1, 3, 2, 3, 3),
    )
    result = fold_padding(model)
    assert ops(result) == ["Conv"]
    assert list(result.graph[0].attributes.get_ints("pads", ())) == [1, 1, 2, 1]
    assert_same_function(model, result)


@pytest.mark.parametrize(
    ("amounts", "fill"),
    [([0, 0, 0, 1, 0, 0, 2, 1], 1.0), ([0, 1, 0, 1, 0, 0, 2, 1], 0.0), ([0, 0, -1, 1] * 2, 0.0)],
    ids=["not zero", "channels", "cropping"],
)
def test_other_padding_stays(amounts: list[int], fill: float) -> None:
    channels = 2 + amounts[1] + amounts[5]
    model = parse(
        "(float[N,2,5,5] x) => (y) { p = Pad(x, a, f)  y = Conv(p, w) }",
        a=np.array(amounts),
        f=np.array(fill, dtype=np.float32),
        w=random(1, 3, channels, 3, 3),
    )
    assert ops(fold_padding(model)) == ["Pad", "Conv"]


@pytest.mark.parametrize("shape", [(), (1,), (3,), (1, 3), (1, 1)], ids=str)
def test_factors_and_addend_of_gemm_are_folded(shape: tuple[int, ...]) -> None:
    model = parse(
        "(float[N,4] x) => (y) { y = Gemm<alpha=0.5, beta=3.0>(x, w, c) }",
        w=random(1, 4, 3),
        c=random(2, *shape),
    )
    result = normalize_products(model)
    node = result.graph[0]
    assert node.attributes.get_float("alpha", 1.0) == 1.0
    assert node.attributes.get_float("beta", 1.0) == 1.0
    assert node.inputs[2] is not None
    assert node.inputs[2].shape == (3,)
    assert_same_function(model, result)


def test_product_and_addend_become_one_gemm() -> None:
    model = parse(
        "(float[N,4] x) => (y) { p = MatMul(x, w)  y = Add(c, p) }",
        w=random(1, 4, 3),
        c=random(2, 3),
    )
    result = normalize_products(model)
    assert ops(result) == ["Gemm"]
    assert_same_function(model, result)


def test_an_addend_that_grows_the_result_stays() -> None:
    model = parse(
        "(float[1,4] x) => (y) { p = MatMul(x, w)  y = Add(p, c) }",
        w=random(1, 4, 3),
        c=random(2, 5, 3),
    )
    result = normalize_products(model)
    assert ops(result) == ["Gemm", "Add"]
    assert_same_function(model, result)


def test_a_product_that_others_read_keeps_no_bias() -> None:
    model = parse(
        "(float[N,4] x) => (y, z) { p = MatMul(x, w)  y = Add(p, c)  z = Relu(p) }",
        w=random(1, 4, 3),
        c=random(2, 3),
    )
    result = normalize_products(model)
    assert ops(result) == ["Gemm", "Add", "Relu"]
    assert_same_function(model, result)


def test_products_of_higher_rank_and_of_two_activations_stay() -> None:
    model = parse(
        """(float[N,5,4] x, float[4,4] q) => (y) {
            p = MatMul(x, w)
            y = MatMul(p, q) }""",
        w=random(1, 4, 4),
    )
    assert ops(normalize_products(model)) == ["MatMul", "MatMul"]


def test_normalize_takes_a_typical_export_through_all_passes() -> None:
    model = parse(
        """(float[N,2,6,6] x) => (y) {
            p = Pad(x, amounts)
            c = Conv(p, w)
            n = BatchNormalization(c, g, b, m, v)
            low = Constant<value_float=0.0>()
            high = Constant<value_float=6.0>()
            r = Clip(n, low, high)
            a = GlobalAveragePool(r)
            f = Flatten(a)
            d = Dropout(f)
            q = MatMul(d, k)
            s = Add(q, h)
            y = Identity(s) }""",
        amounts=np.array([0, 0, 1, 1, 0, 0, 1, 1]), w=random(1, 3, 2, 3, 3), g=random(2, 3),
        b=random(3, 3), m=random(4, 3), v=random(5, 3) ** 2, k=random(6, 3, 4), h=random(7, 4),
    )  # fmt: skip
    result = normalize(model)
    assert ops(result) == ["Conv", "Clip", "GlobalAveragePool", "Flatten", "Gemm"]
    assert_same_function(model, result)
    assert all(v.shape is not None for node in result.graph for v in node.outputs)
