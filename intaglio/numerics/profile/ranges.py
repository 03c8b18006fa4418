# SPDX-License-Identifier: Apache-2.0
"""What numbers of a profile may be: beyond these no machine is meant."""

from intaglio.errors import InvalidOption


def require_within(name: str, value: int, low: int, high: int) -> None:
    """Refuse a number outside ``low..high``.

    Raises:
        InvalidOption: the number lies outside.
    """
    if not low <= value <= high:
        nearest = min(max(value, low), high)
        raise InvalidOption(
            name, value, f"is not within {low}..{high}", f"the nearest is {nearest}"
        )
