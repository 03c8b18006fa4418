# SPDX-License-Identifier: Apache-2.0
"""The constants of a network as arrays of C, in the types in which code reads them."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from intaglio.compiler.targets.c_source.expressions import bare
from intaglio.compiler.targets.c_source.literals import c_type, floating, integer
from intaglio.compiler.targets.tvm.constants import Constants

_WIDTH = 100


class ConstantArrays(Constants):
    """Arrays by number; equal ones of one type are stored once."""

    def __init__(self) -> None:
        """Start with none."""
        super().__init__()
        self._arrays: list[npt.NDArray[Any]] = []
        self._numbers: dict[tuple[str, bytes], int] = {}

    def add(self, array: npt.NDArray[Any]) -> int:
        """The number of an array."""
        array = np.ascontiguousarray(array)
        key = str(array.dtype), array.tobytes()
        if key not in self._numbers:
            self._numbers[key] = len(self._arrays)
            self._arrays.append(array)
        return self._numbers[key]

    @property
    def size(self) -> int:
        """Bytes of all of them."""
        return sum(array.nbytes for array in self._arrays)

    def llvm_text(self, name: str) -> str:
        """Nothing: they stand in C."""
        return ""

    def text(self) -> Iterator[str]:
        """Their definitions."""
        for number, array in enumerate(self._arrays):
            dtype = str(array.dtype)
            size = max(array.size, 1)
            yield f"static const {c_type(dtype)} {constant(number)}[{size}] = {{"
            yield from _lines([_literal(value, dtype) for value in array.ravel().tolist()] or ["0"])
            yield "};"


def constant(number: int) -> str:
    """What C calls an array."""
    return f"constant_{number}"


def _literal(value: Any, dtype: str) -> str:
    if dtype.startswith("float"):
        return floating(float(value), dtype)
    return bare(integer(int(value), dtype))


def _lines(values: list[str]) -> Iterator[str]:
    line = "   "
    for value in values:
        if len(line) + len(value) + 2 > _WIDTH:
            yield line
            line = "   "
        line += f" {value},"
    yield line
