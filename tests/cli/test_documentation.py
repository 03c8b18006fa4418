# SPDX-License-Identifier: Apache-2.0
"""What ``docs/cli.md`` says works."""

import re
import shlex
from dataclasses import fields
from pathlib import Path
from typing import get_args, get_type_hints

import pytest

from intaglio.cli.app import VERBS
from intaglio.compiler.recipes import preset_names
from intaglio.compiler.synthesis.options import SynthesisOptions
from tests.cli.running import ROOT, done

TEXT = (ROOT / "docs" / "cli.md").read_text()


def test_the_commands_run_one_after_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    monkeypatch.chdir(tmp_path)
    (block,) = re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL)
    commands = [shlex.split(line) for line in block.splitlines()]
    assert len(commands) >= 8
    for program, *arguments in commands:
        assert program == "intaglio"
        assert done(*arguments)


def test_every_verb_is_described_and_every_option_exists() -> None:
    options = {"--help"}
    for verb in VERBS:
        name = verb.run.__name__
        assert f"| `{name}` |" in TEXT
        options |= set(re.findall(r"--[a-z-]+", done(name, "--help")))
    assert set(re.findall(r"--[a-z][a-z-]+", TEXT)) <= options


def test_every_choice_of_synthetic_data_is_described() -> None:
    text = (ROOT / "docs" / "synthetic-data.md").read_text()
    table = text[text.index("## Choices") : text.index("## Inputs")]
    for field in fields(SynthesisOptions):
        assert f"`{field.name}`" in table
        for word in get_args(get_type_hints(SynthesisOptions)[field.name]):
            assert f"`{word}`" in table, field.name


def test_every_recipe_is_described() -> None:
    text = (ROOT / "docs" / "recipes.md").read_text()
    for name in preset_names():
        assert re.search(rf"^\| .*`{name}`", text, re.MULTILINE), name
