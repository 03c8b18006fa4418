# SPDX-License-Identifier: Apache-2.0
"""A text that a test expects, kept in a file beside the test."""

import difflib
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, eq=False)
class Golden:
    """Equals a string when the file holds that string; writes the file first when updating.

    The file ends with exactly one newline more than the text, so that editors leave it alone.
    """

    path: Path
    update: bool

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, str):
            return NotImplemented
        if self.update:
            self.path.parent.mkdir(exist_ok=True)
            self.path.write_text(other + "\n", encoding="utf-8", newline="\n")
        return self._read() == other + "\n"

    def __hash__(self) -> int:
        return hash(self.path)

    def explain(self, found: str) -> list[str]:
        """The lines pytest prints when ``found`` differs from the file."""
        expected = self._read()
        if expected is None:
            return [
                f"the text has no golden file {self.path}:",
                *found.splitlines(),
                "if this text is right: run the test with --update-golden and commit the file",
            ]
        return [
            f"the text differs from {self.path}:",
            *difflib.unified_diff(
                expected.splitlines(),
                (found + "\n").splitlines(),
                fromfile="golden",
                tofile="found",
                lineterm="",
            ),
            "if the new text is right: run the test with --update-golden and read the file's diff",
        ]

    def _read(self) -> str | None:
        return self.path.read_text(encoding="utf-8") if self.path.exists() else None
