# SPDX-License-Identifier: Apache-2.0
"""Prepared models keep BatchNormalizations, products and names, and compute the same."""

import numpy as np
import pytest

from intaglio.compiler.synthesis.prepared_model import prepare
from intaglio.errors import UnsupportedModel
from tests.compiler.real.building import assert_same_function, ops, parse, random

NETWORK = """(float[N, 3, 8, 8] x) => (float[N, 5] y) {
    two = Constant<value_floats = [2.0]>()
    scale = Mul(two, half)
    h = Conv<auto_pad = "SAME_UPPER", strides = [2, 2]>(x, w)
    passed = Identity(h)
    n = BatchNormalization(passed, scale, b, m, v)
    p = GlobalAveragePool(n)
    f = Flatten(p)
    s = MatMul(f, k)
    y = Add(s, c)
}"""


def test_what_hides_the_network_goes_and_the_rest_stays() -> None:
    model = parse(
        NETWORK,
        half=random(1, 4),
        w=random(2, 4, 3, 3, 3),
        b=random(3, 4),
        m=random(4, 4),
        v=np.abs(random(5, 4)),
        k=random(6, 4, 5),
        c=random(7, 5),
    )
    prepared = prepare(model)
    expected = ["Conv", "BatchNormalization", "GlobalAveragePool", "Flatten", "MatMul", "Add"]
    assert ops(prepared) == expected
    values = [output.name for node in prepared.graph for output in node.outputs]
    assert values == ["h", "n", "p", "f", "s", "y"]
    assert "auto_pad" not in prepared.graph[0].attributes
    assert len(model.graph) == 9
    assert_same_function(model, prepared)


def test_what_no_integer_network_has_is_named() -> None:
    model = parse("(float[N, 4] x) => (float[N, 4] y) { [wave] y = Sin(x) }")
    with pytest.raises(UnsupportedModel, match=r"node wave \(Sin\): there is no integer form"):
        prepare(model)
