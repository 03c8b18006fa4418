# SPDX-License-Identifier: Apache-2.0
"""Marks, the front, and what is printed and drawn of them."""

import csv
import io
import json
import xml.etree.ElementTree
from dataclasses import replace
from fractions import Fraction

import pytest
from rich.console import Console

from intaglio.commands.sweep.picture import pareto_picture
from intaglio.commands.sweep.report import to_csv, to_json
from intaglio.commands.sweep.result import Mark, Row, SweepResult, marked, short_names
from intaglio.commands.sweep.settings import Axis
from intaglio.commands.sweep.table import marks_table, refusals, settings_table, summary
from intaglio.commands.sweep.tally import Tally
from intaglio.commands.tables import print_table

BITS, RULE = "contraction.accumulator_bits", "contraction.overflow"
WIDE = Tally(1000, 1000, 800, 1000, 10_000, 0, 80_000, 0, {"saturations": 0, "wraps": 0})


def tally(correct: int, differing_bits: int) -> Tally:
    return replace(
        WIDE,
        correct=correct,
        differing_bits=differing_bits,
        differing_values=min(differing_bits, 10_000),
        overflows={"wraps": differing_bits},
    )


COUNTS = {
    ("16", "wrap"): tally(100, 40_000),
    ("16", "saturate"): tally(790, 2_000),
    ("8", "wrap"): tally(10, 50_000),
    ("8", "saturate"): None,
    ("24", "wrap"): WIDE,
    ("24", "saturate"): WIDE,
    ("20", "wrap"): tally(789, 700),
    ("20", "saturate"): tally(800, 0),
}
RESULT = SweepResult(
    "net",
    "single-rounding",
    (Axis(BITS, ("16", "8", "24", "20")), Axis(RULE, ("wrap", "saturate"))),
    None,
    WIDE,
    tuple(
        Row(
            {BITS: bits, RULE: rule},
            "" if counts is None else f"run{bits}{rule}",
            bits == "24",
            counts,
            "no shift fits" if counts is None else "",
        )
        for (bits, rule), counts in COUNTS.items()
    ),
    7,
    Fraction(1),
)


def test_marks_are_the_narrowest_and_not_the_first_given() -> None:
    along_bits = [mark for mark in RESULT.marks if mark.axis == BITS]
    assert along_bits == [
        Mark(BITS, {RULE: "wrap"}, "24", "24", "24"),
        Mark(BITS, {RULE: "saturate"}, "24", "20", "16"),
    ]
    words = {mark.others[BITS]: mark for mark in RESULT.marks if mark.axis == RULE}
    assert words["24"] == Mark(RULE, {BITS: "24"}, "wrap", "wrap", "wrap")
    assert words["20"] == Mark(RULE, {BITS: "20"}, None, "saturate", "saturate")
    assert words["8"] == Mark(RULE, {BITS: "8"}, None, None, None)


def test_exactly_the_points_given_may_be_lost() -> None:
    assert RESULT.lost(tally(790, 1)) == 1
    closer = replace(RESULT, points=Fraction("0.9999999999999999999"))
    (mark,) = (m for m in closer.marks if m.axis == BITS and m.others[RULE] == "saturate")
    assert mark.within == "20"


def test_without_labels_the_reference_says_what_is_right() -> None:
    unlabelled = replace(RESULT, reference=replace(WIDE, labelled=0, correct=0))
    assert unlabelled.lost(replace(WIDE, labelled=0, correct=0, same_class=990)) == 1


def test_the_front_has_what_nothing_beats() -> None:
    front = {tuple(RESULT.rows[number].setting.values()) for number in RESULT.front}
    assert front == {("8", "wrap"), ("16", "saturate"), ("20", "saturate")}
    words = replace(RESULT, axes=(Axis(RULE, ("wrap", "saturate")),))
    assert words.front == frozenset()


