# SPDX-License-Identifier: Apache-2.0
"""Integers of any width as words that machines and files have."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from intaglio.commands.export.tensors import ExportedTensor

WORD_BITS = 64
_WORD_MASK = (1 << WORD_BITS) - 1


def plain_array(tensor: ExportedTensor) -> NDArray[Any]:
    """The array as it is, or beyond 64 bits in two's complement as uint64 words ``[…, words]``.

    The least significant word comes first.
    """
    if tensor.element.bits <= WORD_BITS:
        return tensor.array
    count = tensor.element.bits // WORD_BITS
    words = [
        (int(value) >> (WORD_BITS * word)) & _WORD_MASK
        for value in tensor.array.ravel()
        for word in range(count)
    ]
    return np.array(words, np.uint64).reshape(*tensor.array.shape, count)
