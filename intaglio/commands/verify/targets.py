# SPDX-License-Identifier: Apache-2.0
"""The targets that are verified."""

from collections.abc import Sequence

from intaglio.errors import InvalidOption
from intaglio.simulator.emulated.boards import BOARDS, board_of

ALL = "all"


def parse_targets(names: Sequence[str]) -> tuple[str, ...]:
    """The targets that were asked for, each once; ``all`` stands for every one.

    >>> parse_targets(["cortex-m4", "cortex-m55", "cortex-m4"])
    ('cortex-m4', 'cortex-m55')

    Raises:
        InvalidOption: there is no such target, or it is several in one.
    """
    found: dict[str, None] = {}
    for name in names:
        if name == "host":
            advice = f"run `intaglio simulate` or `compare`, or choose {ALL}, {', '.join(BOARDS)}"
            raise InvalidOption("target", name, "the host is not emulated", advice)
        if name != ALL:
            board_of(name)
        found |= dict.fromkeys(BOARDS if name == ALL else (name,))
    return tuple(found)
