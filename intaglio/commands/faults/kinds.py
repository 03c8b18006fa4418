# SPDX-License-Identifier: Apache-2.0
"""Kinds of storage by the names that users give."""

import difflib
from collections.abc import Sequence

from intaglio.errors import InvalidOption
from intaglio.simulator.faults import Storage


def parse_storages(names: Sequence[str]) -> tuple[Storage, ...]:
    """Each kind once, in the order given; all of them where none is.

    Raises:
        InvalidOption: there is no such kind.
    """
    known = {each.value: each for each in Storage}
    for name in names:
        if name not in known:
            close = difflib.get_close_matches(name, known, 1)
            advice = f"give {close[0]}" if close else f"give one of {', '.join(known)}"
            raise InvalidOption("--storage", name, "there is no such kind of storage", advice)
    return tuple(known[name] for name in dict.fromkeys(names)) or tuple(Storage)
