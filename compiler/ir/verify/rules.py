# SPDX-License-Identifier: Apache-2.0
"""What a rule is: a small function whose docstring is the rule's sentence."""

import json
from collections.abc import Callable, Iterator

from intaglio.compiler.ir.graph import Constant, Definition, Graph, Input, Node
from intaglio.compiler.ir.text.kinds import kind_name

Rule = Callable[[Graph], Iterator[str]]
"""Yields a sentence for every place in the graph that breaks the rule."""


def place(definition: Definition) -> str:
    """Where something was found: the kind, the value and what the user's model calls it.

    >>> from intaglio.compiler.ir.types import FLOAT32, TensorType
    >>> place(Input("x_2", TensorType(FLOAT32, ()), "x:0"))
    'input %x_2 (from "x:0")'
    """
    match definition:
        case Input():
            kind = "input"
        case Constant():
            kind = "constant"
        case Node(op=op):
            kind = kind_name(type(op))
    if definition.source in ("", definition.name):
        return f"{kind} %{definition.name}"
    return f"{kind} %{definition.name} (from {json.dumps(definition.source)})"


def violation(definition: Definition, found: str, expected: str) -> str:
    """The sentence for one definition that breaks a rule."""
    return f"{place(definition)}: found {found}, expected {expected}."


def sentence(rule: Rule) -> str:
    """What the rule demands, in one sentence."""
    return (rule.__doc__ or "").strip()
