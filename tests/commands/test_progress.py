# SPDX-License-Identifier: Apache-2.0
import io

import pytest
from rich.console import Console

from intaglio.commands.progress import progress, steps, track


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


def test_what_is_said_of_a_step_changes_on_the_same_bar() -> None:
    stream = io.StringIO()
    with steps(console=terminal(stream)) as report:
        for done in range(1, 501):
            report(f"synthesis, loss {1000 / done:.1f} [x]", done, 500)
    last = stream.getvalue().split("synthesis, loss")[-1]
    assert last.startswith(" 2.0 [x]")
    assert "500/500" in last
    # A second bar would be a second line.
    assert stream.getvalue().count("\n") <= 1


def test_nothing_is_written_when_quiet_or_without_a_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    stream = io.StringIO()
    assert list(track("abc", None, "Work", quiet=True, console=terminal(stream))) == list("abc")
    assert list(track("abc", 3, "Work", console=Console(file=stream))) == list("abc")
    assert list(track("abc", 3, "Work")) == list("abc")
    assert stream.getvalue() == ""
    assert capsys.readouterr() == ("", "")
