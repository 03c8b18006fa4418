# SPDX-License-Identifier: Apache-2.0
"""Helium without a unit for floats: which functions LLVM is told so of.

LLVM 22 crashes where it makes machine code of some vectors of int64, with Helium and soft floats at
once.  A function that computes no floats comes to the same code without being told of soft ones.
"""

import re

_FEATURES = re.compile(
    r'^attributes #(\d+) = \{.*"[^"]*\+mve,\+soft-float,[^"]*".*\}$', re.MULTILINE
)
_FUNCTION = re.compile(r"^define [^\n]*\n(?:[^}\n][^\n]*\n|\n)*\}$", re.MULTILINE)
_FLOAT = re.compile(r"\b(?:float|double)\b")
_OWN = 10000
"""Beyond the number of any group of attributes."""


def only_where_floats_are(text: str) -> str:
    """LLVM text with soft floats for Helium in those functions alone that compute floats."""
    groups = {found[1]: found[0] for found in _FEATURES.finditer(text)}
    if not groups:
        return text

    def moved(found: re.Match[str]) -> str:
        function = found[0]
        if _FLOAT.search(function):
            return function
        header, body = function.split("\n", 1)
        return re.sub(r" #(\d+)(?=[ {])", _moved_group, header) + "\n" + body

    def _moved_group(found: re.Match[str]) -> str:
        return f" #{_OWN + int(found[1])}" if found[1] in groups else found[0]

    own = [
        group.replace(f"attributes #{number} ", f"attributes #{_OWN + int(number)} ").replace(
            "+soft-float,", ""
        )
        for number, group in groups.items()
    ]
    return "\n".join([_FUNCTION.sub(moved, text), *own, ""])
