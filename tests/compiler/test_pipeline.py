# SPDX-License-Identifier: Apache-2.0
"""Lowering verifies after every pass, and no pass changes what the selected arithmetic means."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st

from intaglio.compiler import pipeline
from intaglio.compiler.ir.graph import Graph
from intaglio.compiler.ir.verify import check
from intaglio.compiler.passes.select_arithmetic import select_arithmetic
from intaglio.compiler.pipeline import PASSES, lower
from intaglio.errors import InvalidGraph, UnsupportedModel
from intaglio.numerics.profile import Profile, load_profile, profile_names
from tests.compiler.passes.equality import assert_same_outputs
from tests.compiler.passes.select_arithmetic.test_every_op import scaled_graph
from tests.simulator.engines import assert_engines_agree
from tests.simulator.random_profiles import PROFILES

ACTIVATION = "activation=clip(low=[f32(0.0)], high=[f32(6.0)])"
GRAPH = scaled_graph(ACTIVATION)


def assert_lowering_keeps_outputs(profile: Profile, seed: int) -> None:
    selected, lowered = select_arithmetic(GRAPH, profile), lower(GRAPH, profile)
    image = np.random.default_rng(seed).normal(0, 8, (1, 4, 4, 2)).astype(np.float32)
    assert_same_outputs(selected, lowered, {"image": image})
    assert_engines_agree(lowered, {"image": image})


@pytest.mark.parametrize("name", profile_names())
def test_every_profile_keeps_the_outputs_of_every_op(name: str) -> None:
    for seed in range(3):
        assert_lowering_keeps_outputs(load_profile(name), seed)


# A graph of every op takes too long to shrink; the failing profile is printed as it is.
@settings(
    max_examples=30,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.filter_too_much],
)
@given(PROFILES, st.integers(0, 1 << 32))
def test_any_profile_keeps_the_outputs_of_every_op(profile: Profile, seed: int) -> None:
    try:
        select_arithmetic(GRAPH, profile)
    except UnsupportedModel:
        assume(False)
    assert_lowering_keeps_outputs(profile, seed)


def test_the_hook_sees_every_pass_in_order() -> None:
    seen: list[tuple[str, Graph]] = []
    lowered = lower(GRAPH, load_profile("tflm"), lambda name, graph: seen.append((name, graph)))
    names = [name for name, _ in seen]
    assert names == ["select_arithmetic", *(run.__name__ for run in PASSES)]
    assert seen[-1][1] is lowered
    for _, graph in seen:
        check(graph)


def test_a_graph_that_breaks_rules_is_refused_before_any_pass() -> None:
    def never(name: str, graph: Graph) -> None:
        raise AssertionError(f"{name} ran")

    with pytest.raises(InvalidGraph, match="no output"):
        lower(replace(GRAPH, outputs=(), output_sources=()), load_profile("tflm"), never)


def test_a_pass_that_breaks_rules_is_caught_behind_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def lose_a_node(graph: Graph) -> Graph:
        return replace(graph, nodes=graph.nodes[1:])

    monkeypatch.setattr(pipeline, "PASSES", (lose_a_node,))
    seen: list[str] = []
    with pytest.raises(InvalidGraph, match="never defined"):
        lower(GRAPH, load_profile("tflm"), lambda name, graph: seen.append(name))
    assert seen == ["select_arithmetic", "lose_a_node"]
