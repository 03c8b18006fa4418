# SPDX-License-Identifier: Apache-2.0
"""Which operators are supported, what each expects, and which function reads it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from intaglio.frontends.constraints import Constraint
from intaglio.frontends.tflite import (
    borders,
    contractions,
    functions,
    moves,
    pairs,
    planes,
    reductions,
    slices,
)
from intaglio.frontends.tflite.site import Results, Site


@dataclass(frozen=True, slots=True)
class Reader:
    """How one kind of operator is read.

    Attributes:
        read: makes its results; called where no constraint is violated.
        constraints: what it expects of the operator.
    """

    read: Callable[[Site], Results]
    constraints: tuple[Constraint[Site], ...] = ()


READERS: Mapping[str, Reader] = {
    "ADD": Reader(pairs.arithmetic, pairs.SUM),
    "ARG_MAX": Reader(reductions.choice, reductions.CHOICE),
    "ARG_MIN": Reader(reductions.choice, reductions.CHOICE),
    "AVERAGE_POOL_2D": Reader(planes.average_pool, planes.POOL),
    "BATCH_MATMUL": Reader(contractions.batch_matmul, contractions.BATCH_MATMUL),
    "CONCATENATION": Reader(moves.concatenation, moves.CONCATENATION),
    "CONV_2D": Reader(contractions.conv_2d, contractions.CONV_2D),
    "DEPTHWISE_CONV_2D": Reader(contractions.depthwise_conv_2d, contractions.DEPTHWISE_CONV_2D),
    "DEQUANTIZE": Reader(borders.dequantize, borders.DEQUANTIZE),
    "ELU": Reader(functions.elu, functions.UNARY),
    "EXP": Reader(functions.unary, functions.UNARY),
    "EXPAND_DIMS": Reader(moves.expand_dims, moves.EXPAND_DIMS),
    "FULLY_CONNECTED": Reader(contractions.fully_connected, contractions.FULLY_CONNECTED),
    "GATHER": Reader(moves.gather, moves.GATHER),
    "GELU": Reader(functions.gelu, functions.UNARY),
    "HARD_SWISH": Reader(functions.unary, functions.UNARY),
    "L2_NORMALIZATION": Reader(functions.l2_normalization, functions.UNIT_VECTORS),
    "LEAKY_RELU": Reader(functions.leaky_relu, functions.LEAKY_RELU),
    "LOGISTIC": Reader(functions.unary, functions.UNARY),
    "MAXIMUM": Reader(pairs.extreme, pairs.EXTREME),
    "MAX_POOL_2D": Reader(planes.max_pool, planes.POOL),
    "MEAN": Reader(reductions.mean, reductions.REDUCTION),
    "MIRROR_PAD": Reader(moves.mirror_pad, moves.MIRROR_PAD),
    "MINIMUM": Reader(pairs.extreme, pairs.EXTREME),
    "MUL": Reader(pairs.arithmetic, pairs.ARITHMETIC),
    "PACK": Reader(moves.pack),
    "PAD": Reader(moves.pad, moves.PAD),
    "PADV2": Reader(moves.pad, moves.PADV2),
    "PRELU": Reader(functions.prelu, functions.PRELU),
    "QUANTIZE": Reader(borders.quantize, borders.QUANTIZE),
    "RELU": Reader(functions.relu, functions.UNARY),
    "RELU6": Reader(functions.relu, functions.UNARY),
    "RELU_0_TO_1": Reader(functions.relu, functions.UNARY),
    "RELU_N1_TO_1": Reader(functions.relu, functions.UNARY),
    "RESHAPE": Reader(moves.reshape, moves.RESHAPE),
    "RESIZE_BILINEAR": Reader(planes.resize_bilinear, planes.RESIZE),
    "RESIZE_NEAREST_NEIGHBOR": Reader(planes.resize_nearest, planes.RESIZE),
    "RSQRT": Reader(functions.unary, functions.UNARY),
    "SHAPE": Reader(moves.shape_of),
    "SLICE": Reader(slices.slice_, slices.SLICE),
    "SOFTMAX": Reader(functions.softmax, functions.SOFTMAX),
    "SPLIT": Reader(slices.split, slices.SPLIT),
    "SPLIT_V": Reader(slices.split_v, slices.SPLIT_V),
    "SQUEEZE": Reader(moves.squeeze),
    "STRIDED_SLICE": Reader(slices.strided_slice, slices.STRIDED_SLICE),
    "SQUARED_DIFFERENCE": Reader(pairs.squared_difference, pairs.SQUARED_DIFFERENCE),
    "SUB": Reader(pairs.arithmetic, pairs.SUM),
    "SUM": Reader(reductions.sum_, reductions.REDUCTION),
    "TANH": Reader(functions.unary, functions.UNARY),
    "TRANSPOSE": Reader(moves.transpose, moves.TRANSPOSE),
    "TRANSPOSE_CONV": Reader(contractions.transpose_conv, contractions.TRANSPOSE_CONV),
    "UNPACK": Reader(slices.unpack),
}
"""By the schema's name."""
