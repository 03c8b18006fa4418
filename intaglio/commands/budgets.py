# SPDX-License-Identifier: Apache-2.0
"""Budgets from the command line: how large a network may be, or how much it may compute."""

import re

from intaglio.compiler.recipes.mixed_precision import Budget, OperationBudget, SizeBudget
from intaglio.errors import InvalidOption

_UNITS = {
    "": 1,
    "k": 1000,
    "M": 1000**2,
    "G": 1000**3,
    "T": 1000**4,
    "Ki": 1 << 10,
    "Mi": 1 << 20,
    "Gi": 1 << 30,
}


def parse_amount(option: str, text: str) -> int:
    """A number with a unit.

    >>> parse_amount("--size-budget", "300k"), parse_amount("--size-budget", "1.5Mi")
    (300000, 1572864)

    Raises:
        InvalidOption: the text has another form, or the number isn't positive.
    """
    match = re.fullmatch(r"(\d{1,15}(?:\.\d{1,6})?)(k|M|G|T|Ki|Mi|Gi)?", text.strip())
    amount = int(float(match[1]) * _UNITS[match[2] or ""]) if match else 0
    if amount < 1:
        raise InvalidOption(option, text, "it is no amount", "write 300k, 1.5M or 256Ki")
    return amount


_MEMORY_UNITS = {"": 1, "k": 1 << 10, "K": 1 << 10, "M": 1 << 20}


def parse_memory(option: str, text: str | None) -> int | None:
    """Bytes of a device; ``k`` and ``M`` are powers of 1024, as in data sheets.

    >>> parse_memory("--ram", "256k"), parse_memory("--flash", "1.5M"), parse_memory("--ram", None)
    (262144, 1572864, None)

    Raises:
        InvalidOption: the text has another form, or the number isn't positive.
    """
    if text is None:
        return None
    match = re.fullmatch(r"(\d{1,12}(?:\.\d{1,6})?)\s*([kKM]?)(?:i?B)?", text.strip())
    amount = int(float(match[1]) * _MEMORY_UNITS[match[2]]) if match else 0
    if amount < 1:
        raise InvalidOption(option, text, "it is no size", "write 65536, 256k or 1M")
    return amount


def parse_budget(size: str | None, operations: str | None) -> Budget | None:
    """The budget that is given, None if there is none.

    Raises:
        InvalidOption: both are given, or one can't be read.
    """
    if size is not None and operations is not None:
        raise InvalidOption(
            "--bit-operations", operations, "--size-budget is given too", "leave one of the two out"
        )
    if size is not None:
        return SizeBudget(parse_amount("--size-budget", size))
    if operations is not None:
        return OperationBudget(parse_amount("--bit-operations", operations))
    return None
