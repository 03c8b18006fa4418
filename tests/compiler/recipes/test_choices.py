# SPDX-License-Identifier: Apache-2.0
from dataclasses import fields
from math import inf, nan

import pytest

from intaglio.compiler.real.quantization.options import QuantizationOptions
from intaglio.compiler.recipes import Choices, load_choices, preset_names
from intaglio.compiler.synthesis.options import SynthesisOptions
from intaglio.errors import InvalidOption


def test_the_data_free_recipe_needs_no_data_and_the_others_do() -> None:
    needed = {name: bool(load_choices(name).needs_data) for name in preset_names()}
    assert {name for name, needs in needed.items() if not needs} == {"dfq"}


def test_weights_are_equalized_where_they_share_a_scale() -> None:
    choices = load_choices("dfq")
    assert not choices.equalizes
    assert choices.changed({"per_channel": False}).equalizes
    assert choices.changed({"equalization": "always"}).equalizes
    assert not choices.changed({"per_channel": False, "equalization": "none"}).equalizes


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


def test_names_of_synthetic_data_are_set_beside_the_others() -> None:
    changed = Choices().changed({"synthesis": "noise", "iterations": 7, "weight_bits": 4})
    assert (changed.synthetic.synthesis, changed.synthetic.iterations) == ("noise", 7)
    assert changed.codes.weight_bits == 4
    assert changed.synthesizes
    assert not Choices().synthesizes
    with pytest.raises(InvalidOption, match="choose batch-norm"):
        Choices().changed({"synthesis": "batchnorm"})
    with pytest.raises(InvalidOption, match="iterations -1: it is out of bounds"):
        Choices().changed({"iterations": -1})


def test_no_name_stands_for_two_choices() -> None:
    owners = (Choices, QuantizationOptions, SynthesisOptions)
    names = [field.name for owner in owners for field in fields(owner)]
    assert len(names) == len(set(names))
