# SPDX-License-Identifier: Apache-2.0
"""One operator and what its operands hold: what every reader works with."""

from collections.abc import Sequence
from dataclasses import dataclass

from intaglio.compiler.ir import scaled
from intaglio.compiler.ir.types import FLOAT32, Quantization, TensorType
from intaglio.frontends.refusal import Refusal
from intaglio.frontends.tflite.emitter import Emitter
from intaglio.frontends.tflite.model import Shape, StoredOperator, StoredTensor
from intaglio.frontends.tflite.tensors import type_of
from intaglio.frontends.tflite.values import Computed, Known, Stored, Value
from intaglio.numerics.integers import IntType


@dataclass(frozen=True, slots=True)
class Site:
    """An operator of the file.

    Attributes:
        operator: its kind and options.
        operands: None for one that is left out.
        results: what the file says about them.
        emitter: the graph under construction.
        intermediates: what the file says about steps inside the operator.
    """

    operator: StoredOperator
    operands: tuple[Known | None, ...]
    results: tuple[StoredTensor, ...]
    emitter: Emitter
    intermediates: tuple[StoredTensor, ...] = ()

    def optional(self, index: int) -> Known | None:
        """An operand, None where it is left out."""
        return self.operands[index] if index < len(self.operands) else None

    def operand(self, index: int) -> Known:
        """An operand.

        Raises:
            Refusal: it is left out.
        """
        value = self.optional(index)
        if value is None:
            raise Refusal(f"lacks its operand {index}")
        return value

    def codes(self, index: int) -> Known:
        """An operand that is quantized with one scale.

        Raises:
            Refusal: it is float32, or has no scale or several.
        """
        value = self.operand(index)
        if value.type.element == FLOAT32:
            raise Refusal(f"reads {value.label} in float32; quantize the model in full")
        if value.type.quantization is None:
            raise Refusal(f"reads {value.label}, which has no scale")
        if not value.type.quantization.per_tensor:
            raise Refusal(f"reads {value.label}, which has several scales; use one")
        return value

    def in_result(self, index: int) -> Known:
        """An operand's codes under the result's scale and zero point.

        The kernels of moves, pools and extremes take them to be the same, and so do files, but for
        some that round one of the two scales otherwise.
        """
        x, target = self.codes(index), self.result_type
        return self.reinterpreted(x, target.quantization, f"operand_{index}")

    def reinterpreted(self, x: Known, quantization: Quantization | None, suffix: str) -> Known:
        """The same codes under another scale and zero point."""
        if same_codes(x.type.quantization, quantization):
            return x
        type = TensorType(x.type.element, x.type.shape, quantization)
        if isinstance(x, Stored):
            return Stored(x.array, type, x.label)
        return self.step(suffix, scaled.Reinterpret(), (x,), type)

    def integers(self, index: int, what: str) -> tuple[int, ...]:
        """A constant list of integers, such as axes.

        Raises:
            Refusal: it is computed at run time, or no integers.
        """
        value = self.operand(index)
        if not isinstance(value, Stored):
            raise Refusal(f"has {what} that are computed at run time; constant ones are expected")
        if not isinstance(value.type.element, IntType):
            raise Refusal(f"has {what} in float32; integers are expected")
        return tuple(int(number) for number in value.array.reshape(-1))

    def integer(self, option: str) -> int:
        """An option that is a number or a flag."""
        value = self.operator.options[option]
        return 0 if isinstance(value, tuple) else int(value)

    def flag(self, option: str) -> bool:
        """An option that is true or false."""
        return self.integer(option) != 0

    def number(self, option: str) -> float:
        """An option that is a real number."""
        value = self.operator.options[option]
        return 0.0 if isinstance(value, tuple) else float(value)

    @property
    def result(self) -> StoredTensor:
        """The only result.

        Raises:
            Refusal: it has none, or more.
        """
        if len(self.results) != 1:
            raise Refusal(f"has {len(self.results)} results; one is expected")
        return self.results[0]

    @property
    def result_type(self) -> TensorType:
        """The only result's type, in the shape that the file notes.

        Raises:
            Refusal: it isn't quantized with one scale.
        """
        return self.type_of_result(self.result)

    def type_of_result(self, tensor: StoredTensor) -> TensorType:
        """A result's type, in the shape that the file notes.

        Raises:
            Refusal: it isn't quantized with one scale.
        """
        type = type_of(tensor, tensor.shape)
        if type.element == FLOAT32:
            raise Refusal(f"writes {tensor.label} in float32; quantize the model in full")
        if type.quantization is None:
            raise Refusal(f"writes {tensor.label}, which has no scale")
        if not type.quantization.per_tensor:
            raise Refusal(f"writes {tensor.label}, which has several scales; use one")
        return type

    def emit(
        self, op: scaled.Op, operands: Sequence[Known], declared: Shape | None = None
    ) -> Computed:
        """The only result, as a node."""
        return self.emitter.node(
            self.result.label, op, operands, self.result_type, self.result.label, declared
        )

    def step(
        self,
        suffix: str,
        op: scaled.Op,
        operands: Sequence[Known],
        type: TensorType,
        declared: Shape | None = None,
    ) -> Computed:
        """A node on the way to the first result."""
        label = self.results[0].label
        return self.emitter.node(f"{label}.{suffix}", op, operands, type, label, declared)


def same_codes(a: Quantization | None, b: Quantization | None) -> bool:
    """Whether a code means the same under both."""
    if a is None or b is None:
        return a is b
    return (a.scales, a.zero_points, a.axis) == (b.scales, b.zero_points, b.axis)


Results = Value | tuple[Value, ...]
