# SPDX-License-Identifier: Apache-2.0
"""Between arrays, which carry values from op to op, and Python numbers, which ops compute with."""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import numpy as np

from intaglio.compiler.ir.graph import Array
from intaglio.compiler.ir.types import TensorType
from intaglio.errors import InvalidData
from intaglio.numerics.float32 import BINARY32, Float32

ElementT = TypeVar("ElementT")
ResultT = TypeVar("ResultT")


def integers(array: Array) -> list[int]:
    """All elements in row-major order, as Python ints."""
    values: list[int] = array.ravel().tolist()
    return values


def rows(array: Array) -> list[list[int]]:
    """The rows of a matrix."""
    values: list[list[int]] = array.tolist()
    return values


def planes(array: Array) -> list[list[list[list[int]]]]:
    """A tensor of four axes as nested lists, ``planes(x)[n][i][j][c]``."""
    values: list[list[list[list[int]]]] = array.tolist()
    return values


def bit_patterns(array: Array) -> list[int]:
    """The binary32 bits of all elements in row-major order."""
    return integers(np.ascontiguousarray(array, dtype=np.float32).view(np.uint32))


def floats(name: str, array: Array) -> list[Float32]:
    """All elements of a float32 array in row-major order.

    Raises:
        InvalidData: an element is infinite or NaN.
    """
    patterns = bit_patterns(array)
    for bits in patterns:
        if bits & BINARY32.infinity == BINARY32.infinity:
            raise InvalidData(
                f"value {name}", "an infinity or NaN in the float tail", "numbers", "clean the data"
            )
    return [Float32(bits) for bits in patterns]


def pack(name: str, values: Sequence[int], type: TensorType) -> Array:
    """The array of a value of integer ``type`` from its elements in row-major order.

    Raises:
        InvalidData: an element lies outside the type (the graph breaks the rules of the IR).
    """
    element = type.integer
    for value in (min(values), max(values)) if values else ():
        if not element.contains(value):
            raise InvalidData(
                f"value {name}",
                f"the result {value}",
                f"{element.minimum}..{element.maximum} ({element})",
                "verify the graph: its types must contain what its ops compute",
            )
    return np.array(values, dtype=element.dtype).reshape(type.shape)


def pack_floats(values: Sequence[Float32], type: TensorType) -> Array:
    """The float32 array of a value from its elements in row-major order."""
    patterns = np.array([value.bits for value in values], dtype=np.uint32)
    return patterns.view(np.float32).reshape(type.shape)


def broadcast(left: Array, right: Array) -> Iterator[tuple[int, int]]:
    """The pairs of elements of two integer arrays after NumPy broadcasting, in row-major order."""
    first, second = np.broadcast_arrays(left, right)
    return zip(integers(first), integers(second), strict=True)


def along_axis(
    values: Sequence[ElementT],
    shape: tuple[int, ...],
    axis: int,
    function: Callable[[list[ElementT]], list[ResultT]],
) -> list[ResultT]:
    """Apply ``function`` to each line of elements along ``axis``; all in row-major order."""
    positions = np.arange(len(values)).reshape(shape)
    lines = np.moveaxis(positions, axis, -1).reshape(-1, shape[axis])
    found: dict[int, ResultT] = {}
    for line in rows(lines):
        found.update(zip(line, function([values[at] for at in line]), strict=True))
    return [found[at] for at in range(len(values))]
