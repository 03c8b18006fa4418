# SPDX-License-Identifier: Apache-2.0
import pytest

from intaglio.compiler.real.widths.layer_costs import LayerCost, layer_costs
from intaglio.errors import InvalidData
from tests.compiler.real.building import parse, random


def test_each_weight_counts_once_for_each_position() -> None:
    model = parse(
        """(float[N,4,6,6] x) => (y) {
            [first] a = Conv<pads=[1,1,1,1], strides=[2,2]>(x, w)
            [depth] b = Conv<group=8>(a, d)
            [up] c = ConvTranspose<strides=[2,2]>(b, t)
            f = Flatten(c)
            [last] y = Gemm(f, g) }""",
        w=random(1, 8, 4, 3, 3),
        d=random(2, 8, 1, 2, 2),
        t=random(3, 8, 3, 2, 2),
        g=random(4, 48, 5),
    )
    assert layer_costs(model) == (
        LayerCost("first", 288, 288 * 9, "x"),
        LayerCost("depth", 32, 32 * 4, "a"),
        LayerCost("up", 96, 96 * 4, "b"),
        LayerCost("last", 240, 240, "f"),
    )


def test_a_product_uses_its_weights_for_each_row() -> None:
    model = parse("(float[N,7,4] x) => (y) { y = MatMul(x, w) }", w=random(1, 4, 3))
    assert layer_costs(model) == (LayerCost("y", 12, 84, "x"),)


def test_an_unknown_extent_is_named() -> None:
    model = parse("(float[N,4,H,6] x) => (y) { y = Conv(x, w) }", w=random(1, 2, 4, 3, 3))
    with pytest.raises(InvalidData, match="how often y uses its weights"):
        layer_costs(model)
