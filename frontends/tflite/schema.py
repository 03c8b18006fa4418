# SPDX-License-Identifier: Apache-2.0
"""From the bytes of a .tflite file to plain values.

A flatbuffer is a web of offsets.  The generated accessors check none of them, but in Python one
that points out of the file raises, and what points elsewhere reads numbers, which are judged
later.  Offsets may also share: a short file can describe lists whose total is beyond all bounds,
so what is read is counted.
"""

import struct
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import tflite
from flatbuffers.number_types import Int32Flags

from intaglio.errors import InvalidFile
from intaglio.frontends.tflite.model import (
    StoredModel,
    StoredOperator,
    StoredQuantization,
    StoredTensor,
)
from intaglio.frontends.tflite.options import read_options

T = TypeVar("T")

_LARGEST_FILE = (1 << 31) - 1
_SPARE_ITEMS = 4096
_VERSION = 3
_ADVICE = "export the model again, or fetch the file again"
_LONGEST_NAME = 1024
_WIDE_CODE = 10
"""Where an operator code's vtable has builtin_code, its fourth field."""


class _Malformed(Exception):
    """What is wrong with the file, in a few words."""


def read_model(content: bytes, name: str) -> StoredModel:
    """Everything that the main subgraph says.

    Raises:
        InvalidFile: the bytes are no .tflite file, or a broken one.
    """
    if len(content) > _LARGEST_FILE:
        raise InvalidFile(name, f"it has {len(content)} bytes, more than 2**31 - 1", _ADVICE)
    if len(content) < 8 or not tflite.Model.ModelBufferHasIdentifier(content, 0):
        raise InvalidFile(
            name, "it doesn't say TFL3 where a .tflite file does", "give a TensorFlow Lite model"
        )
    try:
        return _Reader(content).model()
    except _Malformed as fault:
        raise InvalidFile(name, str(fault), _ADVICE) from None
    except (
        struct.error,
        ValueError,
        IndexError,
        TypeError,
        OverflowError,
        AttributeError,
        AssertionError,
    ):
        found = "it is truncated or damaged: an offset leads out of the file"
        raise InvalidFile(name, found, _ADVICE) from None