def test_marked_names_the_axes_row_by_row() -> None:
    named = dict(zip(COUNTS, marked(RESULT, "unchanged"), strict=True))
    assert named["20", "saturate"] == (BITS, RULE)
    assert named["24", "wrap"] == (BITS, RULE)
    assert named["24", "saturate"] == ()


def test_an_axis_of_one_value_is_no_axis() -> None:
    only = tuple(replace(row, setting={**row.setting, "mean.bits": "8"}) for row in RESULT.rows)
    result = replace(RESULT, axes=(*RESULT.axes, Axis("mean.bits", ("8",))), rows=only)
    assert len(result.marks) == len(RESULT.marks)
    assert [result.cost(row) for row in only] == [RESULT.cost(row) for row in RESULT.rows]
    assert settings_table(result) == settings_table(RESULT)
    assert marks_table(result) == marks_table(RESULT)
    assert "mean.bits" in to_csv(result).splitlines()[0]


def test_short_names_tell_axes_apart() -> None:
    assert short_names([BITS, RULE]) == {BITS: "accumulator_bits", RULE: "overflow"}
    assert set(short_names([BITS, "mean.accumulator_bits"]).values()) == {
        BITS,
        "mean.accumulator_bits",
    }


def test_csv_and_json_say_the_same() -> None:
    rows = list(csv.DictReader(io.StringIO(to_csv(RESULT))))
    facts = json.loads(to_json(RESULT))
    assert len(rows) == len(facts["rows"]) == facts["settings"] == 8
    for row, fact in zip(rows, facts["rows"], strict=True):
        assert {name: row[name] for name in (BITS, RULE)} == fact["setting"]
        if fact["refused"]:
            assert (row["refused"], row["top1"]) == ("no shift fits", "")
            assert "top1" not in fact
            continue
        assert float(row["top1"]) == fact["top1"]
        assert int(row["differing_bits"]) == fact["differing_bits"]
        assert int(row["overflows.wraps"]) == fact["overflows"]["wraps"]
        assert row["proved"] == ("yes" if fact["proved"] else "no")
    assert facts["reference"]["setting"] is None
    assert facts["marks"][0]["axis"] == BITS


def test_what_is_not_counted_is_left_empty() -> None:
    uncounted = replace(
        RESULT, rows=(replace(RESULT.rows[0], tally=replace(WIDE, overflows={})), *RESULT.rows[1:])
    )
    (first, *_) = csv.DictReader(io.StringIO(to_csv(uncounted)))
    assert first["overflows.wraps"] == ""
    assert settings_table(uncounted).rows[0]["overflows"] is None


def test_tables_fit_a_terminal() -> None:
    printed = io.StringIO()
    console = Console(width=100, file=printed, force_terminal=True, color_system=None)
    for table in (settings_table(RESULT), marks_table(RESULT)):
        print_table(table, console)
    text = printed.getvalue()
    assert max(map(len, text.splitlines())) <= 100
    assert "by proof" in text
    assert "refused" in text
    assert refusals(RESULT) == [f"refused {BITS}=8, {RULE}=saturate: no shift fits"]
    assert "8 settings, 7 runs" in summary(RESULT)[0]


@pytest.mark.parametrize("axes", [RESULT.axes, RESULT.axes[1:]])
def test_the_picture_has_a_point_for_each_setting_in_both_panels(axes: tuple[Axis, ...]) -> None:
    names = [axis.name for axis in axes]
    rows = tuple(
        replace(row, setting={name: row.setting[name] for name in names}) for row in RESULT.rows
    )
    result = replace(RESULT, axes=axes, rows=rows, model='<"&')
    tree = xml.etree.ElementTree.fromstring(pareto_picture(result))
    named = "{http://www.w3.org/2000/svg}"
    titles = [title.text for title in tree.iter(f"{named}title")]
    assert len(titles) == 2 * 7
    assert all(title and "overflow=" in title for title in titles)
