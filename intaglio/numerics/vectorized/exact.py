# SPDX-License-Identifier: Apache-2.0
"""The slow path: every element through the definition, on Python ints."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from intaglio.errors import InvalidData
from intaglio.numerics.integers import IntegerArray, IntType
from intaglio.numerics.scalings import Scaling

INT64 = IntType(64, signed=True)


def apply_exactly(scalings: Sequence[Scaling], values: IntegerArray) -> NDArray[np.object_]:
    """Scale each element by the definition; Python ints in the shape of ``values``.

    ``values`` has the channel last; ``scalings`` has one entry or one a channel.
    """
    result = np.empty(values.size, dtype=object)
    count = len(scalings)
    for index, value in enumerate(values.ravel().tolist()):
        result[index] = scalings[index % count].apply(value)
    return result.reshape(values.shape)


def to_int64(values: NDArray[np.object_]) -> NDArray[np.int64]:
    """Python ints as int64.

    Raises:
        InvalidData: a value doesn't fit.
    """
    for value in values.ravel().tolist():
        if not INT64.contains(value):
            raise InvalidData(
                "scaled accumulators", str(value), "values of at most 64 bits", "clamp them"
            )
    return values.astype(np.int64)
