# SPDX-License-Identifier: Apache-2.0
"""The constants of a network as one aligned array inside its object, and how code gets at them."""

from typing import Any

import numpy as np
import numpy.typing as npt

from intaglio.compiler.targets.tvm.plan import ALIGNMENT, aligned

_HEXADECIMAL = [f"\\{byte:02x}" for byte in range(256)]


class Constants:
    """Arrays one after another, each aligned; equal ones are stored once."""

    def __init__(self) -> None:
        """Start with none."""
        self._offsets: dict[bytes, int] = {}
        self._parts: list[bytes] = []
        self._size = 0

    def add(self, array: npt.NDArray[Any]) -> int:
        """The offset of an array's elements in bytes."""
        content = np.ascontiguousarray(array).tobytes()
        if content not in self._offsets:
            self._offsets[content] = self._size
            padding = aligned(len(content)) - len(content)
            self._parts.append(content + bytes(padding))
            self._size += len(content) + padding
        return self._offsets[content]

    @property
    def size(self) -> int:
        """Bytes of all of them."""
        return self._size

    def llvm_text(self, name: str) -> str:
        """An LLVM module with the constants and the functions that make pointers.

        - ``NAME_constant(offset)``: into the constants.
        - ``NAME_offset(base, offset)``: ``base`` plus some bytes.
        - ``NAME_pointer(array, index)``: an element of an array of pointers.
        """
        content = b"".join(self._parts) or bytes(ALIGNMENT)
        elements = "".join(map(_HEXADECIMAL.__getitem__, content))
        return f"""
@{name}_constants = internal constant [{len(content)} x i8] c"{elements}", align {ALIGNMENT}

define ptr @{name}_constant(i64 %offset) alwaysinline {{
  %place = getelementptr i8, ptr @{name}_constants, i64 %offset
  ret ptr %place
}}

define ptr @{name}_offset(ptr %base, i64 %offset) alwaysinline {{
  %place = getelementptr i8, ptr %base, i64 %offset
  ret ptr %place
}}

define ptr @{name}_pointer(ptr %array, i64 %index) alwaysinline {{
  %place = getelementptr ptr, ptr %array, i64 %index
  %pointer = load ptr, ptr %place
  ret ptr %pointer
}}
"""
