# SPDX-License-Identifier: Apache-2.0
"""What a scaled graph means: float64 on dequantized operands, then half-to-even quantization.

Independent of the project's engines, and no model of any machine: it serves to compare what the
frontend reads with what ONNX Runtime computes on models whose sums are exact in float32.
"""

import math
from collections.abc import Mapping
from itertools import product
from typing import Any, assert_never

import numpy as np
import numpy.typing as npt

from intaglio.compiler.ir import scaled
from intaglio.compiler.ir.float_tail import BinaryFunction, Float32Binary, Float32Softmax
from intaglio.compiler.ir.graph import Graph, Node
from intaglio.compiler.ir.moves import PadMode
from intaglio.compiler.ir.types import FloatType, TensorType

Array = npt.NDArray[Any]
Real = npt.NDArray[np.float64]


def evaluate(graph: Graph, feeds: Mapping[str, Array]) -> dict[str, Array]:
    """Every value of the graph: codes as int64, float32 values as float32."""
    values: dict[str, Array] = {}
    for given in graph.inputs:
        array = feeds[given.source]
        values[given.name] = array if given.type.element == FloatType() else array.astype(np.int64)
    for constant in graph.constants:
        real = constant.type.element == FloatType()
        values[constant.name] = constant.array.astype(np.float64 if real else np.int64)
    for node in graph.nodes:
        operands = [values[name] for name in node.operands]
        result = _result(graph, node, operands)
        assert result.shape == node.type.shape, (node, result.shape)
        values[node.name] = result
    return values


def _result(graph: Graph, node: Node, operands: list[Array]) -> Array:
    types = graph.operand_types(node)
    op: Any = node.op
    if isinstance(op, scaled.MaxPool2d):
        assert op.activation == scaled.UNBOUNDED
        return _max_pool(operands[0], op, node.type.shape)
    if isinstance(op, scaled.Reinterpret):
        return operands[0]
    moved = _moved(op, operands, node.type.shape)
    if moved is not None:
        return moved
    reals = [
        array.astype(np.float64) if type.quantization is None else _dequantize(array, type)
        for array, type in zip(operands, types, strict=True)
    ]
    real = _real(op, reals, node.type.shape)
    if node.type.quantization is None:
        return real.astype(np.float32)
    return _quantize(_clip(real, getattr(op, "activation", scaled.UNBOUNDED)), node.type)


def _dequantize(codes: Array, type: TensorType) -> Real:
    quantization = type.scaled
    along = [1] * codes.ndim
    if quantization.axis is not None:
        along[quantization.axis] = -1
    scales = np.array([scale.value for scale in quantization.scales]).reshape(along)
    zeros = np.array(quantization.zero_points)
    zeros = zeros.reshape(along) if zeros.size > 1 else zeros.reshape([1] * codes.ndim)
    return np.asarray((codes - zeros) * scales)


def _quantize(real: Real, type: TensorType) -> Array:
    steps = np.rint(real / type.scaled.scale.value) + type.scaled.zero_point
    codes = np.clip(steps, type.integer.minimum, type.integer.maximum)
    return np.asarray(codes, np.int64)


def _clip(real: Real, clip: scaled.Clip) -> Real:
    shape = real.shape
    if clip.low:
        real = np.maximum(real, np.array([bound.value for bound in clip.low]))
    if clip.high:
        real = np.minimum(real, np.array([bound.value for bound in clip.high]))
    return real.reshape(shape)


def _moved(op: Any, operands: list[Array], shape: tuple[int, ...]) -> Array | None:
    x = operands[0]
    match op:
        case scaled.Transpose(permutation):
            return x.transpose(permutation)
        case scaled.Reshape():
            return x.reshape(shape)
        case scaled.Slice(starts, steps):
            index = [
                start + step * np.arange(n)
                for start, step, n in zip(starts, steps, shape, strict=True)
            ]
            return x[np.ix_(*index)]
        case scaled.Concat(axis):
            return np.concatenate(operands, axis)
        case scaled.Pad(before, after, mode, value):
            widths = list(zip(before, after, strict=True))
            if mode is PadMode.CONSTANT:
                return np.pad(x, widths, constant_values=value)
            if mode is PadMode.EDGE:
                return np.pad(x, widths, "edge")
            return np.pad(x, widths, "reflect" if mode is PadMode.REFLECT else "symmetric")
        case scaled.ResizeNearest(rows, columns):
            return x[:, list(rows)][:, :, list(columns)]
        case _:
            return None


