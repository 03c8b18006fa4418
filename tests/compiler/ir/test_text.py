# SPDX-License-Identifier: Apache-2.0
from collections.abc import Iterator
from typing import Any, get_args

import pytest

from intaglio.compiler.ir import fixed, scaled
from intaglio.compiler.ir.graph import Level
from intaglio.compiler.ir.text import parse_graph, print_graph
from intaglio.compiler.ir.text.kinds import (
    Form,
    Optional,
    Record,
    Row,
    field_forms,
    kind_name,
    op_classes,
)
from intaglio.compiler.ir.verify import verify
from tests.compiler.ir.every_op import FIXED, SCALED

BOTH = pytest.mark.parametrize("text", [FIXED, SCALED], ids=["fixed", "scaled"])


@BOTH
def test_printing_what_was_parsed_gives_the_text(text: str) -> None:
    graph = parse_graph(text)
    assert print_graph(graph) == text
    assert parse_graph(print_graph(graph)) == graph


@BOTH
def test_the_examples_are_valid(text: str) -> None:
    assert verify(parse_graph(text)) == ()


@BOTH
def test_every_class_of_the_union_occurs(text: str) -> None:
    graph = parse_graph(text)
    used = {type(node.op) for node in graph.nodes}
    assert set(op_classes(graph.level).values()) - used == set()


@BOTH
def test_every_class_inside_of_an_op_occurs(text: str) -> None:
    level = parse_graph(text).level
    kinds = {name for op in op_classes(level).values() for name in kinds_inside(op)}
    assert kinds
    assert {name for name in kinds if f"{name}(" not in text} == set()


def kinds_inside(op: type[Any]) -> Iterator[str]:
    """The kind names of all dataclasses that can stand in a field, at any depth."""
    for field in field_forms(op).values():
        yield from _kinds_of(field.form)


def _kinds_of(form: Form) -> Iterator[str]:
    match form:
        case Record(classes=classes):
            for each in classes:
                yield kind_name(each)
                yield from kinds_inside(each)
        case Row(item=inner) | Optional(form=inner):
            yield from _kinds_of(inner)
        case _:
            return


@pytest.mark.parametrize("level", Level)
def test_no_two_ops_of_a_level_have_one_name(level: Level) -> None:
    union = scaled.Op if level is Level.SCALED else fixed.Op
    assert len(op_classes(level)) == len(get_args(union))
