# SPDX-License-Identifier: Apache-2.0
"""From the scaled level to the fixed level: the visible order of the passes."""

from collections.abc import Callable

from intaglio.compiler.ir.graph import Graph
from intaglio.compiler.ir.verify import check
from intaglio.compiler.passes.cancel_layouts import cancel_layouts
from intaglio.compiler.passes.clamp_by_constants import clamp_by_constants
from intaglio.compiler.passes.fold_zero_points import fold_zero_points
from intaglio.compiler.passes.fuse_clamps import fuse_clamps
from intaglio.compiler.passes.narrow_accumulators import narrow_accumulators
from intaglio.compiler.passes.select_arithmetic import select_arithmetic
from intaglio.numerics.profile import Profile

Pass = Callable[[Graph], Graph]
"""A fixed graph to a fixed graph with the same value of every output, whatever the inputs."""

PASSES: tuple[Pass, ...] = (
    cancel_layouts,
    fold_zero_points,
    clamp_by_constants,
    fuse_clamps,
    narrow_accumulators,
)


def lower(
    graph: Graph,
    profile: Profile,
    after: Callable[[str, Graph], None] | None = None,
) -> Graph:
    """Select each op's arithmetic by a profile, then run ``PASSES``, verifying between them.

    Args:
        graph: a scaled graph.
        profile: the arithmetic of one machine or runtime.
        after: called after each pass with its name and its result; ``--print-after`` prints there.

    Raises:
        InvalidGraph: the graph breaks rules of the IR.
        InvalidProfile: the profile has no rule for an op.
        UnsupportedModel: a node has no arithmetic in this profile.
    """
    check(graph)
    current = select_arithmetic(graph, profile)
    _verified(select_arithmetic.__name__, current, after)
    for run in PASSES:
        current = run(current)
        _verified(run.__name__, current, after)
    return current


def _verified(name: str, graph: Graph, after: Callable[[str, Graph], None] | None) -> None:
    if after is not None:
        after(name, graph)
    check(graph)
