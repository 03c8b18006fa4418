# SPDX-License-Identifier: Apache-2.0
from math import inf, nan
from pathlib import Path

import pytest

from intaglio.compiler.real.quantization.layer_overrides import LayerOverride
from intaglio.compiler.recipes import Choices, load_choices, preset_names
from intaglio.compiler.recipes.choices import parse_setting
from intaglio.errors import InvalidOption


def test_the_presets_are_found_by_name() -> None:
    assert preset_names() == ("dfq", "guideline", "minmax")
    for name in preset_names():
        assert load_choices(name).about
    assert load_choices("minmax").changed({"about": ""}) == Choices()


def test_the_data_free_recipe_needs_no_data_and_the_others_do() -> None:
    needed = {name: bool(load_choices(name).needs_data) for name in preset_names()}
    assert needed == {"dfq": False, "guideline": True, "minmax": True}


def test_weights_are_equalized_where_they_share_a_scale() -> None:
    choices = load_choices("dfq")
    assert not choices.equalizes
    assert choices.changed({"per_channel": False}).equalizes
    assert choices.changed({"equalization": "always"}).equalizes
    assert not choices.changed({"per_channel": False, "equalization": "none"}).equalizes


def test_a_file_is_a_recipe(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(
        'ranges = "sigma"\nrange_deviations = 4\n'
        "[codes]\nweight_bits = 6\nper_channel = false\n"
        '[layers."stem/conv"]\nweight_bits = 8\n'
    )
    choices = load_choices(str(path))
    assert (choices.ranges, choices.range_deviations) == ("sigma", 4.0)
    assert (choices.codes.weight_bits, choices.codes.per_channel) == (6, False)
    assert choices.codes.overrides == {"stem/conv": LayerOverride(weight_bits=8)}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('rangs = "sigma"', "rangs"),
        ('ranges = "sigmas"', "sigma perhaps"),
        ("dead_channels = 1", "give a bool"),
        ("[codes]\nweight_bits = 99", "weight bits"),
        ("[codes]\noverrides = 3", "overrides"),
        ("codes = 3", "codes is no table"),
        ('[layers."a"]\nweight_bit = 3', "weight_bit"),
        ("ranges =", "can't be read"),
    ],
)
def test_a_file_that_is_no_recipe_is_refused(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "bad.toml"
    path.write_text(text)
    with pytest.raises(InvalidOption, match=said):
        load_choices(str(path))


def test_an_unknown_recipe_is_refused_with_the_nearest() -> None:
    with pytest.raises(InvalidOption, match="minmax perhaps"):
        load_choices("minmx")
    with pytest.raises(InvalidOption, match="choose dfq, guideline, minmax or give"):
        load_choices("zzz")


@pytest.mark.parametrize(
    ("text", "setting"),
    [
        ("ranges=kl", ("ranges", "kl")),
        ("tolerance=1.5", ("tolerance", 1.5)),
        ("dead_channels=true", ("dead_channels", True)),
        ("bias_bits=16", ("bias_bits", 16)),
    ],
)
def test_settings_are_read_as_a_file_would_be(text: str, setting: tuple[str, object]) -> None:
    assert parse_setting(text) == setting
    Choices().changed(dict([setting]))


@pytest.mark.parametrize("text", ["ranges", "=kl", "ranges="])
def test_a_setting_without_name_or_value_is_refused(text: str) -> None:
    with pytest.raises(InvalidOption, match="NAME=VALUE"):
        parse_setting(text)


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("dead_deviations", [1e-3, 9], [0, -1, inf]),
        ("equalization_exponent", [0, 1], [-0.1, 1.1]),
        ("activation_share", [0, 1], [-0.1, 1.1]),
        ("absorption_deviations", [0, 6], [-1, inf]),
        ("range_deviations", [1e-3, 9], [0, -1, inf]),
        ("percentile", [50.1, 100], [50, 0, 100.1]),
        ("momentum", [0, 0.99], [1, -0.1]),
        ("tolerance", [1, 2], [0, 0.5, inf]),
    ],
)
def test_numbers_have_bounds(name: str, good: list[float], bad: list[float]) -> None:
    for value in good:
        assert getattr(Choices().changed({name: value}), name) == value
    for value in (*bad, nan):
        with pytest.raises(InvalidOption, match=rf"{name} \S+: it is out of bounds; choose"):
            Choices().changed({name: value})


def test_a_file_is_held_to_the_bounds(tmp_path: Path) -> None:
    path = tmp_path / "bad.toml"
    path.write_text('ranges = "kl"\ntolerance = nan\n')
    with pytest.raises(InvalidOption, match="tolerance nan: it is out of bounds"):
        load_choices(str(path))
