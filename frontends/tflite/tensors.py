# SPDX-License-Identifier: Apache-2.0
"""What a tensor of the file means: element type, scales and zero points, a constant's codes."""

from math import prod

import numpy as np
import numpy.typing as npt

from intaglio.compiler.ir.graph import Array
from intaglio.compiler.ir.types import FLOAT32, ElementType, Quantization, TensorType
from intaglio.frontends.refusal import Refusal
from intaglio.frontends.tflite.model import Shape, StoredQuantization, StoredTensor
from intaglio.numerics.float32 import Float32
from intaglio.numerics.integers import IntType

_ELEMENTS: dict[str, ElementType] = {
    "INT4": IntType(4, signed=True),
    "INT8": IntType(8, signed=True),
    "UINT8": IntType(8, signed=False),
    "INT16": IntType(16, signed=True),
    "INT32": IntType(32, signed=True),
    "INT64": IntType(64, signed=True),
    "FLOAT32": FLOAT32,
}
_STORED: dict[str, str] = {
    "INT8": "<i1",
    "UINT8": "<u1",
    "INT16": "<i2",
    "INT32": "<i4",
    "INT64": "<i8",
    "FLOAT32": "<f4",
}
_MOST_ELEMENTS = (1 << 31) - 1
_MOST_AXES = 16


def checked(shape: Shape) -> Shape:
    """The shape, if it is one of a tensor that can be held.

    Raises:
        Refusal: it isn't.
    """
    if len(shape) > _MOST_AXES:
        raise Refusal(f"a tensor has {len(shape)} axes, more than {_MOST_AXES}")
    if any(extent < 1 for extent in shape):
        raise Refusal(f"a tensor has the shape {list(shape)}, without elements")
    if prod(shape) > _MOST_ELEMENTS:
        raise Refusal(f"a tensor has the shape {list(shape)}, more than 2**31 - 1 elements")
    return shape


def element_of(tensor: StoredTensor) -> ElementType:
    """The element type.

    Raises:
        Refusal: it is none of the IR's.
    """
    element = _ELEMENTS.get(tensor.kind)
    if element is None:
        raise Refusal(
            f"the tensor {tensor.label} is of type {tensor.kind}; {_words(list(_ELEMENTS))} "
            "are supported"
        )
    return element


def type_of(tensor: StoredTensor, shape: Shape) -> TensorType:
    """The type of a tensor in a shape that may be another than the file notes.

    Raises:
        Refusal: its element type, shape, scales or zero points can't be taken.
    """
    element = element_of(tensor)
    checked(shape)
    if not isinstance(element, IntType) or tensor.quantization is None:
        return TensorType(element, shape)
    stored = tensor.quantization
    return TensorType(element, shape, _quantization(tensor.label, stored, element, shape))


def _quantization(
    label: str, stored: StoredQuantization, element: IntType, shape: Shape
) -> Quantization:
    if stored.custom:
        raise Refusal(f"the tensor {label} has a quantization of a custom or blockwise kind")
    count = len(stored.scales)
    zero_points = stored.zero_points or (0,)
    if len(zero_points) not in (1, count):
        raise Refusal(f"the tensor {label} has {count} scales and {len(zero_points)} zero points")
    for zero_point in zero_points:
        if not element.contains(zero_point):
            raise Refusal(f"the tensor {label} has the zero point {zero_point}, no {element}")
    scales = tuple(_scale(label, scale) for scale in stored.scales)
    if count == 1:
        return Quantization(scales, zero_points)
    # Of a single axis the file may say otherwise: person_detect's biases are said to go along 3.
    axis = 0 if len(shape) == 1 else stored.axis
    if not 0 <= axis < len(shape) or shape[axis] != count:
        raise Refusal(
            f"the tensor {label} of shape {list(shape)} has {count} scales along axis {axis}"
        )
    if len(set(zero_points)) == 1:
        zero_points = zero_points[:1]
    return Quantization(scales, zero_points, axis)


def _scale(label: str, scale: np.float32) -> Float32:
    """A scale by which code is multiplied and divided.

    Raises:
        Refusal: it is zero, negative, infinite, not a number, or too small to be a normal float32.
    """
    if not np.isfinite(scale) or scale < np.finfo(np.float32).tiny:
        raise Refusal(
            f"the tensor {label} has the scale {scale}; a positive normal float32 is expected"
        )
    return Float32(int(scale.view(np.uint32)))


def array_of(tensor: StoredTensor) -> Array:
    """The elements of a constant.

    Raises:
        Refusal: the file doesn't hold as many as the shape says, or not in a plain form.
    """
    checked(tensor.shape)
    if tensor.data is None:
        raise Refusal(f"the tensor {tensor.label} has no elements in the file")
    if tensor.sparse:
        raise Refusal(f"the tensor {tensor.label} is stored without its zeros; store them")
    element_of(tensor)
    count = prod(tensor.shape)
    if tensor.kind == "INT4":
        return _unpacked(tensor, tensor.data, count)
    dtype = np.dtype(_STORED[tensor.kind])
    _require_bytes(tensor, tensor.data, count * dtype.itemsize)
    native: Array = tensor.data.view(dtype).astype(dtype.newbyteorder("="), copy=False)
    return native.reshape(tensor.shape)


def _unpacked(tensor: StoredTensor, data: npt.NDArray[np.uint8], count: int) -> Array:
    """Two's complement of four bits, the first code in the low half of a byte."""
    _require_bytes(tensor, data, (count + 1) // 2)
    halves = np.stack([data & 15, data >> 4], axis=1).reshape(-1)[:count].astype(np.int8)
    codes: Array = np.where(halves > 7, halves - 16, halves).astype(np.int8)
    return codes.reshape(tensor.shape)


def _require_bytes(tensor: StoredTensor, data: npt.NDArray[np.uint8], expected: int) -> None:
    if data.size != expected:
        raise Refusal(
            f"the tensor {tensor.label} of shape {list(tensor.shape)} has {data.size} bytes in the "
            f"file; {expected} are expected"
        )


def _words(names: list[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}"
