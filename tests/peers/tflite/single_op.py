# SPDX-License-Identifier: Apache-2.0
"""One op twice: as a scaled graph of ours, and as an operator of a .tflite model."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from intaglio.compiler.ir import scaled
from intaglio.compiler.ir.builder import Builder
from intaglio.compiler.ir.graph import Graph, Level
from intaglio.compiler.ir.types import FLOAT32, Quantization, TensorType
from intaglio.compiler.ir.verify import check
from intaglio.numerics.float32 import Float32
from intaglio.numerics.integers import IntType

Array = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class Tensor:
    """Codes and their quantization; without scales a plain operand, such as a list of axes.

    The codes of a result say its shape and dtype alone.  At the scaled level a plain integer has
    the scale 1.
    """

    codes: Array
    scales: tuple[float, ...] = ()
    zero_points: tuple[int, ...] = (0,)
    axis: int = 0
    constant: bool = False

    @property
    def type(self) -> TensorType:
        """The type at the scaled level."""
        if self.codes.dtype.kind == "f":
            return TensorType(FLOAT32, self.codes.shape)
        scales = tuple(Float32.from_value(scale) for scale in self.scales or (1.0,))
        axis = self.axis if len(scales) > 1 else None
        element = IntType(self.codes.dtype.itemsize * 8, self.codes.dtype.kind == "i")
        quantization = Quantization(scales, self.zero_points, axis)
        return TensorType(element, self.codes.shape, quantization)

    def transposed(self, *permutation: int) -> "Tensor":
        """The same tensor with its axes in another order."""
        codes = np.ascontiguousarray(self.codes.transpose(permutation))
        return replace(self, codes=codes, axis=permutation.index(self.axis))


def plain(values: Sequence[int]) -> Tensor:
    """A constant list of int32."""
    return Tensor(np.array(values, np.int32), constant=True)


@dataclass(frozen=True, slots=True)
class Operator:
    """An operator of a .tflite model, operands in the order and layout of its schema."""

    name: str
    operands: tuple[Tensor, ...]
    result: Tensor
    options_type: str = ""
    options: Mapping[str, int | float | bool] = field(default_factory=dict[str, int | float | bool])


@dataclass(frozen=True, slots=True)
class Case:
    """The graph, what it is fed, and the operator that has to give the same codes."""

    label: str
    graph: Graph
    feeds: dict[str, Array]
    operator: Operator


def case(
    label: str, op: scaled.Op, operands: Sequence[Tensor], result: Tensor, operator: Operator
) -> Case:
    """``operands`` are those of ``op``, in its order and layout."""
    builder = Builder("single", Level.SCALED)
    names: list[str] = []
    feeds: dict[str, Array] = {}
    for index, operand in enumerate(operands):
        if operand.constant:
            names.append(builder.constant(f"c{index}", operand.type, operand.codes))
            continue
        names.append(builder.input(f"x{index}", operand.type))
        feeds[names[-1]] = operand.codes
    graph = builder.finish([builder.node("y", result.type, op, names)])
    check(graph)
    return Case(label, graph, feeds, operator)
