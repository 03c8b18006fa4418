# SPDX-License-Identifier: Apache-2.0
"""Assembly text as LLVM writes it, cut into functions and instructions."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass


class Unknown(Exception):
    """The stack pointer moves in a way that isn't known."""


@dataclass(frozen=True, slots=True)
class Line:
    """An instruction; operands are cut at the commas outside of brackets."""

    mnemonic: str
    operands: tuple[str, ...]


_FUNCTION = re.compile(r"\s*\.type\s+([\w.$]+),\s*[@%]function")
_LABEL = re.compile(r"([\w.$]+):")
_WORD = re.compile(r"\s*\.long\s+(-?(?:0x[0-9a-fA-F]+|\d+))\b")
_SECTION = re.compile(r"\s*\.(?:section|size)\b")
_COMMENT = re.compile(r"(?:\s@|//|#\s|#$|##).*$")


def functions_of(text: str) -> tuple[Mapping[str, list[Line]], Mapping[str, int]]:
    """The instructions of each function, and the words that stand at labels."""
    functions = {found[1] for found in map(_FUNCTION.match, text.splitlines()) if found}
    bodies: dict[str, list[Line]] = {}
    words: dict[str, int] = {}
    body: list[Line] | None = None
    label = ""
    for line in text.splitlines():
        if found := _LABEL.match(line):
            label = found[1]
            if label in functions:
                body = bodies.setdefault(label, [])
        elif found := _WORD.match(line):
            words.setdefault(label, int(found[1], 0))
        elif _SECTION.match(line):
            body = None
        elif body is not None:
            body += _instruction(line)
    return bodies, words


def _instruction(line: str) -> Iterator[Line]:
    plain = _COMMENT.sub("", line).strip()
    if plain and not plain.startswith("."):
        mnemonic, _, rest = plain.partition("\t")
        yield Line(mnemonic, tuple(_operands(rest)))


def _operands(text: str) -> Iterator[str]:
    """Cut at commas, but not within brackets."""
    depth, held = 0, ""
    for letter in text:
        depth += (letter in "[{(") - (letter in "]})")
        if letter == "," and depth == 0:
            yield held.strip()
            held = ""
        else:
            held += letter
    if held.strip():
        yield held.strip()
