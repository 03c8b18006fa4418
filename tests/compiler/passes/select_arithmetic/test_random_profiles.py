# SPDX-License-Identifier: Apache-2.0
"""Any valid profile lowers a graph of every op to a valid graph on which all engines agree."""

import numpy as np
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st

from intaglio.compiler.ir.text import parse_graph, print_graph
from intaglio.compiler.ir.verify import check
from intaglio.compiler.passes.select_arithmetic import select_arithmetic
from intaglio.errors import UnsupportedModel
from intaglio.numerics.profile import Profile, format_profile, parse_profile
from tests.compiler.passes.select_arithmetic.test_every_op import scaled_graph
from tests.simulator.engines import assert_engines_agree
from tests.simulator.random_profiles import PROFILES

GRAPH = scaled_graph("activation=clip(low=[f32(0.0)], high=[f32(6.0)])")


@given(PROFILES)
def test_a_random_profile_survives_its_own_text(profile: Profile) -> None:
    assert parse_profile(format_profile(profile), "random") == profile


# A graph of every op takes too long to shrink; the failing profile is printed as it is.
@settings(
    max_examples=60,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.filter_too_much],
)
@given(PROFILES, st.integers(0, 2**32 - 1), st.sampled_from([0.25, 2.0, 30.0]))
def test_engines_agree_under_any_profile(profile: Profile, seed: int, spread: float) -> None:
    try:
        lowered = select_arithmetic(GRAPH, profile)
    except UnsupportedModel:
        assume(False)
        raise
    check(lowered)
    text = print_graph(lowered, inline_limit=1 << 20)
    assert parse_graph(text) == lowered
    image = np.random.default_rng(seed).normal(0, spread, (1, 4, 4, 2)).astype(np.float32)
    assert_engines_agree(lowered, {"image": image})
