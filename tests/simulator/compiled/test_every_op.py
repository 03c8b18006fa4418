# SPDX-License-Identifier: Apache-2.0
"""The small graph with every op, under every profile, selected and lowered."""

from collections.abc import Callable

import numpy as np
import pytest

from intaglio.compiler.ir.graph import Graph
from intaglio.compiler.passes.select_arithmetic import select_arithmetic
from intaglio.compiler.pipeline import lower
from intaglio.numerics.profile import Profile, load_profile, profile_names
from tests.compiler.passes.select_arithmetic.test_every_op import scaled_graph
from tests.simulator.compiled.comparing import assert_compiled_agrees, assert_observed_agrees

Lowering = Callable[[Graph, Profile], Graph]


CLIP = "activation=clip(low=[f32(-1.0)], high=[f32(3.0), f32(4.5), f32(1.0625)])"
IMAGE = np.random.default_rng(5).normal(0, 16, (1, 4, 4, 2)).astype(np.float32)


@pytest.mark.parametrize("name", profile_names())
def test_every_tensor_of_every_op(name: str) -> None:
    assert_compiled_agrees(lower(scaled_graph(), load_profile(name)), {"image": IMAGE})


@pytest.mark.parametrize("name", profile_names())
@pytest.mark.parametrize("lowered", [select_arithmetic, lower])
def test_every_tensor_with_bounds(lowered: Lowering, name: str) -> None:
    """Bounds of results are ops of their own, or part of the op before."""
    graph = lowered(scaled_graph(CLIP), load_profile(name))
    assert_observed_agrees(graph, {"image": IMAGE})