@dataclass
class _Reader:
    """Reads one file, and counts what it has read."""

    content: bytes
    read: int = 0

    def model(self) -> StoredModel:
        root = tflite.Model.GetRootAs(self.content)
        if root.Version() != _VERSION:
            raise _Malformed(f"its schema has version {root.Version()}, not {_VERSION}")
        codes = self.each(root.OperatorCodes, root.OperatorCodesLength())
        buffers = self.each(root.Buffers, root.BuffersLength())
        if root.SubgraphsLength() < 1:
            raise _Malformed("it holds no graph")
        graph = _there(root.Subgraphs(0))
        tensors = self.each(graph.Tensors, graph.TensorsLength())
        labels = self.labels(tensors)
        operators = self.each(graph.Operators, graph.OperatorsLength())
        kinds = [_kind(code) for code in codes]
        return StoredModel(
            tuple(
                self.tensor(tensor, label, buffers)
                for tensor, label in zip(tensors, labels, strict=True)
            ),
            tuple(
                self.operator(number, operator, kinds, len(tensors))
                for number, operator in enumerate(operators)
            ),
            self.indices(graph.InputsAsNumpy(), len(tensors)),
            self.indices(graph.OutputsAsNumpy(), len(tensors)),
        )

    def count(self, items: int) -> None:
        """Items of a real file take a byte each at least; a few lists may be shared."""
        self.read += items
        if self.read > 4 * len(self.content) + _SPARE_ITEMS:
            raise _Malformed("its lists are longer than the file")

    def each(self, item: Callable[[int], T | None], length: int) -> list[T]:
        self.count(4 * length)
        return [_there(item(index)) for index in range(length)]

    def numbers(self, vector: npt.NDArray[Any] | int) -> npt.NDArray[Any]:
        """A list of numbers; the accessors give 0 for one that is left out."""
        if isinstance(vector, int):
            return np.zeros(0, np.int64)
        self.count(vector.size)
        return vector

    def integers(self, vector: npt.NDArray[Any] | int) -> tuple[int, ...]:
        return tuple(int(number) for number in self.numbers(vector))

    def indices(self, vector: npt.NDArray[Any] | int, count: int) -> tuple[int, ...]:
        """Indices of tensors; -1 for one that is left out."""
        found = self.integers(vector)
        for index in found:
            if not -1 <= index < count:
                raise _Malformed(f"it names tensor {index} of {count}")
        return found

    def labels(self, tensors: Sequence[tflite.Tensor]) -> list[str]:
        """A name of its own for each tensor."""
        names = [_text(tensor.Name()) for tensor in tensors]
        self.count(sum(len(name) for name in names))
        often = Counter(names)
        return [
            name if name and often[name] == 1 else f"{name or 'tensor'}#{index}"
            for index, name in enumerate(names)
        ]

    def tensor(
        self, tensor: tflite.Tensor, label: str, buffers: Sequence[tflite.Buffer]
    ) -> StoredTensor:
        if tensor.Buffer() >= len(buffers):
            raise _Malformed(f"tensor {label} names buffer {tensor.Buffer()} of {len(buffers)}")
        signature = self.integers(tensor.ShapeSignatureAsNumpy())
        return StoredTensor(
            label,
            _name_of(tflite.TensorType, tensor.Type()) or f"type {tensor.Type()}",
            self.integers(tensor.ShapeAsNumpy()),
            frozenset(axis for axis, extent in enumerate(signature) if extent < 0),
            self.quantization(tensor.Quantization()),
            self.data(buffers[tensor.Buffer()]),
            bool(tensor.IsVariable()),
            tensor.Sparsity() is not None,
        )

    def quantization(
        self, stored: tflite.QuantizationParameters | None
    ) -> StoredQuantization | None:
        if stored is None:
            return None
        scales = self.numbers(stored.ScaleAsNumpy())
        zero_points = self.integers(stored.ZeroPointAsNumpy())
        custom = stored.DetailsType() != 0
        if not scales.size and not custom:
            return None
        return StoredQuantization(
            tuple(np.float32(scale) for scale in scales),
            zero_points,
            stored.QuantizedDimension(),
            custom,
        )

    def data(self, buffer: tflite.Buffer) -> npt.NDArray[np.uint8] | None:
        """The bytes inside the flatbuffer, or behind it in the same file."""
        start, size = buffer.Offset(), buffer.Size()
        if start > 1:
            if start + size > len(self.content):
                raise _Malformed("a constant lies beyond its end")
            return np.frombuffer(self.content, np.uint8, size, start)
        data = buffer.DataAsNumpy()
        return None if isinstance(data, int) or not data.size else data

    def operator(
        self, number: int, operator: tflite.Operator, kinds: Sequence[str], tensors: int
    ) -> StoredOperator:
        index = operator.OpcodeIndex()
        if index >= len(kinds):
            raise _Malformed(f"operator {number} names code {index} of {len(kinds)}")
        options = read_options(kinds[index], operator)
        for value in options.values():
            self.count(len(value) if isinstance(value, tuple) else 1)
        return StoredOperator(
            number,
            kinds[index],
            self.indices(operator.InputsAsNumpy(), tensors),
            self.indices(operator.OutputsAsNumpy(), tensors),
            self.indices(operator.IntermediatesAsNumpy(), tensors),
            options,
        )


def _there(item: T | None) -> T:
    if item is None:
        raise _Malformed("a part of it is missing")
    return item


def _kind(code: tflite.OperatorCode) -> str:
    """The name of the operator; the number moved to a wider field when a byte was too few.

    The larger of both counts.  The package gives the narrow one as the wide one where
    both could hold the number: 0 in a file that doesn't write it.  So the field is read here.
    """
    table: Any = getattr(code, "_tab")  # noqa: B009
    at = table.Offset(_WIDE_CODE)
    wide = table.Get(Int32Flags, at + table.Pos) if at else 0
    number = max(code.DeprecatedBuiltinCode(), wide)
    name = _name_of(tflite.BuiltinOperator, number)
    if name == "CUSTOM":
        return f"CUSTOM {_text(code.CustomCode())}".rstrip()
    return name or f"operator code {number}"


def _text(text: bytes | None) -> str:
    """A string of the file in one printable line."""
    shown = (text or b"")[:_LONGEST_NAME].decode("utf-8", "replace")
    return "".join(letter if letter.isprintable() else "?" for letter in shown)


def _name_of(kinds: type[object], number: int) -> str | None:
    """The name of a number in an enumeration of the schema."""
    names = {value: name for name, value in vars(kinds).items() if isinstance(value, int)}
    return names.get(number)
