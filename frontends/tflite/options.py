# SPDX-License-Identifier: Apache-2.0
"""The options of each operator that an importer reads, by the names of the schema's accessors."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import tflite

from intaglio.frontends.tflite.model import OptionValue

_EMPTY = bytes((4, 0, 4, 0, 4, 0, 0, 0))
"""A table without fields, at 4: an accessor then gives the schema's default."""


@dataclass(frozen=True, slots=True)
class OptionsTable:
    """A table of the schema and its accessors: for numbers, and for lists of integers."""

    name: str
    numbers: tuple[str, ...]
    lists: tuple[str, ...] = ()


def _window(name: str, *others: str) -> OptionsTable:
    return OptionsTable(name, ("Padding", "StrideW", "StrideH", "FusedActivationFunction", *others))


_DILATION = ("DilationWFactor", "DilationHFactor")
_POOL = _window("Pool2DOptions", "FilterWidth", "FilterHeight")
_REDUCER = OptionsTable("ReducerOptions", ("KeepDims",))

OPTIONS: Mapping[str, OptionsTable] = {
    "ADD": OptionsTable("AddOptions", ("FusedActivationFunction", "PotScaleInt16")),
    "ARG_MAX": OptionsTable("ArgMaxOptions", ("OutputType",)),
    "AVERAGE_POOL_2D": _POOL,
    "BATCH_MATMUL": OptionsTable("BatchMatMulOptions", ("AdjX", "AdjY")),
    "CONCATENATION": OptionsTable("ConcatenationOptions", ("Axis", "FusedActivationFunction")),
    "CONV_2D": _window("Conv2DOptions", "QuantizedBiasType", *_DILATION),
    "DEPTHWISE_CONV_2D": _window("DepthwiseConv2DOptions", "DepthMultiplier", *_DILATION),
    "FULLY_CONNECTED": OptionsTable(
        "FullyConnectedOptions",
        ("FusedActivationFunction", "WeightsFormat", "KeepNumDims", "QuantizedBiasType"),
    ),
    "GATHER": OptionsTable("GatherOptions", ("Axis", "BatchDims")),
    "GELU": OptionsTable("GeluOptions", ("Approximate",)),
    "L2_NORMALIZATION": OptionsTable("L2NormOptions", ("FusedActivationFunction",)),
    "LEAKY_RELU": OptionsTable("LeakyReluOptions", ("Alpha",)),
    "MAX_POOL_2D": _POOL,
    "MEAN": _REDUCER,
    "MIRROR_PAD": OptionsTable("MirrorPadOptions", ("Mode",)),
    "MUL": OptionsTable("MulOptions", ("FusedActivationFunction",)),
    "PACK": OptionsTable("PackOptions", ("ValuesCount", "Axis")),
    "RESHAPE": OptionsTable("ReshapeOptions", (), ("NewShape",)),
    "RESIZE_BILINEAR": OptionsTable("ResizeBilinearOptions", ("AlignCorners", "HalfPixelCenters")),
    "RESIZE_NEAREST_NEIGHBOR": OptionsTable(
        "ResizeNearestNeighborOptions", ("AlignCorners", "HalfPixelCenters")
    ),
    "SOFTMAX": OptionsTable("SoftmaxOptions", ("Beta",)),
    "SPLIT": OptionsTable("SplitOptions", ("NumSplits",)),
    "SPLIT_V": OptionsTable("SplitVOptions", ("NumSplits",)),
    "SQUEEZE": OptionsTable("SqueezeOptions", (), ("SqueezeDims",)),
    "STRIDED_SLICE": OptionsTable(
        "StridedSliceOptions",
        ("BeginMask", "EndMask", "EllipsisMask", "NewAxisMask", "ShrinkAxisMask", "Offset"),
    ),
    "SUB": OptionsTable("SubOptions", ("FusedActivationFunction", "PotScaleInt16")),
    "SUM": _REDUCER,
    "SVDF": OptionsTable("SVDFOptions", ("Rank", "FusedActivationFunction")),
    "TRANSPOSE_CONV": _window("TransposeConvOptions", "QuantizedBiasType"),
    "UNIDIRECTIONAL_SEQUENCE_LSTM": OptionsTable(
        "UnidirectionalSequenceLSTMOptions",
        ("FusedActivationFunction", "CellClip", "ProjClip", "TimeMajor"),
    ),
    "UNPACK": OptionsTable("UnpackOptions", ("Num", "Axis")),
}
"""By operator; the others' options, if there are any, are not looked at."""


def read_options(kind: str, operator: tflite.Operator) -> dict[str, OptionValue]:
    """The options of one operator; defaults where it has none, or those of another operator."""
    about = OPTIONS.get(kind)
    if about is None:
        return {}
    table: Any = getattr(tflite, about.name)()
    stored = operator.BuiltinOptions()
    expected = getattr(tflite.BuiltinOptions, about.name)
    if stored is None or operator.BuiltinOptionsType() != expected:
        table.Init(_EMPTY, 4)
    else:
        table.Init(stored.Bytes, stored.Pos)
    found: dict[str, OptionValue] = {name: getattr(table, name)() for name in about.numbers}
    for name in about.lists:
        given = getattr(table, f"{name}AsNumpy")()
        found[name] = () if isinstance(given, int) else tuple(int(each) for each in given)
    return found
