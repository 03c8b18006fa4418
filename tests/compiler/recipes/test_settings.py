# SPDX-License-Identifier: Apache-2.0
import pytest

from intaglio.compiler.recipes import Choices
from intaglio.compiler.recipes.settings import parse_setting
from intaglio.errors import InvalidOption


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


def test_numbers_that_nothing_holds_are_refused() -> None:
    for text in ("tolerance=1" + "0" * 400, "seed=" + "9" * 5000, "seed=" + "[" * 50_000):
        with pytest.raises(InvalidOption, match=r"out of bounds|another kind"):
            Choices().changed(dict([parse_setting(text)]))
    with pytest.raises(InvalidOption, match=r"choose 1 to 1,000,000"):
        Choices().changed({"synthetic_samples": 10**18})


@pytest.mark.parametrize("text", ["ranges", "=kl", "ranges="])
def test_a_setting_without_name_or_value_is_refused(text: str) -> None:
    with pytest.raises(InvalidOption, match="NAME=VALUE"):
        parse_setting(text)
