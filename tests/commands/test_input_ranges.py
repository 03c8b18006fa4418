# SPDX-License-Identifier: Apache-2.0
from pathlib import Path

import pytest

from intaglio.commands.input_ranges import input_ranges, parse_input_ranges
from intaglio.compiler.real.ranges.ranges import Range
from intaglio.errors import InvalidOption
from tests.compiler.real.building import parse

MODEL = parse("(float[N, 3, 4, 4] x, float[N, 3, 4, 4] z) => (y) { y = Add(x, z) }")


@pytest.mark.parametrize(
    ("text", "name", "expected"),
    [
        ("x=-1,1", "x", Range(-1.0, 1.0)),
        ("x=.5,1e2", "x", Range(0.5, 100.0)),
        ("a=b=0,+255.", "a=b", Range(0.0, 255.0)),
        ("x=-3.4e38,3.4e38", "x", Range(-3.4e38, 3.4e38)),
    ],
)
def test_a_range_for_each_input(text: str, name: str, expected: Range) -> None:
    assert parse_input_ranges([text, "other=0,1"]) == {name: expected, "other": Range(0.0, 1.0)}


@pytest.mark.parametrize(
    "texts",
    [
        *(["x"], ["x=1"], ["=0,1"], ["x=0,1,2"], ["x=low,high"], ["x=nan,1"], ["x=-inf,inf"]),
        *(["x=1,1"], ["x=1,-1"], ["x=0,1", "x=0,2"]),
        *(["x=-1e39,1e39"], ["x=0,1e39"], ["x=-1e39,0"], ["x=0,1e999"]),
    ],
    ids=" ".join,
)
def test_another_form_an_empty_range_and_one_beyond_float32_are_refused(texts: list[str]) -> None:
    with pytest.raises(InvalidOption, match="write NAME=LOW,HIGH"):
        parse_input_ranges(texts)


def test_a_preprocessing_says_what_pixels_become_and_a_given_range_goes_first() -> None:
    # The darkest is black in red, (0 - 0.485) / 0.229; the brightest white in blue.
    found = input_ranges(MODEL, {"z": Range(0.0, 1.0)}, "torchvision")
    assert found["x"].minimum == pytest.approx(-0.485 / 0.229)
    assert found["x"].maximum == pytest.approx((1 - 0.406) / 0.225)
    assert found["z"] == Range(0.0, 1.0)
    assert input_ranges(MODEL, {}, None) == {}


def test_a_range_of_no_input_and_an_unknown_preprocessing_are_refused() -> None:
    with pytest.raises(InvalidOption, match="no such input; it has x, z"):
        input_ranges(MODEL, {"w": Range(0.0, 1.0)}, None)
    with pytest.raises(InvalidOption, match="of this name is shipped"):
        input_ranges(MODEL, {}, "torchvison")


def test_a_preprocessing_beyond_float32_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "huge.toml"
    path.write_text("divisor = 1e-20\nstd = 1e-20\n")
    with pytest.raises(InvalidOption, match="range beyond float32"):
        input_ranges(MODEL, {}, str(path))
