# SPDX-License-Identifier: Apache-2.0
"""Machine words and what they hold exactly: the ground on which every fast path stands."""

from typing import Any

import numpy as np
import numpy.typing as npt

from intaglio.errors import InvalidData
from intaglio.numerics.integers import IntType
from intaglio.numerics.intervals import Interval

Array = npt.NDArray[Any]
Word = np.dtype[Any]

FLOAT32: Word = np.dtype(np.float32)
FLOAT64: Word = np.dtype(np.float64)
INT64: Word = np.dtype(np.int64)
OBJECT: Word = np.dtype(object)
WORDS = (FLOAT32, FLOAT64, INT64, OBJECT)
"""The fastest first.  ``OBJECT`` arrays hold Python ints, which never overflow."""

_LIMITS = {FLOAT32: 1 << 24, FLOAT64: 1 << 53, INT64: 1 << 63}

_INT64_TYPE = IntType(64, signed=True)
_INTEGER_TYPES = [np.dtype(kind) for kind in ("u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8")]


def exact_word(magnitude: int, modular: bool = False) -> Word:
    """The fastest word in which sums are exact while every ``|partial sum| <= magnitude``.

    Args:
        magnitude: the bound.
        modular: whether sums need be right modulo 2**64 alone, as for an accumulator that wraps.
    """
    for word, limit in _LIMITS.items():
        if magnitude < limit or (modular and word == INT64):
            return word
    return OBJECT


def integer_word(interval: Interval) -> Word:
    """The smallest integer dtype that holds an interval; ``OBJECT`` where none does."""
    for word in _INTEGER_TYPES:
        held = np.iinfo(word)
        if int(held.min) <= interval.low and interval.high <= int(held.max):
            return word
    return OBJECT


def exact_integers(array: Array, type: IntType) -> Array:
    """Integers as int64 where sums of them stay far from overflow, else Python ints."""
    return array.astype(INT64 if type.bits <= 24 else OBJECT)


def in_word(values: Array, word: Word) -> Array:
    """A copy of integers, held in any word, in another; int64 keeps them modulo 2**64."""
    if values.dtype == OBJECT:
        return _INT64_TYPE.wrap_array(values) if word == INT64 else values.astype(word)
    if word == OBJECT and values.dtype.kind == "f":
        # Through integers: an array of Python floats would not be exact in what follows.
        return values.astype(INT64).astype(OBJECT)
    return values.astype(word)


def centred(x: Array, offset: int, word: Word) -> Array:
    """``x - offset`` in ``word``, which holds x, ``offset`` and the difference exactly."""
    values = in_word(x, word)
    if offset:
        values -= in_word(np.array(offset, dtype=OBJECT), word)
    return values


def store(name: str, values: Array, interval: Interval, type: IntType) -> Array:
    """Results as the value ``name`` of ``type``, given the interval in which they lie.

    Raises:
        InvalidData: a result lies outside the type (the graph breaks the rules of the IR).
    """
    if not type.interval.contains(interval) and values.size:
        for value in (int(values.min()), int(values.max())):
            if not type.contains(value):
                raise InvalidData(
                    f"value {name}",
                    f"the result {value}",
                    f"{type.minimum}..{type.maximum} ({type})",
                    "verify the graph: its types must contain what its ops compute",
                )
    return values.astype(type.dtype, copy=False)
