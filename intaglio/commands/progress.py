# SPDX-License-Identifier: Apache-2.0
"""Progress on long work: a bar on the terminal, and nothing anywhere else."""

from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

Report = Callable[[int, int | None], None]
"""Called with how much is done and, where it is known, how much there is."""

StepReport = Callable[[str, int, int | None], None]
"""Called with the name of a step, how much of it is done, and how much there is if known."""

_Item = TypeVar("_Item")


@contextmanager
def progress(
    label: str, *, quiet: bool = False, console: Console | None = None
) -> Generator[Report, None, None]:
    """Show a bar on standard error for as long as the block runs; the report given moves it.

    Nothing is written when ``quiet``, or when standard error is no terminal.
    """
    with steps(quiet=quiet, console=console) as report:
        yield lambda done, total: report(label, done, total)


@contextmanager
def steps(
    *, quiet: bool = False, console: Console | None = None
) -> Generator[StepReport, None, None]:
    """Show a bar, as ``progress`` does, whose label is the step that the report names."""
    console = console or Console(stderr=True)
    if quiet or not console.is_terminal:
        yield _ignore
        return
    bar = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
    )
    with bar:
        task = bar.add_task("", total=None)
        yield lambda label, done, total: bar.update(
            task, description=label, completed=done, total=total
        )


def track(
    items: Iterable[_Item],
    total: int | None,
    label: str,
    *,
    quiet: bool = False,
    console: Console | None = None,
) -> Generator[_Item, None, None]:
    """Yield the items, with a bar that counts those the caller has finished."""
    with progress(label, quiet=quiet, console=console) as report:
        report(0, total)
        for done, item in enumerate(items, 1):
            yield item
            report(done, total)


@contextmanager
def working(
    *, quiet: bool = False, console: Console | None = None
) -> Generator[Callable[[str], None], None, None]:
    """Show a spinner with the sentence last given, for work that can't be counted."""
    console = console or Console(stderr=True)
    if quiet or not console.is_terminal:
        yield _say_nothing
        return
    with console.status("") as status:
        yield lambda sentence: status.update(Text(sentence))


def _say_nothing(sentence: str) -> None:
    pass


def _ignore(label: str, done: int, total: int | None) -> None:
    pass
