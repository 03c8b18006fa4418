# SPDX-License-Identifier: Apache-2.0
"""What a .tflite file says, as plain values: read once and in full, nothing interpreted yet."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Shape = tuple[int, ...]
OptionValue = int | float | bool | tuple[int, ...]


@dataclass(frozen=True, slots=True)
class StoredQuantization:
    """Scales and zero points as the file lists them, of any length, along ``axis``."""

    scales: tuple[np.float32, ...]
    zero_points: tuple[int, ...]
    axis: int
    custom: bool


@dataclass(frozen=True, slots=True)
class StoredTensor:
    """One tensor of the file.

    Attributes:
        label: its name in the file, with ``#`` and its index where the name is not its own.
        kind: the name of the element type in the schema, such as INT8.
        shape: as the file notes it; an open extent is noted as some number.
        open_axes: the axes whose extents the file leaves open.
        quantization: None where the file gives no scale.
        data: the bytes of a constant.
        variable: whether it keeps its value from one run to the next.
        sparse: whether the bytes leave out zeros.
    """

    label: str
    kind: str
    shape: Shape
    open_axes: frozenset[int]
    quantization: StoredQuantization | None
    data: npt.NDArray[np.uint8] | None
    variable: bool
    sparse: bool


@dataclass(frozen=True, slots=True)
class StoredOperator:
    """One operator; operands are indices of tensors, -1 for one that is left out.

    Attributes:
        number: its place in the file.
        kind: the name in the schema, such as CONV_2D.
        operands: what it reads.
        results: what it writes.
        intermediates: tensors that carry the quantization of steps inside it.
        options: by the schema's accessors, such as StrideW; the schema's defaults where left out.
    """

    number: int
    kind: str
    operands: tuple[int, ...]
    results: tuple[int, ...]
    intermediates: tuple[int, ...]
    options: Mapping[str, OptionValue]


@dataclass(frozen=True, slots=True)
class StoredModel:
    """The main subgraph: operators in the order in which they run."""

    tensors: tuple[StoredTensor, ...]
    operators: tuple[StoredOperator, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
