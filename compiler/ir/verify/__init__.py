# SPDX-License-Identifier: Apache-2.0
"""The rules of the integer IR, and what in a graph is floating point.

Rules come in stages; a stage presupposes those before it, so verification ends with the first
stage that finds something, after all of its rules.
"""

from intaglio.compiler.ir.graph import Graph
from intaglio.compiler.ir.verify import (
    fixed_results,
    kept_types,
    parameters,
    scaled_operands,
    signatures,
    structure,
    values,
)
from intaglio.compiler.ir.verify.float_parts import float_parts, float_values, integer_only
from intaglio.compiler.ir.verify.rules import Rule, sentence
from intaglio.errors import InvalidGraph

STAGES: tuple[tuple[Rule, ...], ...] = (
    structure.RULES,
    values.RULES,
    (*signatures.RULES, *parameters.RULES),
    (*kept_types.RULES, *fixed_results.RULES, *scaled_operands.RULES),
)


def verify(graph: Graph) -> tuple[str, ...]:
    """Every violation in the first stage that has one, a sentence each; empty for a valid graph."""
    for stage in STAGES:
        violations = tuple(found for rule in stage for found in rule(graph))
        if violations:
            return violations
    return ()


def check(graph: Graph) -> None:
    """Demand a valid graph.

    Raises:
        InvalidGraph: it breaks rules; the message lists every violation of ``verify``.
    """
    violations = verify(graph)
    if violations:
        raise InvalidGraph(graph.name, violations)


def rule_sentences() -> tuple[str, ...]:
    """What each rule demands, in order."""
    return tuple(sentence(rule) for stage in STAGES for rule in stage)


__all__ = [
    "STAGES",
    "check",
    "float_parts",
    "float_values",
    "integer_only",
    "rule_sentences",
    "verify",
]
