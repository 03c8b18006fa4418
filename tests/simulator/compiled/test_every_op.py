# SPDX-License-Identifier: Apache-2.0
"""The small graph with every op, under every profile, selected and lowered."""

import numpy as np
import pytest

from intaglio.compiler.passes.select_arithmetic import select_arithmetic
from intaglio.compiler.pipeline import lower
from intaglio.numerics.profile import load_profile, profile_names
from tests.compiler.passes.select_arithmetic.test_every_op import scaled_graph
from tests.simulator.compiled.comparing import assert_compiled_agrees


@pytest.mark.parametrize("name", profile_names())
@pytest.mark.parametrize(
    "activation", ["", "activation=clip(low=[f32(-1.0)], high=[f32(3.0), f32(4.5), f32(1.0625)])"]
)
def test_compiled_agrees(name: str, activation: str) -> None:
    profile = load_profile(name)
    scaled = scaled_graph(activation)
    image = np.random.default_rng(5).normal(0, 16, (1, 4, 4, 2)).astype(np.float32)
    for graph in (select_arithmetic(scaled, profile), lower(scaled, profile)):
        assert_compiled_agrees(graph, {"image": image})
