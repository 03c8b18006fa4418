# SPDX-License-Identifier: Apache-2.0
from pathlib import Path

import pytest

from intaglio.compiler.real.quantization.layer_overrides import LayerOverride
from intaglio.compiler.recipes import Choices, load_choices, preset_names
from intaglio.compiler.recipes.recipe_files import data_making_presets
from intaglio.errors import InvalidOption


def test_the_presets_are_found_by_name() -> None:
    making = ("dsg", "gzsq", "leaves", "noise", "zeroq")
    assert preset_names() == tuple(sorted(("dfq", "guideline", "minmax", *making)))
    for name in preset_names():
        assert load_choices(name).about
    assert load_choices("minmax").changed({"about": ""}) == Choices()


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
        ('ranges = "sigmas"', "choose sigma"),
        ("dead_channels = 1", "give true or false"),
        ("[codes]\nweight_bits = 99", "weight bits"),
        ("[codes]\noverrides = 3", "overrides"),
        ("codes = 3", "codes is no table"),
        ("synthetic = 3", "synthetic is no table"),
        ("[synthetic]\nsynthesis = 3", "synthesis 3"),
        ('[layers."a"]\nweight_bit = 3', "weight_bit"),
        ("ranges =", "can't be read"),
        ("seed = " + "9" * 5000, "can't be read"),
        ("seed = " + "[" * 50_000, "can't be read"),
    ],
)
def test_a_file_that_is_no_recipe_is_refused(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "bad.toml"
    path.write_text(text)
    with pytest.raises(InvalidOption, match=said):
        load_choices(str(path))


def test_an_unknown_recipe_is_refused_with_the_nearest() -> None:
    with pytest.raises(InvalidOption, match="choose minmax"):
        load_choices("minmx")
    with pytest.raises(InvalidOption, match=r"choose dfq, dsg, guideline, .*, zeroq or give"):
        load_choices("zzz")


def test_a_file_is_held_to_the_bounds(tmp_path: Path) -> None:
    path = tmp_path / "bad.toml"
    path.write_text('ranges = "kl"\ntolerance = nan\n')
    with pytest.raises(InvalidOption, match="tolerance nan: it is out of bounds"):
        load_choices(str(path))


def test_the_presets_that_make_data_need_some() -> None:
    assert data_making_presets() == ("dsg", "gzsq", "leaves", "noise", "zeroq")
    assert all(load_choices(name).needs_data for name in data_making_presets())


def test_a_file_says_how_data_is_made(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('ranges = "mse"\n[synthetic]\nsynthesis = "noise"\nlearning_rate = 1\n')
    choices = load_choices(str(path))
    assert (choices.synthetic.synthesis, choices.synthetic.learning_rate) == ("noise", 1.0)
