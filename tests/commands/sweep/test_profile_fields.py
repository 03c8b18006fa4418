# SPDX-License-Identifier: Apache-2.0
"""Fields by dotted paths: one change, exactly there, or a refusal that helps."""

import pytest

from intaglio.commands.sweep.profile_fields import changed, matching, profile_fields
from intaglio.errors import InvalidOption, InvalidProfile
from intaglio.numerics.accumulator import Overflow
from intaglio.numerics.profile import format_profile, load_profile, parse_profile, profile_names
from intaglio.numerics.profile.schema import Tree
from intaglio.numerics.profile.schemes import MultiplyShiftScheme, TosaScheme
from intaglio.numerics.rounding import Rounding

OURS = load_profile("single-rounding")


def scheme(profile_rule: object) -> MultiplyShiftScheme:
    found = getattr(getattr(profile_rule, "rescale", None), "scheme", None)
    assert isinstance(found, MultiplyShiftScheme)
    return found


def test_a_path_without_index_changes_every_rule_that_has_the_field() -> None:
    tflm = load_profile("tflm")
    assert len(tflm.contraction) > 1
    wide = changed(tflm, {"contraction.accumulator_bits": 20})
    assert {rule.accumulator_bits for rule in wide.contraction} == {20}
    assert changed(tflm, {"contraction.accumulator_bits": 32}).pair == tflm.pair
    one = changed(tflm, {"contraction[1].accumulator_bits": 20})
    assert [rule.accumulator_bits == 20 for rule in one.contraction].count(True) == 1
    assert one.contraction[1].accumulator_bits == 20


def test_modes_may_be_written_in_capitals() -> None:
    for word in ("FLOOR", "floor", "Floor"):
        found = changed(OURS, {"contraction.rescale.scheme.rounding": word})
        assert scheme(found.contraction[0]).rounding is Rounding.FLOOR
    each = changed(OURS, {"contraction.overflow": "SATURATE_EACH_ADD"})
    assert each.contraction[0].overflow is Overflow.SATURATE_EACH_ADD


def test_a_star_stands_for_anything() -> None:
    paths = [field.path for field in matching(OURS, "*.rounding")]
    assert "contraction[0].rescale.scheme.rounding" in paths
    assert "quantize.rounding" in paths
    floors = changed(OURS, {"*.rounding": "floor"})
    assert format_profile(floors).count("half-toward-positive") == 0


def test_a_whole_table_is_set_before_what_lies_in_it() -> None:
    values: dict[str, Tree] = {
        "contraction.rescale.scheme.double_round": False,
        "contraction.rescale.scheme": {"kind": "tosa", "double_round": True},
    }
    assert changed(OURS, values).contraction[0].rescale.scheme == TosaScheme(False)


def test_none_takes_what_may_be_absent_away() -> None:
    lanes = next(
        profile
        for profile in map(load_profile, profile_names())
        if any(rule.lanes for rule in profile.contraction)
    )
    assert not any(rule.lanes for rule in changed(lanes, {"contraction.lanes": "none"}).contraction)


@pytest.mark.parametrize("name", profile_names())
def test_every_field_can_be_set_to_what_it_is(name: str) -> None:
    profile = load_profile(name)
    fields = profile_fields(profile)
    assert len(fields) > 10
    for field in fields:
        assert field in matching(profile, field.path)
    assert changed(profile, {}) == profile
    again = parse_profile(format_profile(changed(profile, {"*.accumulator_bits": 31})), "again")
    assert {rule.accumulator_bits for rule in again.contraction} == {31}
    assert {rule.accumulator_bits for rule in again.mean} <= {31}


@pytest.mark.parametrize(
    ("path", "advice"),
    [
        ("contraction.acumulator_bits", "did you mean contraction.accumulator_bits"),
        ("contraction.rescale.scheme.multiplierbits", "scheme.multiplier_bits"),
        ("contraction[7].overflow", "did you mean contraction.overflow"),
        ("nothing_alike_at_all_here", "start with one of quantize"),
        ("contraction.when.ops", "no such field"),
        ("title", "no such field"),
        ("", "no such field"),
    ],
)
def test_an_unknown_field_is_refused_with_the_nearest(path: str, advice: str) -> None:
    with pytest.raises(InvalidOption, match="no such field") as refused:
        changed(OURS, {path: 1})
    assert advice in str(refused.value)


@pytest.mark.parametrize(
    ("path", "value", "advice"),
    [
        ("contraction.accumulator_bits", 99, "the nearest is 64"),
        ("contraction.accumulator_bits", 0, "the nearest is 1"),
        ("contraction.accumulator_bits", "wide", "type int"),
        ("contraction.overflow", "warp", "wrap perhaps"),
        ("contraction.rescale.scheme.multiplier_bits", 63, "the nearest is 62"),
        ("contraction.rescale.scheme", "tosa", "a table"),
        ("contraction.rescale.scheme", {"kind": "toas"}, "tosa perhaps"),
    ],
)
def test_a_bad_value_is_refused_with_the_field_and_what_is_legal(
    path: str, value: int | str, advice: str
) -> None:
    with pytest.raises(InvalidProfile) as refused:
        changed(OURS, {path: value})
    assert advice in str(refused.value)
    assert "contraction[0]" in str(refused.value)
