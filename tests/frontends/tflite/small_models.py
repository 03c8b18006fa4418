# SPDX-License-Identifier: Apache-2.0
"""Small .tflite files, most of whose bytes are structure."""

import numpy as np

from tests.frontends.tflite.writing import Operator, Tensor, write

_WINDOW = {"Padding": 0, "StrideW": 1, "StrideH": 1, "FusedActivationFunction": 3}


def convolutional() -> bytes:
    """CONV_2D with a bias, MAX_POOL_2D, RESHAPE, FULLY_CONNECTED, SOFTMAX."""
    rng = np.random.default_rng(0)
    kernels = rng.integers(-127, 128, (2, 2, 2, 1)).astype(np.int8)
    weights = rng.integers(-127, 128, (3, 18)).astype(np.int8)
    tensors = [
        Tensor((1, 5, 5, 1), scales=(0.5,), zero_points=(3,), signature=(-1, 5, 5, 1)),
        Tensor((2, 2, 2, 1), scales=(0.25, 0.5), zero_points=(0, 0), data=kernels.tobytes()),
        Tensor((2,), "INT32", (0.125, 0.25), (0, 0), data=np.array([5, -9], np.int32).tobytes()),
        Tensor((1, 5, 5, 2), scales=(0.75,), zero_points=(-1,)),
        Tensor((1, 3, 3, 2), scales=(0.75,), zero_points=(-1,)),
        Tensor.plain((1, -1)),
        Tensor((1, 18), scales=(0.75,), zero_points=(-1,)),
        Tensor((3, 18), scales=(0.125,), data=weights.tobytes()),
        Tensor((1, 3), scales=(2.0,), zero_points=(7,)),
        Tensor((1, 3), scales=(1 / 256,), zero_points=(-128,)),
    ]
    pool = {**_WINDOW, "StrideW": 2, "StrideH": 2, "FilterWidth": 2, "FilterHeight": 2}
    operators = [
        Operator("CONV_2D", (0, 1, 2), (3,), "Conv2DOptions", _WINDOW),
        Operator("MAX_POOL_2D", (3,), (4,), "Pool2DOptions", pool),
        Operator("RESHAPE", (4, 5), (6,), "ReshapeOptions", {"NewShape": (1, 18)}),
        Operator("FULLY_CONNECTED", (6, 7, -1), (8,), "FullyConnectedOptions", {}),
        Operator("SOFTMAX", (8,), (9,), "SoftmaxOptions", {"Beta": 1.0}),
    ]
    return write(tensors, operators, [0], [9])


def branching() -> bytes:
    """QUANTIZE of float32, SPLIT, ADD, STRIDED_SLICE, CONCATENATION, PAD, MEAN, DEQUANTIZE."""
    codes = (0.5,)
    tensors = [
        Tensor((1, 4, 4), "FLOAT32", (), ()),
        Tensor((1, 4, 4), scales=codes),
        Tensor.plain(2),
        Tensor((1, 4, 2), scales=codes),
        Tensor((1, 4, 2), scales=codes),
        Tensor((1, 4, 2), scales=(0.75,), zero_points=(5,)),
        Tensor.plain((0, 1, 0)),
        Tensor.plain((1, 0, 2)),
        Tensor.plain((1, 1, 2)),
        Tensor((1, 3, 1), scales=(0.75,), zero_points=(5,)),
        Tensor((1, 7, 1), scales=(0.75,), zero_points=(5,)),
        Tensor.plain(((0, 0), (1, 2), (0, 0))),
        Tensor((1, 10, 1), scales=(0.75,), zero_points=(5,)),
        Tensor((1, 1, 1), scales=(0.25,)),
        Tensor.plain((1,)),
        Tensor((1, 1, 1), "FLOAT32", (), ()),
        Tensor((1, 4, 1), scales=(0.75,), zero_points=(5,)),
        Tensor.plain((0, 0, 1)),
        Tensor.plain((1, 4, 1)),
    ]
    slice_options = {"BeginMask": 0, "EndMask": 2, "ShrinkAxisMask": 0}
    operators = [
        Operator("QUANTIZE", (0,), (1,)),
        Operator("SPLIT", (2, 1), (3, 4), "SplitOptions", {"NumSplits": 2}),
        Operator("ADD", (3, 4), (5,), "AddOptions", {"FusedActivationFunction": 1}),
        Operator("STRIDED_SLICE", (5, 6, 7, 8), (9,), "StridedSliceOptions", slice_options),
        Operator("SLICE", (5, 17, 18), (16,), "SliceOptions"),
        Operator("CONCATENATION", (9, 16), (10,), "ConcatenationOptions", {"Axis": 1}),
        Operator("PAD", (10, 11), (12,), "PadOptions"),
        Operator("MEAN", (12, 14), (13,), "ReducerOptions", {"KeepDims": True}),
        Operator("DEQUANTIZE", (13,), (15,)),
    ]
    return write(tensors, operators, [0], [15])
