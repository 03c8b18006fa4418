# SPDX-License-Identifier: Apache-2.0
"""The text form's tokens, taken one by one; a place in the text for every error."""

import json
import re
from collections.abc import Iterator
from typing import Never

from intaglio.errors import InvalidText

LONGEST_TEXT = 1 << 26
LONGEST_NUMBER = 1000

_TOKEN = re.compile(
    r"""
    (?P<skip> (?: \s | \#[^\n]* | //[^\n]* )+ )
  | (?P<value> %[A-Za-z0-9_.]+ )
  | (?P<number> [+-]? (?: [0-9]+ (?:\.[0-9]*)? | \.[0-9]+ ) (?:[eE][+-]?[0-9]+)? )
  | (?P<hash> sha256:[0-9a-f]{64}(?![0-9A-Za-z]) )
  | (?P<word> [A-Za-z_][A-Za-z0-9_-]* )
  | (?P<string> "(?:[^"\\\n]|\\[^\n])*" )
  | (?P<mark> [:=(){}\[\],*] )
  | (?P<other> . )
    """,
    re.VERBOSE,
)
_INTEGER = re.compile(r"[+-]?[0-9]+")
_SHOWN = 60


class Tokens:
    """A text's tokens with one of lookahead: ``kind`` and ``text`` are the current token's."""

    def __init__(self, text: str) -> None:
        """Stand on the first token.

        Raises:
            InvalidText: the text is longer than any graph needs.
        """
        self._all = text
        self.kind = "start"
        self.text = ""
        self._position = 0
        if len(text) > LONGEST_TEXT:
            found = f"a text of {len(text)} characters"
            raise InvalidText(1, "", found, f"at most {LONGEST_TEXT}")
        self._matches = self._scan()
        self.advance()

    def _scan(self) -> Iterator[re.Match[str]]:
        return (match for match in _TOKEN.finditer(self._all) if match.lastgroup != "skip")

    def advance(self) -> str:
        """Take the current token and stand on the next; the end has the kind ``end``."""
        taken = self.text
        match = next(self._matches, None)
        if match is None:
            self.kind, self.text, self._position = "end", "", len(self._all)
        else:
            self.kind, self.text, self._position = match.lastgroup or "", match[0], match.start()
        return taken

    def at(self, text: str) -> bool:
        """Whether the current token is this mark or word."""
        return self.text == text

    def skip(self, text: str) -> bool:
        """Take the current token if it is this mark or word."""
        if self.text != text or self.kind == "end":
            return False
        self.advance()
        return True

    def take(self, text: str) -> None:
        """Take this mark or word.

        Raises:
            InvalidText: another token stands here.
        """
        if not self.skip(text):
            self.fail(text)

    def take_kind(self, kind: str, expected: str) -> str:
        """Take a token of a kind.

        Raises:
            InvalidText: a token of another kind stands here.
        """
        if self.kind != kind:
            self.fail(expected)
        return self.advance()

    def take_integer(self, expected: str = "an integer") -> int:
        """Take an integer of at most ``LONGEST_NUMBER`` digits."""
        text = self.text
        if self.kind != "number" or not _INTEGER.fullmatch(text) or len(text) > LONGEST_NUMBER:
            self.fail(expected)
        self.advance()
        return int(text)

    def take_string(self, expected: str) -> str:
        """Take a JSON string."""
        if self.kind != "string":
            self.fail(expected)
        try:
            value = json.loads(self.text)
        except ValueError:
            self.fail("a string with the escapes of JSON")
        self.advance()
        return str(value)

    @property
    def position(self) -> int:
        """Where the current token starts, for ``fail``."""
        return self._position

    def fail(self, expected: str, found: str = "", position: int | None = None) -> Never:
        """Refuse the current token, or what was found at an earlier position, showing the line.

        Raises:
            InvalidText: always.
        """
        place = self._position if position is None else position
        start = self._all.rfind("\n", 0, place) + 1
        end = self._all.find("\n", place)
        line = self._all[start : len(self._all) if end < 0 else end]
        number = self._all.count("\n", 0, place) + 1
        raise InvalidText(number, _clip(line, place - start), found or self._name(), expected)

    def _name(self) -> str:
        if self.kind == "end":
            return "the end of the text"
        return f"{self.text[:_SHOWN]!r}" + ("…" if len(self.text) > _SHOWN else "")


def _clip(line: str, column: int) -> str:
    """The part of a long line around a column."""
    first, last = max(0, column - _SHOWN), column + _SHOWN
    return ("…" if first else "") + line[first:last] + ("…" if last < len(line) else "")
