# SPDX-License-Identifier: Apache-2.0
from pathlib import Path

import pytest

from intaglio.commands.supported_operators.one_op_graphs import one_op_graph
from intaglio.commands.supported_operators.page import frontends_text, profiles_text
from intaglio.commands.supported_operators.probing import ELEMENTS, PROBED, accepted
from intaglio.numerics.integers import IntType
from intaglio.numerics.profile import load_profile
from intaglio.numerics.profile.rules import Granularity
from tests.frontends.rules_asked import rules_asked

PAGE = Path(__file__).parents[2] / "docs" / "supported-ops.md"
STALE = "run python -m intaglio.commands.supported_operators"
WORDS = [word for words in PROBED.values() for word in words]
I8 = IntType(8, signed=True)


def test_the_page_says_what_the_frontends_expect() -> None:
    assert PAGE.read_text(encoding="utf-8").startswith(f"{frontends_text()}\n## Profiles"), STALE


def test_the_page_says_what_the_profiles_have() -> None:
    assert PAGE.read_text(encoding="utf-8").endswith(f"\n{profiles_text()}"), STALE


def test_the_page_is_one_to_read() -> None:
    assert len(PAGE.read_text(encoding="utf-8").splitlines()) <= 300


@pytest.mark.parametrize("word", WORDS)
def test_a_graph_of_one_op_asks_for_the_rule_that_it_is_called_after(word: str) -> None:
    graph = one_op_graph(word, I8, Granularity.PER_TENSOR, I8)
    assert rules_asked(graph) == {word}


def test_what_the_rules_leave_open_is_lowered_to_find_out() -> None:
    # A rule for every type is there, but no formula.
    assert accepted(load_profile("onnx-spec"), "l2_normalization") == ()
    # There is a rule, and its product of two 16-bit codes has no room for a multiplier.
    assert accepted(load_profile("dory"), "multiply") == ELEMENTS[:3]