def _real(op: Any, reals: list[Real], shape: tuple[int, ...]) -> Real:
    x = reals[0]
    match op:
        case scaled.Conv2d():
            return _conv(op, reals, shape)
        case scaled.ConvTranspose2d():
            return _conv_transpose(op, reals, shape)
        case scaled.FullyConnected() | scaled.MatMul():
            return x @ reals[1] + (reals[2] if len(reals) > 2 else 0.0)
        case scaled.Add() | Float32Binary(BinaryFunction.ADD):
            return x + reals[1]
        case scaled.Subtract() | Float32Binary(BinaryFunction.SUBTRACT):
            return x - reals[1]
        case scaled.Multiply() | Float32Binary(BinaryFunction.MULTIPLY):
            return x * reals[1]
        case scaled.Minimum() | Float32Binary(BinaryFunction.MINIMUM):
            return np.minimum(x, reals[1])
        case scaled.Maximum() | Float32Binary(BinaryFunction.MAXIMUM):
            return np.maximum(x, reals[1])
        case scaled.Unary():
            return _unary(op, x)
        case scaled.PRelu():
            return np.where(x >= 0, x, reals[1] * x)
        case scaled.Requantize() | scaled.Quantize() | scaled.Dequantize():
            return x
        case scaled.Softmax(axis) | Float32Softmax(axis):
            powers = np.exp(x - x.max(axis=axis, keepdims=True))
            return np.asarray(powers / powers.sum(axis=axis, keepdims=True))
        case scaled.LogSoftmax(axis):
            far = x - x.max(axis=axis, keepdims=True)
            return np.asarray(far - np.log(np.exp(far).sum(axis=axis, keepdims=True)))
        case scaled.L2Normalization(axis):
            norms = np.sqrt((x**2).sum(axis=axis, keepdims=True))
            return np.asarray(x / np.where(norms > 0, norms, 1.0))
        case scaled.AveragePool2d():
            return _average_pool(op, x, shape)
        case scaled.SquaredDifference():
            return np.asarray((x - reals[1]) ** 2)
        case scaled.ReduceSum():
            return np.asarray(x.sum(axis=op.axes, keepdims=op.keep_dimensions))
        case scaled.ArgMax() | scaled.ArgMin():
            return _choice(op, x)
        case scaled.ReduceMean():
            return np.asarray(x.mean(axis=op.axes, keepdims=op.keep_dimensions))
        case scaled.ResizeLinear():
            rows = _interpolation(x.shape[1], shape[1], op)
            columns = _interpolation(x.shape[2], shape[2], op)
            across = np.einsum("kw,nhwc->nhkc", columns, x)
            return np.asarray(np.einsum("ij,njwc->niwc", rows, across))
        case _:
            assert_never(op)


def _unary(op: scaled.Unary, x: Real) -> Real:
    alpha, beta = op.alpha.value, op.beta.value
    match op.function:
        case scaled.UnaryFunction.IDENTITY:
            return x
        case scaled.UnaryFunction.LEAKY_RELU:
            return np.where(x >= 0, x, alpha * x)
        case scaled.UnaryFunction.SIGMOID:
            return np.asarray(1 / (1 + np.exp(-x)))
        case scaled.UnaryFunction.TANH:
            return np.tanh(x)
        case scaled.UnaryFunction.HARD_SIGMOID:
            return np.clip(alpha * x + beta, 0, 1)
        case scaled.UnaryFunction.HARD_SWISH:
            return x * np.clip(x / 6 + 0.5, 0, 1)
        case scaled.UnaryFunction.GELU:
            return np.asarray(x * 0.5 * (1 + np.vectorize(math.erf)(x / math.sqrt(2))))
        case scaled.UnaryFunction.GELU_TANH:
            inner = math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)
            return np.asarray(x * 0.5 * (1 + np.tanh(inner)))
        case scaled.UnaryFunction.ELU:
            return np.where(x >= 0, x, alpha * np.expm1(x))
        case scaled.UnaryFunction.EXP:
            return np.exp(x)
        case scaled.UnaryFunction.RSQRT:
            return np.where(x > 0, 1 / np.sqrt(np.where(x > 0, x, 1.0)), 1e30)


