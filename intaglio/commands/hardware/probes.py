# SPDX-License-Identifier: Apache-2.0
"""A network of one op for each rule of a profile, lowered by that rule."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product
from typing import Any, cast

from intaglio.commands.supported_operators.one_op_graphs import one_op_graph
from intaglio.compiler.ir.graph import Graph
from intaglio.compiler.passes.select_arithmetic import select_arithmetic
from intaglio.errors import IntaglioError, InvalidProfile, UnsupportedModel
from intaglio.numerics.integers import INT32, IntType
from intaglio.numerics.profile import ContractionRule, Profile
from intaglio.numerics.profile.datapath import ANY_DATAPATH
from intaglio.numerics.profile.methods import (
    FixedPointTable,
    InterpolatedSoftmaxMethod,
    InterpolatedTable,
    SigmoidTableMethod,
)
from intaglio.numerics.profile.profile import RULE_OPS
from intaglio.numerics.profile.rules import ALWAYS, GENERAL_KINDS, Condition, Granularity

_ELEMENTS = tuple(IntType.parse(word) for word in ("i8", "u8", "i16", "i4"))
_SLOW = (InterpolatedTable, SigmoidTableMethod, InterpolatedSoftmaxMethod)
"""16-bit functions of TensorFlow Lite."""
_CURVES = ("tanh", "sigmoid", "gelu")
_WEIGHTS = (IntType.parse("i8"), IntType.parse("u8"))


@dataclass(frozen=True, slots=True)
class Probe:
    """A rule, and the arithmetic that it selects for one op.

    Attributes:
        place: the rule's, such as ``pair[1]``.
        rule: the rule.
        ops: the words of the ops that it serves.
        scaled: the op before.
        fixed: what the engines execute; None where the rule serves none of the ops that are tried.
        refusal: why not.
    """

    place: str
    rule: object
    ops: tuple[str, ...]
    scaled: Graph | None
    fixed: Graph | None
    refusal: str = ""


def probes(profile: Profile) -> Iterator[Probe]:
    """One for each rule, in the profile's order."""
    for table, words in RULE_OPS.items():
        for index, rule in enumerate(getattr(profile, table)):
            yield _probe(profile, table, f"{table}[{index}]", rule, rule.when.ops or words)


def _probe(profile: Profile, table: str, place: str, rule: object, words: tuple[str, ...]) -> Probe:
    when = cast(Condition, getattr(rule, "when"))  # noqa: B009
    if isinstance(getattr(rule, "method", None), _SLOW):
        return Probe(place, rule, words, None, None, "a table of 65,536 codes, not made here")
    # Alone and without its condition, so that no other rule takes the op.
    tables: dict[str, Any] = {table: (replace(cast(Any, rule), when=ALWAYS),)}
    alone = replace(profile, datapath=ANY_DATAPATH, **tables)
    refusal = "no op of these types"
    for scaled in _candidates(words, when, rule):
        try:
            return Probe(place, rule, words, scaled, select_arithmetic(scaled, alone))
        except UnsupportedModel as error:
            refusal = error.problems[0]
        except InvalidProfile as error:
            refusal = str(error)
    return Probe(place, rule, words, None, None, refusal)


def _candidates(words: tuple[str, ...], when: Condition, rule: object) -> Iterator[Graph]:
    """Graphs of one op: the first that lowers shows the rule."""
    elements = when.operands or tuple(each for each in _ELEMENTS if each.bits <= when.maximum_bits)
    granularities = (when.granularity,) if when.granularity else tuple(reversed(Granularity))
    if isinstance(getattr(rule, "method", None), FixedPointTable):
        # Tables of 16-bit codes take a minute.
        elements = tuple(each for each in elements if each.bits <= 8)
    # A curve shows more of a table than a line.
    words = tuple(sorted(words, key=lambda word: word not in _CURVES))
    for word, element, granularity, weights, (biases, bias) in product(
        words, elements, granularities, when.weights or _WEIGHTS, _biases(when, rule)
    ):
        try:
            yield one_op_graph(
                GENERAL_KINDS.get(word, word),
                element,
                granularity,
                weights,
                element if not when.results or element in when.results else when.results[0],
                biases,
                bias,
            )
        except (IntaglioError, ValueError):
            # The condition's types don't make an op, such as 16 bits with no code for a zero point.
            continue


def _biases(when: Condition, rule: object) -> tuple[tuple[tuple[int, int] | None, IntType], ...]:
    """The ends of the bias first: they fill the accumulator, so that every register shows."""
    if not isinstance(rule, ContractionRule):
        return ((None, INT32),)
    types = when.bias or (IntType(rule.bias_bits, signed=True),)
    ends = (((type.maximum, type.minimum), type) for type in types)
    return (*ends, *(((1, -1), type) for type in types), (None, INT32))
