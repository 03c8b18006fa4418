# SPDX-License-Identifier: Apache-2.0
"""Any valid profile lowers a graph of every op to a valid graph on which all engines agree."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import tomli_w
from hypothesis import HealthCheck, Phase, assume, event, given, settings
from hypothesis import strategies as st

from intaglio.compiler.ir.text import parse_graph, print_graph
from intaglio.compiler.ir.verify import check
from intaglio.compiler.passes.select_arithmetic import select_arithmetic
from intaglio.errors import UnsupportedModel
from intaglio.numerics.profile import (
    PairRule,
    Profile,
    UnaryRule,
    format_profile,
    methods,
    parse_profile,
)
from intaglio.numerics.profile.rules import Condition
from intaglio.numerics.profile.schema import write
from intaglio.numerics.profile.schemes import Rescale, ScaleProduct
from intaglio.numerics.profile.stages_scheme import StagesScheme
from tests.compiler.passes.select_arithmetic.test_every_op import scaled_graph
from tests.simulator.engines import assert_engines_agree
from tests.simulator.random_profiles import PROFILES, STAGES

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


@settings(max_examples=25, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(STAGES, st.integers(0, 2**32 - 1))
def test_engines_agree_where_registers_stand_in_every_rule(
    registers: StagesScheme, seed: int
) -> None:
    # One slope of the graph is negative.
    registers = replace(registers, signed_multiplier=True)
    slopes = UnaryRule(
        methods.SlopeTable(Rescale(ScaleProduct.EXACT, replace(registers))),
        Condition(ops=("leaky-relu", "prelu")),
    )
    sums = PairRule(
        methods.OperandRescaleMethod(Rescale(ScaleProduct.EXACT, registers)),
        Condition(ops=("add", "maximum")),
    )
    everywhere = with_scheme(registers)
    profile = replace(everywhere, pair=(sums, *everywhere.pair), unary=(slopes, *everywhere.unary))
    try:
        lowered = select_arithmetic(GRAPH, profile)
    except UnsupportedModel as error:
        event("refused")
        problems = error.problems
    else:
        event("lowered")
        check(lowered)
        image = np.random.default_rng(seed).normal(0, 2.0, (1, 4, 4, 2)).astype(np.float32)
        assert_engines_agree(lowered, {"image": image})
        return
    assert all("scheme." in each for each in problems), problems


def with_scheme(scheme: StagesScheme) -> Profile:
    """Our default with another scheme wherever one stands, by way of its text."""
    tree = write(Rescale, Rescale(ScaleProduct.EXACT, scheme))
    assert isinstance(tree, Mapping)
    text = {"schema": 1, "base": "single-rounding", "name": "registers", "title": "-"}
    every = {"every": {"scheme": tree["scheme"]}}
    return parse_profile(tomli_w.dumps({**text, **every}), "registers")
