# SPDX-License-Identifier: Apache-2.0
"""Requantizers on whole arrays, equal to their ``apply`` on every element."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from intaglio.errors import InvalidData
from intaglio.numerics.integers import IntegerArray, IntType
from intaglio.numerics.intervals import Interval
from intaglio.numerics.requantizers import Requantizer
from intaglio.numerics.scalings import Scaling
from intaglio.numerics.vectorized.exact import apply_exactly, to_int64


@dataclass(frozen=True)
class PreparedRequantizers:
    """Requantizers with their parameters laid out for whole arrays: one, or one a channel."""

    requantizers: tuple[Requantizer, ...]

    def apply(
        self,
        x: IntegerArray,
        out_type: IntType | None = None,
        interval: Interval | None = None,
    ) -> IntegerArray:
        """Requantize ``x``, channel last; the result has ``out_type.dtype``, int64 if ``None``.

        ``interval`` promises where all of ``x`` lies; without it the array is looked at.
        """
        _require_channels(len(self.requantizers), x)
        columns = [(r.zero_point, r.low, r.high) for r in self.requantizers]
        scaled = apply_exactly([r.scaling for r in self.requantizers], x)
        zero_points, lows, highs = np.array(columns, dtype=object).T
        codes: NDArray[np.object_] = np.minimum(np.maximum(scaled + zero_points, lows), highs)
        return to_int64(codes) if out_type is None else codes.astype(out_type.dtype)


def prepare(requantizers: Sequence[Requantizer]) -> PreparedRequantizers:
    """Lay the parameters out once, for many arrays."""
    return PreparedRequantizers(tuple(requantizers))


def apply_requantizers(
    requantizers: Sequence[Requantizer],
    x: IntegerArray,
    out_type: IntType | None = None,
    interval: Interval | None = None,
) -> IntegerArray:
    """Scale, add the zero point and clamp; ``x`` has the channel last where there are several."""
    return prepare(requantizers).apply(x, out_type, interval)


def apply_scalings(
    scalings: Sequence[Scaling], x: IntegerArray, interval: Interval | None = None
) -> NDArray[np.int64]:
    """Scale every element; ``x`` has the channel last where there are several scalings."""
    _require_channels(len(scalings), x)
    return to_int64(apply_exactly(scalings, x))


def _require_channels(count: int, x: IntegerArray) -> None:
    if count == 1 or (count > 1 and x.ndim > 0 and x.shape[-1] == count):
        return
    raise InvalidData(
        "requantization",
        f"{count} requantizers for an array of shape {x.shape}",
        "one requantizer, or one for each entry of the last axis",
        "give one for each channel",
    )
