# SPDX-License-Identifier: Apache-2.0
import io

import pytest
from rich.console import Console

from intaglio.commands.progress import progress, track


def terminal(stream: io.StringIO) -> Console:
    return Console(file=stream, force_terminal=True, width=80)


def test_a_bar_shows_label_and_count_on_a_terminal() -> None:
    stream = io.StringIO()
    assert list(track("abc", 3, "Loading [x]", console=terminal(stream))) == ["a", "b", "c"]
    assert "Loading [x]" in stream.getvalue()
    assert "3/3" in stream.getvalue()


def test_a_report_moves_the_bar() -> None:
    stream = io.StringIO()
    with progress("Work", console=terminal(stream)) as report:
        report(2, 7)
    assert "2/7" in stream.getvalue()


def test_nothing_is_written_when_quiet_or_without_a_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    stream = io.StringIO()
    assert list(track("abc", None, "Work", quiet=True, console=terminal(stream))) == list("abc")
    assert list(track("abc", 3, "Work", console=Console(file=stream))) == list("abc")
    assert list(track("abc", 3, "Work")) == list("abc")
    assert stream.getvalue() == ""
    assert capsys.readouterr() == ("", "")
