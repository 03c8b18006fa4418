# SPDX-License-Identifier: Apache-2.0
"""Element types, widths, scales and zero points, as QDQ files write them."""

from collections.abc import Mapping

import numpy as np
import onnx_ir as ir

from intaglio.compiler.ir.graph import Array
from intaglio.compiler.ir.types import Quantization
from intaglio.frontends.onnx.meanings import Shape
from intaglio.frontends.refusal import Refusal
from intaglio.numerics.float32 import Float32
from intaglio.numerics.integers import IntType

WIDTH_KEY = "intaglio.width"
"""The metadata property that gives the true width of codes kept in a wider ONNX type."""

_SIGNED = {
    ir.DataType.INT2: 2,
    ir.DataType.INT4: 4,
    ir.DataType.INT8: 8,
    ir.DataType.INT16: 16,
    ir.DataType.INT32: 32,
}
_UNSIGNED = {
    ir.DataType.UINT2: 2,
    ir.DataType.UINT4: 4,
    ir.DataType.UINT8: 8,
    ir.DataType.UINT16: 16,
}


def integer_type(element: ir.DataType) -> IntType | None:
    """The codes that an ONNX element type holds, None where it isn't one for codes."""
    if element in _SIGNED:
        return IntType(_SIGNED[element], signed=True)
    if element in _UNSIGNED:
        return IntType(_UNSIGNED[element], signed=False)
    return None


def storage_type(element: ir.DataType) -> IntType:
    """The codes that an ONNX element type holds.

    Raises:
        Refusal: it isn't an integer type that quantized models use.
    """
    found = integer_type(element)
    if found is None:
        raise Refusal(f"its codes are of type {element.name}, 2- to 16-bit integers are expected")
    return found


def marked_width(*metadata: Mapping[str, str]) -> int | None:
    """The width in the first of these properties that has one.

    Raises:
        Refusal: it isn't a number of bits.
    """
    for properties in metadata:
        text = properties.get(WIDTH_KEY)
        if text is None:
            continue
        if not text.isdecimal() or not 1 <= int(text) <= 64:
            raise Refusal(f"{WIDTH_KEY} is {text!r}, a number of bits is expected")
        return int(text)
    return None


def true_type(storage: IntType, width: int | None) -> IntType:
    """The codes that really occur.

    Raises:
        Refusal: the mark is wider than what stores the codes.
    """
    if width is None:
        return storage
    if width > storage.bits:
        raise Refusal(f"{WIDTH_KEY} is {width}, but its codes are stored as {storage}")
    return IntType(width, storage.signed)


def quantization(
    scale: Array, zero_point: Array | None, axis: int, shape: Shape, element: IntType
) -> Quantization:
    """Scale and zero point of a tensor of ``shape``.

    Raises:
        Refusal: a scale isn't a positive float32, a zero point is no code, or their shapes fit
            neither the tensor nor one of its axes.
    """
    if scale.dtype != np.float32:
        raise Refusal(f"its scale is of type {scale.dtype}, float32 is expected")
    factors = scale.astype(np.float32)
    if not (np.isfinite(factors) & (factors > 0)).all():
        raise Refusal("its scale isn't positive and finite")
    zeros = np.zeros(scale.shape, np.int64) if zero_point is None else zero_point.astype(np.int64)
    if zeros.size not in (1, scale.size) or max(scale.ndim, zeros.ndim) > 1:
        raise Refusal(
            f"its scale has the shape {scale.shape} and its zero point {zeros.shape}; "
            "one for the tensor, or one for each index of an axis is expected"
        )
    offsets = tuple(int(zero) for zero in zeros.ravel())
    if not all(element.contains(offset) for offset in offsets):
        raise Refusal(f"a zero point is not one of the codes of {element}")
    scales = tuple(Float32.from_value(float(value)) for value in factors.ravel())
    if len(set(offsets)) == 1:
        offsets = offsets[:1]
    if len(scales) == 1:
        return Quantization(scales, offsets)
    rank = len(shape)
    if not -rank <= axis < rank or shape[axis] != len(scales):
        raise Refusal(f"it has {len(scales)} scales along axis {axis} of a tensor of {shape}")
    return Quantization(scales, offsets, axis % rank)


def quantized(values: Array, element: IntType, storage: IntType, parameters: Quantization) -> Array:
    """QuantizeLinear of a float32 constant: y = saturate(half_even(x / scale) + zero_point).

    The division is in float32.  Source: ONNX operator QuantizeLinear-24.

    Raises:
        Refusal: the array isn't float32 or holds NaN, or a code doesn't fit its marked width.
    """
    reals = values.astype(np.float32)
    if values.dtype != np.float32 or np.isnan(reals).any():
        raise Refusal("it quantizes a constant that is not float32 or holds NaN")
    along = [1] * reals.ndim
    if parameters.axis is not None:
        along[parameters.axis] = -1
    scales = np.array([s.value for s in parameters.scales], np.float32).reshape(along)
    zeros = np.array(parameters.zero_points, np.float64)
    zeros = zeros.reshape(along) if zeros.size > 1 else zeros.reshape([1] * values.ndim)
    with np.errstate(over="ignore"):
        steps = np.rint(reals / scales).astype(np.float64) + zeros
    codes = np.clip(steps, storage.minimum, storage.maximum).astype(storage.dtype)
    return within(codes, element)


def within(codes: Array, element: IntType) -> Array:
    """Codes that are known to be of ``element``, in its own type.

    Raises:
        Refusal: some code isn't.
    """
    wide = codes.astype(np.int64)
    if wide.size and not (element.contains(int(wide.min())) and element.contains(int(wide.max()))):
        raise Refusal(f"a constant is marked as {element}, but holds codes beyond it")
    return wide.astype(element.dtype)
