# SPDX-License-Identifier: Apache-2.0
"""Which fields of a hardware file a network doesn't notice: each is changed, and it is lowered."""

from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from enum import Enum
from typing import Any

from intaglio.commands.hardware.fields import stated_fields
from intaglio.compiler.ir.graph import Graph, Node
from intaglio.compiler.passes.select_arithmetic import select_arithmetic
from intaglio.errors import IntaglioError
from intaglio.numerics.accumulator import AccumulationOrder, Accumulator
from intaglio.numerics.integers import IntType
from intaglio.numerics.profile import Profile
from intaglio.numerics.profile.profile import RULE_OPS


def idle_fields(network: Graph, profile: Profile, places: tuple[str, ...]) -> Iterator[str]:
    """The places of fields that can change by one step without any effect on the network.

    A step is the next number up, the next word, or the other truth value.  Steps that no machine
    has, and those under which the network is refused, are none: such a field has an effect.

    Args:
        network: a scaled graph.
        profile: the hardware file.
        places: of the rules to try, such as ``contraction[0]``.
    """
    whole = _comparable(select_arithmetic(network, profile))
    for table in RULE_OPS:
        rules: tuple[Any, ...] = getattr(profile, table)
        for index, rule in enumerate(rules):
            place = f"{table}[{index}]"
            if place not in places:
                continue
            for field in stated_fields(rule):
                other = _stepped(rule, field.split("."))
                if other is None:
                    continue
                tables: dict[str, Any] = {table: (*rules[:index], other, *rules[index + 1 :])}
                if _same(network, replace(profile, **tables), whole):
                    yield f"{place}.{field}"


def _same(network: Graph, profile: Profile, whole: Graph) -> bool:
    try:
        return _comparable(select_arithmetic(network, profile)) == whole
    except IntaglioError:
        return False


def _comparable(graph: Graph) -> Graph:
    """The graph with one order of additions where order is no matter."""
    return replace(graph, nodes=tuple(_unordered(node) for node in graph.nodes))


def _unordered(node: Node) -> Node:
    op: Any = node.op
    accumulator = getattr(op, "accumulator", None)
    if not isinstance(accumulator, Accumulator) or accumulator.overflow.ordered:
        return node
    plain = replace(accumulator, order=AccumulationOrder.BIAS_FIRST)
    return replace(node, op=replace(op, accumulator=plain))


def _stepped(record: Any, path: list[str]) -> Any:
    """The record with the field at ``path`` a step further; None where there is no step."""
    name, *rest = path
    if not is_dataclass(record) or name not in {each.name for each in fields(record)}:
        return None
    value: Any = getattr(record, name)
    other = _stepped(value, rest) if rest else _next(value)
    if other is None:
        return None
    try:
        return replace(record, **{name: other})  # type: ignore[type-var]
    except IntaglioError:
        return None


def _next(value: Any) -> Any:
    match value:
        case bool():
            return not value
        case int():
            return value + 1
        case Enum():
            words = list(type(value))
            return words[(words.index(value) + 1) % len(words)]
        case IntType() if value.bits < 64:
            return IntType(value.bits + 1, value.signed)
        case _:
            return None
