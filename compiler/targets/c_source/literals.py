# SPDX-License-Identifier: Apache-2.0
"""Types and constants as C99 writes them."""

from math import isfinite

_BITS = {"float32": "float", "float64": "double", "bool": "int", "int128": "wide"}
WIDE = "int128"


def c_type(dtype: str) -> str:
    """The C type of a scalar; ``int128`` is a structure of two words."""
    return _BITS.get(dtype, f"{dtype}_t")


def integer(value: int, dtype: str) -> str:
    """An integer constant, of its type or of one that converts to it without a change."""
    if dtype == WIDE:
        return f"wide_of({integer(value, 'int64')})"
    if dtype == "int64":
        if value == -(1 << 63):
            return f"(-INT64_C({-(value + 1)}) - 1)"
        return f"INT64_C({value})" if value >= 0 else f"(-INT64_C({-value}))"
    if dtype == "uint64":
        return f"UINT64_C({value})"
    if dtype == "uint32":
        return f"UINT32_C({value})"
    if value == -(1 << 31):
        return f"(-{-(value + 1)} - 1)"
    return str(value) if value >= 0 else f"({value})"


def floating(value: float, dtype: str) -> str:
    """A finite float constant, to the last bit.

    Raises:
        ValueError: it isn't finite, which no constant of a graph is.
    """
    if not isfinite(value):
        raise ValueError(f"{value} has no constant in C")
    text = value.hex() + ("f" if dtype == "float32" else "")
    return f"({text})" if text.startswith("-") else text
