# SPDX-License-Identifier: Apache-2.0
"""Axes as users write them, and the settings that they span."""

from fractions import Fraction

import pytest

from intaglio.commands.sweep.settings import (
    MAXIMUM_SETTINGS,
    Axis,
    axes_of,
    parse_axis,
    parse_value,
    span,
    split_values,
    width,
)
from intaglio.errors import InvalidOption


def test_an_axis_ties_fields_and_keeps_tables_together() -> None:
    assert parse_axis("a.bits + b.bits = 8, 16") == Axis("a.bits+b.bits", ("8", "16"))
    assert parse_axis("a.bits+b.bits=8").fields == ("a.bits", "b.bits")
    table = '{kind = "stages", steps = [1, {x = 2}]}'
    assert parse_axis(f"scheme={table},{{}}").values == (table, "{}")
    assert split_values("'a,b', c") == ["'a,b'", "c"]


@pytest.mark.parametrize("text", ["", "a", "=1", "a=", "a=1,", "a=,1", "+a=1", "a+=1", "a=1,1"])
def test_what_is_no_axis_is_refused(text: str) -> None:
    with pytest.raises(InvalidOption, match="--axis"):
        parse_axis(text)


def test_values_are_toml_or_words() -> None:
    assert parse_value("true") is True
    assert parse_value("saturate-each-add") == "saturate-each-add"
    assert parse_value('"12"') == "12"
    assert parse_value("1.5") == "1.5"
    assert parse_value("[" * 100_000) == "[" * 100_000
    assert parse_value("9" * 5000) == "9" * 5000
    assert parse_value("1\nschema = 2") == 1 or parse_value("1\nschema = 2") == "1\nschema = 2"


def test_numbers_are_ordered_by_width_and_words_as_given() -> None:
    assert Axis("a", ("24", "8", "16")).ascending() == ("8", "16", "24")
    assert Axis("a", ("w8a8", "w4a8", "w6a6")).ascending() == ("w4a8", "w6a6", "w8a8")
    assert Axis("a", ("wrap", "8")).ascending() == ("wrap", "8")
    assert width("-3") == Fraction(-3)
    assert width("1.25") == Fraction(5, 4)
    assert width("1e5") is None
    assert width("9" * 40) is None


def test_a_grid_has_the_last_axis_fastest() -> None:
    axes = (Axis("a", ("1", "2")), Axis("b", ("x", "y")))
    found = [tuple(setting.values()) for setting in span(axes, ())]
    assert found == [("1", "x"), ("1", "y"), ("2", "x"), ("2", "y")]


def test_a_list_is_combined_with_the_grid_and_has_axes_of_its_own() -> None:
    listed = ({"a": "1"}, {"a": "2"}, {"a": "1"})
    axes = (Axis("b", ("x", "y")),)
    assert len(span(axes, listed)) == 4
    assert axes_of(axes, listed) == (Axis("a", ("1", "2")), *axes)
    assert span((), listed) == ({"a": "1"}, {"a": "2"})


def test_nothing_twice_and_too_much_are_refused() -> None:
    with pytest.raises(InvalidOption, match="nothing varies"):
        span((), ())
    with pytest.raises(InvalidOption, match="set twice"):
        span((Axis("a+b", ("1",)), Axis("b", ("2",))), ())
    with pytest.raises(InvalidOption, match="set twice"):
        span((Axis("a", ("1",)),), ({"a": "2"},))
    many = tuple(Axis(name, tuple(map(str, range(400)))) for name in "ab")
    assert 400 * 400 > MAXIMUM_SETTINGS
    with pytest.raises(InvalidOption, match="too many"):
        span(many, ())
