# SPDX-License-Identifier: Apache-2.0
import numpy as np

from intaglio.compiler.real.distributions.distributions import ChannelDistribution
from intaglio.compiler.real.distributions.propagate_distributions import propagate_distributions
from tests.compiler.real.building import parse, random


def test_the_first_linear_operation_behind_an_unknown_input_is_to_blame() -> None:
    model = parse(
        """(float[N,3,8,8] x) => (y) {
            i = Relu(x) [first] c = Conv(i, w) r = Relu(c) d = Conv(r, w) y = Relu(d) }""",
        w=random(1, 3, 3, 1, 1),
    )
    behind = "behind first, which has no BatchNormalization"
    assert propagate_distributions(model).missing == {
        "x": "no distribution of this input was given",
        "i": "the distribution of x is missing",
        "c": "node first (Conv) has no BatchNormalization, and the distribution of x is missing",
        "r": behind,
        "d": behind,
        "y": behind,
    }


def test_where_products_end_is_named_all_the_way() -> None:
    model = parse(
        """(float[N,3,8,8] x) => (y) {
            a = Conv(x, w) b = Conv(a, w) c = Conv(b, w) y = Relu(c) }""",
        w=random(1, 3, 3, 1, 1),
    )
    given = {"x": ChannelDistribution.normal(np.zeros(3), np.ones(3))}
    said = "node b (Conv): it and the 1 linear operations before it have no noted statistics"
    missing = propagate_distributions(model, given, products=1).missing
    assert missing == {"b": said, "c": f"behind {said}", "y": f"behind {said}"}
