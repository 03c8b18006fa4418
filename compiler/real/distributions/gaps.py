# SPDX-License-Identifier: Apache-2.0
"""Why nothing is known of a value, said with the root of it."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import onnx_ir as ir

from intaglio.compiler.real.editing import describe, name_of


@dataclass(frozen=True, slots=True)
class Gap:
    """A value of unknown distribution.

    Attributes:
        reason: why.
        behind: what to say of values that follow it.
        ungiven: the graph input that is at the root, where no linear operation lies between.
    """

    reason: str
    behind: str
    ungiven: str | None = None


def gap_of_input(value: ir.Value) -> Gap:
    """Of a graph input whose distribution wasn't given."""
    behind = f"the distribution of {value.name} is missing"
    return Gap("no distribution of this input was given", behind, value.name)


def gap_of_rule(reason: str) -> Gap:
    """Of what a node computes that has no rule; ``reason`` begins with the node."""
    return Gap(reason, f"behind {reason}")


def gap_passed_on(
    node: ir.Node, gaps: Mapping[ir.Value, Gap], products: Collection[str]
) -> Gap | None:
    """Of what a node computes from an unknown value; None if all of them are known.

    Behind an unknown input, the first linear operation is to blame: BatchNormalization there would
    have told what input and network together leave open.

    Args:
        node: any node.
        gaps: of the values so far.
        products: the types of linear operations.
    """
    found = next(
        (gaps[value] for value in node.inputs if value is not None and value in gaps), None
    )
    if found is None or found.ungiven is None:
        return found and Gap(found.behind, found.behind)
    if node.op_type not in products:
        return Gap(found.behind, found.behind, found.ungiven)
    return Gap(
        f"{describe(node)} has no BatchNormalization, and {found.behind}",
        f"behind {name_of(node)}, which has no BatchNormalization",
    )
