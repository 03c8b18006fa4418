# SPDX-License-Identifier: Apache-2.0
"""A hardware file as equations: what each rule makes the engines compute."""

import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from intaglio.commands.hardware.fields import shown, stated_fields
from intaglio.commands.hardware.node_equations import Form, node_forms
from intaglio.commands.hardware.probes import Probe, probes
from intaglio.commands.hardware.table_errors import TableErrors, table_errors
from intaglio.compiler.ir import fixed, scaled
from intaglio.compiler.ir.graph import Graph, Node
from intaglio.compiler.passes.select_arithmetic.real_tables import real_function
from intaglio.compiler.passes.select_arithmetic.sampled_tables import sampled_table
from intaglio.numerics.equations import definitions, table_equations
from intaglio.numerics.profile import Profile
from intaglio.numerics.profile.table_method import TableMethod


@dataclass(frozen=True, slots=True)
class Stage:
    """One node of what a rule selects.

    Attributes:
        op: its kind, in the words of the IR.
        type: of its result.
        forms: its equations.
        errors: where it looks up a function, how far the table is from that.
    """

    op: str
    type: str
    forms: tuple[Form, ...]
    errors: TableErrors | None


@dataclass(frozen=True, slots=True)
class RuleExplanation:
    """A rule of a profile.

    Attributes:
        place: the rule's, such as ``pair[1]``.
        ops: the words of the ops that it serves.
        method: what its method says of itself; empty for requantizers.
        fields: by place within the rule, the value as a file has it.
        stages: what it selects, one node after another.
        refusal: where it serves none of the ops that were tried, why.
    """

    place: str
    ops: tuple[str, ...]
    method: str
    fields: Mapping[str, str]
    stages: tuple[Stage, ...]
    refusal: str


def explain_profile(profile: Profile) -> tuple[RuleExplanation, ...]:
    """Every rule, by the arithmetic that it selects for a network of one op."""
    return tuple(_explained(probe) for probe in probes(profile))


def explanation_lines(rules: tuple[RuleExplanation, ...]) -> Iterator[str]:
    """Plain text: the rules, then the functions that their equations call."""
    statements: list[str] = []
    for rule in rules:
        yield f"{rule.place}: {', '.join(rule.ops)}"
        yield from wrapped(", ".join(f"{name} = {value}" for name, value in rule.fields.items()))
        if rule.method:
            yield f"    {rule.method}"
        if rule.refusal:
            yield f"    no equations: {rule.refusal}"
        for stage in rule.stages:
            yield f"  {stage.op} -> {stage.type}"
            for form in stage.forms:
                yield from (f"    {statement}" for statement in form.statements)
                statements += form.statements
            if stage.errors is not None:
                yield f"    {errors_line(stage.errors)}"
        yield ""
    yield from definition_lines(statements)


def definition_lines(statements: list[str]) -> Iterator[str]:
    """What the functions are that statements call."""
    found = definitions(statements)
    if found:
        yield "where"
        yield from (f"  {line}" for line in found)


def errors_line(errors: TableErrors) -> str:
    """The errors of a table, for people."""
    shape = "monotone as its function" if errors.monotone else "not monotone as its function"
    most, mean = f"{errors.largest:.4f}", f"{errors.mean:.4f}"
    return f"over all codes: at most {most} ulp off, {mean} on average; {shape}"


def wrapped(text: str, width: int = 96) -> Iterator[str]:
    """A text in indented lines."""
    indent = " " * 4
    yield from textwrap.wrap(
        text, width, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False
    )


def stage_of(graph: Graph, node: Node, errors: TableErrors | None = None) -> Stage:
    """A node of a fixed graph."""
    return Stage(kind_of_op(node), str(node.type.element), node_forms(graph, node), errors)


def kind_of_op(node: Node) -> str:
    """The op's name, in lower case."""
    name = type(node.op).__name__
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name).lstrip("_")


def _explained(probe: Probe) -> RuleExplanation:
    stated = {name: shown(value) for name, value in stated_fields(probe.rule).items()}
    return RuleExplanation(
        probe.place,
        probe.ops,
        _method(probe.rule),
        stated,
        tuple(_stages(probe)),
        probe.refusal if probe.fixed is None else "",
    )


def _method(rule: object) -> str:
    text = type(getattr(rule, "method", None)).__doc__ if hasattr(rule, "method") else None
    return (text or "").strip().split("\n\n")[0].replace("\n", " ")


def _stages(probe: Probe) -> Iterator[Stage]:
    if probe.fixed is None or probe.scaled is None:
        return
    for node in probe.fixed.nodes:
        if isinstance(node.op, fixed.Lookup):
            yield from _table_stage(probe, node)
        yield stage_of(probe.fixed, node, _table(probe, node))


def _table_stage(probe: Probe, node: Node) -> Iterator[Stage]:
    """How the hardware gets what the engines look up by code."""
    assert probe.scaled is not None
    before = probe.scaled.nodes[-1]
    method = getattr(probe.rule, "method", None)
    if not isinstance(method, TableMethod) or not isinstance(before.op, scaled.Unary):
        return
    if before.op.function is scaled.UnaryFunction.RSQRT:
        # It has no value at half of the codes.
        return
    operand, element = probe.scaled.type_of(before.operands[0]), before.type.integer
    function = real_function(before.op).exact
    table = sampled_table(method, function, operand.scaled, operand.integer, before.type.scaled)
    found = table_equations(table, element.minimum, element.maximum)
    constants = {name: (number,) for name, number in found.constants.items()}
    form = Form(found.statements, (), constants)
    yield Stage("table", str(node.type.element), (form,), None)


def _table(probe: Probe, node: Node) -> TableErrors | None:
    assert probe.scaled is not None
    assert probe.fixed is not None
    before = probe.scaled.nodes[-1]
    if not isinstance(node.op, fixed.Lookup) or not isinstance(before.op, scaled.Unary):
        return None
    table = probe.fixed.constant(node.operands[1])
    assert table is not None
    operand = probe.scaled.type_of(before.operands[0])
    return table_errors(
        before.op,
        operand.scaled,
        operand.integer,
        before.type.scaled,
        before.type.integer,
        np.asarray(table.array),
    )
