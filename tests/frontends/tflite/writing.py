# SPDX-License-Identifier: Apache-2.0
"""Writes .tflite files, right ones and wrong ones."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import flatbuffers
import numpy as np
import numpy.typing as npt
import tflite

Array = npt.NDArray[Any]
OptionValue = int | float | bool | Sequence[int]


@dataclass(frozen=True, slots=True)
class Tensor:
    """A tensor as the file describes it; ``kind`` is a name of the schema's TensorType."""

    shape: tuple[int, ...]
    kind: str = "INT8"
    scales: tuple[float, ...] = (0.5,)
    zero_points: tuple[int, ...] = (0,)
    axis: int = 0
    data: bytes | None = None
    name: str = ""
    signature: tuple[int, ...] = ()
    variable: bool = False

    @staticmethod
    def plain(values: npt.ArrayLike) -> "Tensor":
        """A constant int32 without a scale."""
        array = np.array(values, np.int32)
        return Tensor(array.shape, "INT32", (), (), data=array.tobytes())


@dataclass(frozen=True, slots=True)
class Operator:
    """An operator; operands and results are indices of tensors."""

    kind: str
    operands: tuple[int, ...]
    results: tuple[int, ...]
    options_type: str = ""
    options: Mapping[str, OptionValue] = field(default_factory=dict[str, OptionValue])


def write(
    tensors: Sequence[Tensor],
    operators: Sequence[Operator],
    inputs: Sequence[int],
    outputs: Sequence[int],
    *,
    narrow_codes: bool = True,
) -> bytes:
    """The bytes of a model; a tensor without a name is called after its index.

    ``narrow_codes`` says whether operators are numbered in the deprecated field too.
    """
    writer = _Writer(narrow_codes)
    return writer.model(tensors, operators, inputs, outputs)


_SCHEMA: Any = tflite


class _Writer:
    """A flatbuffer from its leaves to its root."""

    def __init__(self, narrow_codes: bool) -> None:
        self.narrow_codes = narrow_codes
        self.builder: Any = flatbuffers.Builder(1024)

    def model(
        self,
        tensors: Sequence[Tensor],
        operators: Sequence[Operator],
        inputs: Sequence[int],
        outputs: Sequence[int],
    ) -> bytes:
        contents = [b"", *(tensor.data for tensor in tensors if tensor.data is not None)]
        buffers = [self.table("Buffer", Data=self.bytes(content)) for content in contents]
        stored: list[int] = []
        for index, tensor in enumerate(tensors):
            held = sum(1 for each in tensors[:index] if each.data is not None) + 1
            stored.append(self.tensor(tensor, index, 0 if tensor.data is None else held))
        kinds = list(dict.fromkeys(operator.kind for operator in operators))
        codes = [self.code(kind) for kind in kinds]
        # An operator that is there many times is written once.
        written = {
            id(operator): self.operator(operator, kinds.index(operator.kind))
            for operator in {id(operator): operator for operator in operators}.values()
        }
        steps = [written[id(operator)] for operator in operators]
        graph = self.table(
            "SubGraph",
            Tensors=self.offsets(stored),
            Inputs=self.numbers(inputs, np.int32),
            Outputs=self.numbers(outputs, np.int32),
            Operators=self.offsets(steps),
        )
        model = self.table(
            "Model",
            Version=3,
            OperatorCodes=self.offsets(codes),
            Subgraphs=self.offsets([graph]),
            Buffers=self.offsets(buffers),
        )
        self.builder.Finish(model, b"TFL3")
        return bytes(self.builder.Output())

    def tensor(self, tensor: Tensor, index: int, buffer: int) -> int:
        fields: dict[str, Any] = {
            "Name": self.builder.CreateString(tensor.name or f"t{index}"),
            "Shape": self.numbers(tensor.shape, np.int32),
            "Type": getattr(tflite.TensorType, tensor.kind),
            "Buffer": buffer,
            "IsVariable": tensor.variable,
        }
        if tensor.signature:
            fields["ShapeSignature"] = self.numbers(tensor.signature, np.int32)
        if tensor.scales:
            fields["Quantization"] = self.table(
                "QuantizationParameters",
                Scale=self.numbers(tensor.scales, np.float32),
                ZeroPoint=self.numbers(tensor.zero_points, np.int64),
                QuantizedDimension=tensor.axis,
            )
        return self.table("Tensor", **fields)

    def code(self, kind: str) -> int:
        number = getattr(tflite.BuiltinOperator, kind)
        narrow = min(number, 127) if self.narrow_codes else 0
        return self.table(
            "OperatorCode", DeprecatedBuiltinCode=narrow, BuiltinCode=number, Version=1
        )

    def operator(self, operator: Operator, code: int) -> int:
        fields: dict[str, Any] = {
            "OpcodeIndex": code,
            "Inputs": self.numbers(operator.operands, np.int32),
            "Outputs": self.numbers(operator.results, np.int32),
        }
        if operator.options_type:
            options = {
                name: self.numbers(value, np.int32) if isinstance(value, Sequence) else value
                for name, value in operator.options.items()
            }
            fields["BuiltinOptions"] = self.table(operator.options_type, **options)
            kind = getattr(tflite.BuiltinOptions, operator.options_type)
            fields["BuiltinOptionsType"] = kind
        return self.table("Operator", **fields)

    def table(self, kind: str, **fields: Any) -> int:
        getattr(_SCHEMA, f"{kind}Start")(self.builder)
        for name, value in fields.items():
            getattr(_SCHEMA, f"{kind}Add{name}")(self.builder, value)
        end: int = getattr(_SCHEMA, f"{kind}End")(self.builder)
        return end

    def numbers(self, values: Sequence[int] | Sequence[float], dtype: Any) -> int:
        vector: int = self.builder.CreateNumpyVector(np.array(values, dtype))
        return vector

    def bytes(self, content: bytes) -> int:
        return self.numbers(list(content), np.uint8)

    def offsets(self, tables: Sequence[int]) -> int:
        self.builder.StartVector(4, len(tables), 4)
        for table in reversed(tables):
            self.builder.PrependUOffsetTRelative(table)
        end: int = self.builder.EndVector()
        return end