def _choice(op: scaled.ArgMax | scaled.ArgMin, x: Real) -> Real:
    wanted = x if isinstance(op, scaled.ArgMax) else -x
    if op.last:
        found = x.shape[op.axis] - 1 - np.argmax(np.flip(wanted, op.axis), axis=op.axis)
    else:
        found = np.argmax(wanted, axis=op.axis)
    return np.asarray(np.expand_dims(found, op.axis) if op.keep_dimensions else found, np.float64)


def _conv(op: scaled.Conv2d, reals: list[Real], shape: tuple[int, ...]) -> Real:
    x, w = reals[0], reals[1]
    top, left, bottom, right = op.pads
    x = np.pad(x, ((0, 0), (top, bottom), (left, right), (0, 0)))
    _, rows, columns, channels = shape
    y = np.zeros(shape)
    each_in, each_out = w.shape[3], channels // op.groups
    for g, r, s in product(range(op.groups), range(w.shape[1]), range(w.shape[2])):
        i, j = r * op.dilations[0], s * op.dilations[1]
        window = x[:, i :: op.strides[0], j :: op.strides[1]][:, :rows, :columns]
        window = window[..., g * each_in : (g + 1) * each_in]
        outputs = slice(g * each_out, (g + 1) * each_out)
        y[..., outputs] += window @ w[outputs, r, s].T
    return y + reals[2] if len(reals) > 2 else y


def _conv_transpose(op: scaled.ConvTranspose2d, reals: list[Real], shape: tuple[int, ...]) -> Real:
    x, w = reals[0], reals[1]
    y = np.zeros(shape)
    each_in, each_out = w.shape[3], shape[3] // op.groups
    taps = product(range(x.shape[1]), range(x.shape[2]), range(w.shape[1]), range(w.shape[2]))
    for i, j, r, s in taps:
        p = i * op.strides[0] + r * op.dilations[0] - op.pads[0]
        q = j * op.strides[1] + s * op.dilations[1] - op.pads[1]
        if not (0 <= p < shape[1] and 0 <= q < shape[2]):
            continue
        for o in range(shape[3]):
            g = o // each_out
            y[:, p, q, o] += x[:, i, j, g * each_in : (g + 1) * each_in] @ w[o, r, s]
    return y + reals[2] if len(reals) > 2 else y


def _max_pool(x: Array, op: scaled.MaxPool2d, shape: tuple[int, ...]) -> Array:
    top, left, bottom, right = op.pads
    lowest = int(np.iinfo(np.int64).min)
    padded = np.pad(x, ((0, 0), (top, bottom), (left, right), (0, 0)), constant_values=lowest)
    y = np.full(shape, lowest, np.int64)
    for r, s in product(range(op.kernel[0]), range(op.kernel[1])):
        i, j = r * op.dilations[0], s * op.dilations[1]
        window = padded[:, i :: op.strides[0], j :: op.strides[1]]
        y = np.maximum(y, window[:, : shape[1], : shape[2]])
    return y


def _average_pool(op: scaled.AveragePool2d, x: Real, shape: tuple[int, ...]) -> Real:
    top, left, bottom, right = op.pads
    pads = ((0, 0), (top, bottom), (left, right), (0, 0))
    counts = np.pad(np.ones_like(x), pads, constant_values=1.0 if op.count_padding else 0.0)
    padded = np.pad(x, pads)
    total, count = np.zeros(shape), np.zeros(shape)
    for r, s in product(range(op.kernel[0]), range(op.kernel[1])):
        rows, columns = slice(r, None, op.strides[0]), slice(s, None, op.strides[1])
        total += padded[:, rows, columns][:, : shape[1], : shape[2]]
        count += counts[:, rows, columns][:, : shape[1], : shape[2]]
    return total / count


def _interpolation(before: int, after: int, op: scaled.ResizeLinear) -> Real:
    weights = np.zeros((after, before))
    for i in range(after):
        if op.half_pixel:
            x = (i + 0.5) * before / after - 0.5
        elif op.align_corners:
            x = i * (before - 1) / (after - 1) if after > 1 else 0.0
        else:
            x = i * before / after
        x = min(max(x, 0.0), before - 1.0)
        low = min(math.floor(x), before - 1)
        high = min(low + 1, before - 1)
        weights[i, low] += 1 - (x - low)
        weights[i, high] += x - low
    return weights
