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


def _lowers_unclipped_otherwise(profile: Profile) -> bool:
    """Whether a bound of the result, or the number of its channels, decides on the arithmetic."""
    return any(rule.lanes or rule.when.clipped is not None for rule in profile.contraction)


OTHERWISE = [name for name in profile_names() if _lowers_unclipped_otherwise(load_profile(name))]
# Each further build of all ops costs seconds of compiling and shows the same arithmetic again.
SAMPLE = ["single-rounding", "tflm", *OTHERWISE]


@pytest.mark.parametrize("name", profile_names())
def test_every_tensor_of_every_op(name: str) -> None:
    """Bounds of results are part of the op before."""
    assert_compiled_agrees(lower(scaled_graph(CLIP), load_profile(name)), {"image": IMAGE})


@pytest.mark.parametrize("name", SAMPLE)
@pytest.mark.parametrize(
    ("lowered", "clip"),
    [(select_arithmetic, CLIP), (lower, "")],
    ids=["bounds are ops of their own", "no bounds"],
)
def test_every_tensor_with_other_bounds(lowered: Lowering, clip: str, name: str) -> None:
    graph = lowered(scaled_graph(clip), load_profile(name))
    assert_observed_agrees(graph, {"image": IMAGE})
