# SPDX-License-Identifier: Apache-2.0
"""The one family of errors a user can meet.

Every message is a sentence that says where (file, node, value), what was found, what was expected,
and what to do.  The command line prints the message alone and exits with ``exit_code``.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar


class IntaglioError(Exception):
    """The user's input or request can't be served; the message says why and what to do."""

    exit_code: ClassVar[int] = 2

    def __reduce__(self) -> tuple[object, ...]:
        """Travel between processes by the message: constructors take its parts."""
        return _restore, (type(self), self.args, self.__dict__)


def _restore(
    kind: type[IntaglioError], args: tuple[object, ...], state: dict[str, object]
) -> IntaglioError:
    error = kind.__new__(kind, *args)
    error.__dict__.update(state)
    return error


class InvalidFile(IntaglioError):
    """A file can't be read as what it should be."""

    def __init__(self, path: Path | str, found: str, advice: str) -> None:
        """Say that ``path`` is unusable because of ``found``, and advise."""
        super().__init__(f"{path}: {found}; {advice}.")


class InvalidOption(IntaglioError):
    """An option or argument has a value that can't be used."""

    def __init__(self, option: str, value: object, found: str, advice: str) -> None:
        """Say that ``option`` was given ``value``, what is wrong with it, and advise."""
        self.option = option
        self.found = found
        self.advice = advice
        super().__init__(f"{option} {value}: {found}; {advice}.")


class NarrowRegister(InvalidOption):
    """A field of a hardware file is too small, or too large, for what a network needs."""

    def __init__(self, option: str, value: int, found: str, needed: int, advice: str = "") -> None:
        """Say that ``option`` is ``value`` where ``needed`` is the nearest that serves."""
        self.value = value
        self.needed = needed
        super().__init__(option, value, found, f"give {needed}{advice}")


class InvalidData(IntaglioError):
    """Images, arrays or labels don't fit what is asked of them."""

    def __init__(self, source: str, found: str, expected: str, advice: str) -> None:
        """Say what was found in ``source`` where ``expected`` was needed, and advise."""
        super().__init__(f"{source}: found {found}, expected {expected}; {advice}.")


class AccumulatorTrapped(IntaglioError):
    """A sum left the type of an accumulator whose profile ends the run on overflow."""

    def __init__(self, node: str, found: str) -> None:
        """Say in which node, and which sum it was."""
        super().__init__(
            f"{node}: its accumulator trapped on {found}; widen it, or choose wrap or saturate."
        )


class InvalidGraph(IntaglioError):
    """A graph breaks rules of the integer IR."""

    def __init__(self, graph: str, violations: Sequence[str]) -> None:
        """List every violation, a line each."""
        self.violations = tuple(violations)
        lines = "".join(f"\n  {violation}" for violation in violations)
        super().__init__(f"graph {graph} breaks {len(violations)} rule(s) of the IR:{lines}")


class InvalidText(IntaglioError):
    """The text form of a graph can't be parsed."""

    def __init__(self, line_number: int, line: str, found: str, expected: str) -> None:
        """Point at the line, say what was found and what was expected."""
        super().__init__(f"line {line_number}: found {found}, expected {expected}:\n  {line}")


class InvalidProfile(IntaglioError):
    """A profile file doesn't follow the schema."""

    def __init__(self, profile: str, place: str, found: str, expected: str) -> None:
        """Say where in ``profile`` something was found that isn't what the schema expects."""
        super().__init__(f"profile {profile}, {place}: found {found}, expected {expected}.")


class UnsupportedModel(IntaglioError):
    """The model has parts we can't take; every one is named at once, before any work."""

    def __init__(self, model: str, problems: Sequence[str], advice: str) -> None:
        """List every offending node (name, op, reason), then advise."""
        self.problems = tuple(problems)
        lines = "".join(f"\n  {problem}" for problem in problems)
        super().__init__(f"{model} has {len(problems)} unsupported part(s):{lines}\n{advice}.")


class ExceedsBudget(IntaglioError):
    """A network needs more memory than it may take."""

    def __init__(self, model: str, problems: Sequence[str], advice: Sequence[str]) -> None:
        """Say by which layer and by how much, and what would fit."""
        self.problems = tuple(problems)
        lines = "".join(f"\n  {problem}" for problem in problems)
        fits = "".join(f"\n  - {each}" for each in advice)
        super().__init__(f"{model} doesn't fit:{lines}\nWhat would fit:{fits}")


class MissingPeer(IntaglioError):
    """A foreign runtime's environment hasn't been made."""

    def __init__(self, environment: str) -> None:
        """Say which environment is missing and what makes it."""
        super().__init__(
            f"the environment of {environment} is missing; "
            f"make it with `intaglio compare --setup {environment}`."
        )


class PeerFailed(IntaglioError):
    """A foreign runtime, or what sets it up, didn't do what it was asked."""

    def __init__(self, peer: str, found: str, advice: str) -> None:
        """Say which peer it was and what it did, and advise."""
        super().__init__(f"{peer}: {found}; {advice}.")


class MissingTool(IntaglioError):
    """A program that a command runs isn't installed."""

    def __init__(self, tool: str, advice: str) -> None:
        """Say which program is missing, and advise."""
        super().__init__(f"{tool} is not installed; {advice}.")


class EmulationFailed(IntaglioError):
    """A program for another processor could not be built, or ended with an error under QEMU."""

    def __init__(self, target: str, found: str, advice: str) -> None:
        """Say for which target, what happened, and advise."""
        super().__init__(f"{target}: {found}; {advice}.")
