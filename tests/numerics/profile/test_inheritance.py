# SPDX-License-Identifier: Apache-2.0
"""A file of few lines means its base with what it changes, and nothing else."""

from dataclasses import replace

import pytest

from intaglio.errors import InvalidProfile
from intaglio.numerics.accumulator import Overflow
from intaglio.numerics.integers import IntType
from intaglio.numerics.profile import (
    Profile,
    format_profile,
    load_profile,
    parse_profile,
    profile_names,
)
from intaglio.numerics.profile.datapath import Datapath
from intaglio.numerics.profile.methods import ExactTable, ProductMethod, RescaledMean
from intaglio.numerics.profile.rules import ALWAYS
from intaglio.numerics.profile.schemes import Rescale
from intaglio.numerics.profile.stages_scheme import StagesScheme, ZeroPointPlace
from intaglio.numerics.rounding import Rounding

HEAD = 'schema = 1\nbase = "single-rounding"\nname = "mine"\ntitle = "mine"\n'
SCHEME = """
[every.scheme]
kind = "stages"
multiplier_bits = 16
rounding = "half-even"
zero_point = "after-shift"
"""
REGISTERS = StagesScheme(16, Rounding.HALF_EVEN, ZeroPointPlace.AFTER_SHIFT)


def parsed(text: str) -> Profile:
    return parse_profile(text, "mine.toml")


@pytest.mark.parametrize("name", profile_names())
def test_a_file_that_changes_nothing_is_its_base(name: str) -> None:
    copy = parsed(HEAD.replace("single-rounding", name))
    base = load_profile(name)
    # No checks are inherited: what was checked is the base.
    whole = {"name": "mine", "title": "mine", "checked_against": ()}
    tables = ("contraction", "pair", "mean", "unary", "rescale", "softmax", "resize")
    for table in tables:
        rules = getattr(base, table)
        found = getattr(copy, table)
        assert found == rules[: len(found)]
        # What is left out stood behind a rule that takes every op.
        assert len(found) == len(rules) or found[-1].when == ALWAYS
        whole[table] = found
    assert copy == replace(base, **whole)  # type: ignore[arg-type]


def test_rules_of_the_file_stand_first_and_hide_those_behind_them() -> None:
    table = 'method = {kind="exact-table", rounding="ceil"}\n'
    profile = parsed(HEAD + '[[unary]]\nwhen = { ops = ["tanh"] }\n' + table)
    assert [rule.when.ops for rule in profile.unary] == [("tanh",), ()]
    assert profile.unary[0].method == ExactTable(Rounding.CEIL)
    profile = parsed(HEAD + "[[unary]]\n" + table)
    assert [rule.method for rule in profile.unary] == [ExactTable(Rounding.CEIL)]


def test_every_replaces_each_scheme_and_sets_fields() -> None:
    base = load_profile("single-rounding")
    text = HEAD + SCHEME + '[every.contraction]\naccumulator_bits = 20\noverflow = "saturate"\n'
    profile = parsed(text)
    assert profile.contraction == (
        replace(
            base.contraction[0],
            rescale=replace(base.contraction[0].rescale, scheme=REGISTERS),
            accumulator_bits=20,
            overflow=Overflow.SATURATE,
        ),
    )
    method = profile.mean[0].method
    assert isinstance(method, RescaledMean)
    assert method.rescale.scheme == REGISTERS
    assert profile.mean[0].accumulator_bits == 64
    multiply = profile.pair[1].method
    assert isinstance(multiply, ProductMethod)
    assert multiply.rescale.scheme == REGISTERS
    rescale = profile.rescale[0].method
    assert isinstance(rescale, Rescale)
    assert rescale.scheme == REGISTERS
    # A sum with one shared shift has no scheme.
    assert profile.pair[0] == base.pair[0]


def test_every_leaves_the_file_s_own_rules_alone() -> None:
    own = '[[contraction]]\nrescale={product="exact", scheme={kind="rational", rounding="floor"}}\n'
    profile = parsed(HEAD + own + "[every.contraction]\naccumulator_bits = 20\n")
    assert [rule.accumulator_bits for rule in profile.contraction] == [32]


def test_the_expansion_is_a_profile_of_its_own() -> None:
    profile = parsed(HEAD + SCHEME + '[datapath]\nactivations = ["i8"]\nnarrow_weights = true\n')
    assert profile.datapath == Datapath((IntType(8, True),), narrow_weights=True)
    text = format_profile(profile)
    assert "base" not in text
    assert parse_profile(text, "expanded") == profile


@pytest.mark.parametrize(
    ("text", "place", "expected"),
    [
        (HEAD.replace("single-rounding", "single-round"), "base", "single-rounding perhaps"),
        (HEAD.replace('"single-rounding"', "3"), "base", "one of "),
        (HEAD.replace('"single-rounding"', '"../../etc/passwd"'), "base", "one of "),
        (HEAD + "[every.contractions]\n", "every.contractions", "one of scheme, contraction"),
        (HEAD + "every = 3\n", "every", "a table"),
        (HEAD + "[every]\nscheme = 3\n", "every.scheme", "a table"),
        (HEAD + "contraction = 3\n", "contraction", "a list"),
        (HEAD + "[every.contraction]\nbits = 3\n", "contraction[0].bits", "bias_bits"),
        (HEAD + "[every.mean]\noverflow = 'stop'\n", "mean[0].overflow", "one of wrap"),
        (
            HEAD.replace('base = "single-rounding"\n', "") + SCHEME,
            "every",
            "a base whose rules they are",
        ),
        (
            HEAD + SCHEME.replace('zero_point = "after-shift"\n', ""),
            "contraction[0].rescale.scheme",
            "zero_point = 'before-multiplier' or 'before-shift' or 'after-shift'",
        ),
        (
            HEAD + SCHEME.replace("after-shift", "before-shift") + 'clamp = "before-zero-point"\n',
            "contraction[0].rescale.scheme.clamp",
            "after-zero-point",
        ),
        (
            HEAD + "[every.contraction]\naccumulator_bits=16\n"
            'partial_sums = { length = 4, type = "i20" }\n',
            "contraction[0].partial_sums.type",
            "i16 or less",
        ),
        (
            HEAD + "[every.contraction]\nproduct_bits = 4\ntruncation = { dropped_bits = 4 }\n",
            "contraction[0].truncation.dropped_bits",
            "3 or less",
        ),
    ],
)
def test_contradictions_name_the_field_and_what_it_may_be(
    text: str, place: str, expected: str
) -> None:
    with pytest.raises(InvalidProfile) as caught:
        parsed(text)
    assert f"profile mine.toml, {place}: found " in str(caught.value)
    assert expected in str(caught.value).split("expected ")[1]
