# SPDX-License-Identifier: Apache-2.0
"""What each profile has arithmetic for: graphs of one op, lowered."""

from collections.abc import Iterator
from itertools import product

from intaglio.commands.supported_operators.one_op_graphs import one_op_graph
from intaglio.compiler.passes.select_arithmetic import select_arithmetic
from intaglio.errors import InvalidProfile, UnsupportedModel
from intaglio.numerics.integers import IntType
from intaglio.numerics.profile import Profile
from intaglio.numerics.profile.profile import RULE_OPS
from intaglio.numerics.profile.rules import Granularity

ELEMENTS = tuple(IntType.parse(word) for word in ("i4", "i8", "u8", "i16", "u16"))
_WEIGHTS = (IntType.parse("i8"), IntType.parse("u8"))
_BY_TABLE = (*RULE_OPS["unary"], "requantize", "clip", "joined", "softmax")
"""Ops whose arithmetic may be a table of all codes; one of 16 bits takes long to make."""
_WIDEST_TABLE = 8


PROBED = {
    table: tuple(word for word in words if not word.startswith("recurrent"))
    for table, words in RULE_OPS.items()
}
"""The words that are tried, by rule table; those of recurrent cells are for certain types alone."""


def accepted(profile: Profile, word: str) -> tuple[IntType, ...]:
    """The element types from which, and to which, the profile computes an op.

    Weights are i8 or u8, with one scale or one for each channel: one combination is enough.
    Where that may be a table of 16 bits the rules alone are asked.
    """
    return tuple(element for element in ELEMENTS if _accepts(profile, word, element))


def _accepts(profile: Profile, word: str, element: IntType) -> bool:
    if word in _BY_TABLE and element.bits > _WIDEST_TABLE:
        return _has_rule(profile, word, element)
    return any(_lowers(profile, word, element, *each) for each in _kinds_of_weights(word))


def _kinds_of_weights(word: str) -> Iterator[tuple[Granularity, IntType]]:
    if word in RULE_OPS["contraction"] and word != "mat_mul":
        yield from product(Granularity, _WEIGHTS)
    else:
        yield Granularity.PER_TENSOR, _WEIGHTS[0]


def _has_rule(profile: Profile, word: str, element: IntType) -> bool:
    rules = {op: getattr(profile, table) for table, ops in RULE_OPS.items() for op in ops}
    try:
        profile.first(rules[word], word, element, element)
    except InvalidProfile:
        return False
    return True


def _lowers(
    profile: Profile, word: str, element: IntType, granularity: Granularity, weights: IntType
) -> bool:
    graph = one_op_graph(word, element, granularity, weights)
    try:
        select_arithmetic(graph, profile)
    except (InvalidProfile, UnsupportedModel):
        return False
    return True
