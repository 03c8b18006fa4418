# SPDX-License-Identifier: Apache-2.0
"""What ``docs/cli.md`` says works."""

import re
import shlex
from pathlib import Path

import pytest

from intaglio.cli.app import VERBS
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
