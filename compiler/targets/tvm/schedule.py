# SPDX-License-Identifier: Apache-2.0
"""Which nodes become one kernel, and in which order."""

from collections.abc import Iterator
from dataclasses import dataclass

from intaglio.compiler.ir import fixed
from intaglio.compiler.ir.graph import Graph, Node
from intaglio.compiler.targets.tvm.kernels.scope import Follower
from intaglio.compiler.targets.tvm.views import views


@dataclass(frozen=True, slots=True)
class Step:
    """A node, with the followers that take each of its elements further."""

    node: Node
    followers: tuple[Node, ...] = ()

    @property
    def result(self) -> Node:
        """The node whose value is stored."""
        return (self.node, *self.followers)[-1]


def steps(graph: Graph) -> tuple[Step, ...]:
    """The nodes in order, each drawn into the step of the one that it alone reads, where it can be.

    A move between views of the same memory is no step.
    """
    free = views(graph).free
    drawn: set[str] = set()
    found: list[Step] = []
    for node in graph.nodes:
        if node.name in drawn or node.name in free:
            continue
        followers = tuple(_followers(graph, node))
        drawn |= {follower.name for follower in followers}
        found.append(Step(node, followers))
    return tuple(found)


_UNFOLLOWED = (
    fixed.Softmax,
    fixed.Dequantize,
    fixed.Float32Binary,
    fixed.Float32Softmax,
    fixed.Transpose,
    fixed.Reshape,
    fixed.Slice,
    fixed.Concat,
    fixed.Pad,
    fixed.ResizeNearest,
)
"""Ops whose kernels store what they compute as it is."""


def _followers(graph: Graph, node: Node) -> Iterator[Node]:
    if isinstance(node.op, _UNFOLLOWED):
        return
    while node.name not in graph.outputs:
        users = graph.users.get(node.name, ())
        if len(users) != 1 or not isinstance(users[0].op, Follower):
            return
        (node,) = users
        yield node
