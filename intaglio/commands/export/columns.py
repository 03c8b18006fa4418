# SPDX-License-Identifier: Apache-2.0
"""An op's fields as arrays: tuples of records become one array for each field."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from enum import Enum
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from intaglio.compiler.ir.text.kinds import kind_name
from intaglio.numerics.float32 import Float32
from intaglio.numerics.float64 import Float64
from intaglio.numerics.integers import IntType


@dataclass(frozen=True, slots=True)
class Element:
    """What an exported array holds: integers of any width, or IEEE-754 numbers.

    ``str`` writes ``i8``, ``u3``, ``i128``, ``f32``, ``f64``.
    """

    kind: str
    bits: int

    def __str__(self) -> str:
        """The kind and the width."""
        return f"{self.kind}{self.bits}"

    @property
    def is_float(self) -> bool:
        """Whether the elements are IEEE-754 numbers."""
        return self.kind == "f"

    @staticmethod
    def of(type: IntType) -> "Element":
        """The same integers."""
        return Element("i" if type.signed else "u", type.bits)


FLOAT32, FLOAT64 = Element("f", 32), Element("f", 64)

Words = Mapping[str, str | list[str]]
"""What is no number, by path: a word, or one for each record."""


@dataclass(frozen=True, slots=True)
class Column:
    """One array: ``path`` leads to it from the op; beyond 64 bits it holds Python ints."""

    path: str
    element: Element
    array: NDArray[Any]


@dataclass(slots=True)
class Columns:
    """The arrays and words of one op.

    - A field of a record is at ``record.field``; the record's class is the word ``record.kind``.
    - A tuple of n records gives arrays ``[n]``; a tuple of n tuples of equal length gives
      ``[n, length]``, of different lengths their elements end to end and ``….offsets`` ``[n + 1]``.
    - Records of several classes are at ``tuple.class.field``, with their places in
      ``tuple.class.index``.
    """

    arrays: list[Column] = field(default_factory=list[Column])
    words: dict[str, str | list[str]] = field(default_factory=dict[str, str | list[str]])

    @staticmethod
    def of(op: object) -> "Columns":
        """All fields of an op."""
        columns = Columns()
        for name, value in _fields(op):
            columns.gather(name, [value], single=True)
        return columns

    def gather(self, path: str, values: Sequence[object], *, single: bool) -> None:
        """Add values of one field: of one record where ``single``, else of one record each."""
        first = values[0] if values else None
        if isinstance(first, tuple):
            self._gather_tuples(path, cast("Sequence[tuple[object, ...]]", values), single)
        elif isinstance(first, Float32 | Float64):
            numbers = [cast("Float32 | Float64", value).value for value in values]
            dtype = np.float32 if isinstance(first, Float32) else np.float64
            element = FLOAT32 if isinstance(first, Float32) else FLOAT64
            self._add(path, element, np.array(numbers, dtype), single)
        elif isinstance(first, int) and not isinstance(first, bool):
            integers = [cast("int", value) for value in values]
            element = narrowest(integers)
            self._add(path, element, as_array(integers, element), single)
        elif is_dataclass(first) and not isinstance(first, IntType):
            self._gather_records(path, values, single)
        elif first is not None:
            words = [_word(value) for value in values]
            self.words[path] = words[0] if len(set(words)) == 1 else words

    def _gather_tuples(self, path: str, values: Sequence[tuple[object, ...]], single: bool) -> None:
        items = [item for value in values for item in value]
        if single:
            self.gather(path, items, single=False)
            return
        lengths = [len(value) for value in values]
        offsets = [sum(lengths[:end]) for end in range(len(lengths) + 1)]
        before = len(self.arrays)
        self.gather(path, items, single=False)
        if len(set(lengths)) > 1 or len(self.arrays) != before + 1:
            self.gather(f"{path}.offsets", offsets, single=False)
            return
        flat = self.arrays[before]
        shaped = flat.array.reshape(len(values), lengths[0])
        self.arrays[before] = Column(path, flat.element, shaped)

    def _gather_records(self, path: str, values: Sequence[object], single: bool) -> None:
        kinds = [kind_name(type(value)) for value in values]
        alike = len(set(kinds)) == 1
        self.words[f"{path}.kind"] = kinds[0] if alike else kinds
        for kind in dict.fromkeys(kinds):
            places = [index for index, each in enumerate(kinds) if each == kind]
            where = path if alike else f"{path}.{kind}"
            if not alike:
                self.gather(f"{where}.index", places, single=False)
            members = [dict(_fields(values[place])) for place in places]
            for name in members[0]:
                self.gather(f"{where}.{name}", [each[name] for each in members], single=single)

    def _add(self, path: str, element: Element, array: NDArray[Any], single: bool) -> None:
        self.arrays.append(Column(path, element, array.reshape(()) if single else array))


def narrowest(values: Sequence[int]) -> Element:
    """Signed integers of 8, 16, 32 or 64 bits, or the next multiple of 64, that hold the values."""
    bits = max(max(value if value >= 0 else ~value for value in values).bit_length() + 1, 8)
    return Element("i", 1 << (bits - 1).bit_length() if bits <= 64 else -(-bits // 64) * 64)


def as_array(values: Sequence[int], element: Element) -> NDArray[Any]:
    """The integers in the type of their width; Python ints where there is none."""
    return np.array(values, np.dtype(f"int{element.bits}") if element.bits <= 64 else object)


def _fields(record: object) -> Iterator[tuple[str, object]]:
    for each in fields(cast("Any", record)):
        yield each.name, getattr(record, each.name)


def _word(value: object) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case Enum():
            return str(value.value)
        case _:
            return str(value)
