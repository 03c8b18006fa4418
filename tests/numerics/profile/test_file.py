# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace
from pathlib import Path

import pytest

from intaglio.errors import InvalidFile, InvalidProfile
from intaglio.numerics.profile import (
    format_profile,
    load_profile,
    parse_profile,
    profile_names,
)

TEXT = format_profile(replace(load_profile("tflm"), checked_against=()))


def test_the_shipped_profiles() -> None:
    assert profile_names() == (
        "ap-fixed",
        "cmsis-nn",
        "deeploy",
        "dory",
        "ethos-u",
        "finn",
        "gemmini",
        "litert-opt-x86",
        "litert-ref-1.2",
        "litert-ref-1.3",
        "litert-xnnpack-arm64",
        "litert-xnnpack-x86",
        "nemo",
        "nvdla",
        "onnx-spec",
        "ort-arm64",
        "ort-x86-vnni",
        "pow2-half-even",
        "pow2-half-up",
        "qonnx",
        "single-rounding",
        "tflm",
        "torch-pt2e",
        "tosa-double",
        "tosa-single",
        "vta",
    )


@pytest.mark.parametrize("name", profile_names())
def test_a_profile_survives_its_own_text(name: str) -> None:
    profile = load_profile(name)
    assert profile.name == name
    assert parse_profile(format_profile(profile), name) == profile


def test_a_file_is_a_profile_too(tmp_path: Path) -> None:
    path = tmp_path / "ours.toml"
    path.write_text(TEXT.replace('name = "tflm"', 'name = "ours"'))
    assert load_profile(str(path)).name == "ours"


def test_an_unknown_name_gets_the_nearest_known_one() -> None:
    with pytest.raises(InvalidFile, match="did you mean tflm"):
        load_profile("tfml")


REFUSED = [
    ("title =", "titel =", "titel: found an unknown key, expected title perhaps"),
    ("schema = 1", "schema = 2", "schema: found 2, expected 1"),
    (
        'rounding = "half-away-from-zero"\nmethod',
        'rounding = "half-up"\nmethod',
        "quantize.rounding: found half-up, expected ",
    ),
    (
        'kind = "double-rounding"',
        'kind = "double-roundin"',
        "kind: found double-roundin, expected double-rounding perhaps",
    ),
    ("accumulator_bits = 64", "accumulator_bits = true", "found True, expected a value of type"),
    ("accumulator_bits = 64", 'accumulator_bits = "64"', "found 64, expected a value of type int"),
    ('"i16"', '"i99"', "expected an integer type such as i8 or u4, 1 to 64 bits"),
    ('[bound]\nrounding = "half-away-from-zero"\n', "[bound]\n", "bound: found no rounding"),
    ("checked_against = []", "checked_against = 3", "checked_against: found 3, expected a list"),
    ("schema = 1", "schema = 1\n[[[", "the file: found no TOML"),
]


@pytest.mark.parametrize(("old", "new", "sentence"), REFUSED)
def test_what_does_not_follow_the_schema_is_refused(old: str, new: str, sentence: str) -> None:
    assert old in TEXT
    with pytest.raises(InvalidProfile) as caught:
        parse_profile(TEXT.replace(old, new, 1), "ours.toml")
    assert str(caught.value).startswith("profile ours.toml, ")
    assert sentence in str(caught.value)


def test_deep_nesting_and_long_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidProfile):
        parse_profile("x = " + "[" * 100000, "deep")
    path = tmp_path / "long.toml"
    path.write_text("# " + "x" * (1 << 20))
    with pytest.raises(InvalidFile, match="larger than 1 MiB"):
        load_profile(str(path))


OUT_OF_RANGE = [
    ("left_shift = 20", "left_shift = -1"),
    ("left_shift = 20", "left_shift = 100"),
    ("accumulator_bits = 64", "accumulator_bits = 65"),
    ("bias_bits = 64", "bias_bits = 0"),
]


@pytest.mark.parametrize(("old", "new"), OUT_OF_RANGE)
def test_numbers_that_no_machine_has_are_refused(old: str, new: str) -> None:
    assert old in TEXT
    with pytest.raises(InvalidProfile, match="is not within"):
        parse_profile(TEXT.replace(old, new, 1), "ours.toml")


def test_an_endless_number_is_refused() -> None:
    with pytest.raises(InvalidProfile, match="found no TOML"):
        parse_profile(f"schema = {'1' * 5001}", "ours.toml")
    with pytest.raises(InvalidProfile, match="found a number of thousands of digits, expected 1"):
        parse_profile(f"schema = 0x{'f' * 5001}", "ours.toml")


@pytest.mark.parametrize(
    ("old", "new"),
    [("average_pool2d", "averagepool2d"), ("hard-swish", "hardswish")],
)
def test_a_misspelt_op_is_refused(old: str, new: str) -> None:
    with pytest.raises(InvalidProfile, match=f"found {new}, expected {old} perhaps"):
        parse_profile(TEXT.replace(f'"{old}"', f'"{new}"', 1), "ours.toml")
