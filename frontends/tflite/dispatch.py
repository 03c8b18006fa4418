# SPDX-License-Identifier: Apache-2.0
"""Which operators are supported, what each expects, and which function reads it."""

from collections.abc import Mapping

from intaglio.frontends.readers import BORDER, COMPARISON, KNOWN, MOVE, TAIL, Reader
from intaglio.frontends.tflite import (
    borders,
    contractions,
    functions,
    moves,
    pairs,
    planes,
    recurrent,
    reductions,
    slices,
    svdf,
)
from intaglio.frontends.tflite.site import Results, Site

TFLiteReader = Reader[Site, Results]

READERS: Mapping[str, TFLiteReader] = {
    "ADD": Reader(pairs.arithmetic, ("add", TAIL), pairs.SUM),
    "ARG_MAX": Reader(reductions.choice, (COMPARISON,), reductions.CHOICE),
    "ARG_MIN": Reader(reductions.choice, (COMPARISON,), reductions.CHOICE),
    "AVERAGE_POOL_2D": Reader(planes.average_pool, ("average_pool2d",), planes.POOL),
    "BATCH_MATMUL": Reader(contractions.batch_matmul, ("mat_mul",), contractions.BATCH_MATMUL),
    "CONCATENATION": Reader(moves.concatenation, (MOVE, "joined"), moves.CONCATENATION),
    "CONV_2D": Reader(contractions.conv_2d, ("conv2d",), contractions.CONV_2D),
    "DEPTHWISE_CONV_2D": Reader(
        contractions.depthwise_conv_2d, ("depthwise_conv2d",), contractions.DEPTHWISE_CONV_2D
    ),
    "DEQUANTIZE": Reader(borders.dequantize, (BORDER,), borders.DEQUANTIZE),
    "ELU": Reader(functions.elu, ("elu",), functions.UNARY),
    "EXP": Reader(functions.unary, ("exp",), functions.UNARY),
    "EXPAND_DIMS": Reader(moves.expand_dims, (MOVE,), moves.EXPAND_DIMS),
    "FULLY_CONNECTED": Reader(
        contractions.fully_connected, ("fully_connected",), contractions.FULLY_CONNECTED
    ),
    "GATHER": Reader(moves.gather, (MOVE,), moves.GATHER),
    "GELU": Reader(functions.gelu, ("gelu", "gelu-tanh"), functions.UNARY),
    "HARD_SWISH": Reader(functions.unary, ("hard-swish",), functions.UNARY),
    "L2_NORMALIZATION": Reader(
        functions.l2_normalization, ("l2_normalization",), functions.UNIT_VECTORS
    ),
    "LEAKY_RELU": Reader(functions.leaky_relu, ("leaky-relu",), functions.LEAKY_RELU),
    "LOGISTIC": Reader(functions.unary, ("sigmoid",), functions.UNARY),
    "LOG_SOFTMAX": Reader(functions.log_softmax, ("log_softmax",), functions.UNARY),
    "MAXIMUM": Reader(pairs.extreme, ("maximum", TAIL), pairs.EXTREME),
    "MAX_POOL_2D": Reader(planes.max_pool, (COMPARISON,), planes.POOL),
    "MEAN": Reader(reductions.mean, ("reduce_mean", "plane_mean"), reductions.REDUCTION),
    "MIRROR_PAD": Reader(moves.mirror_pad, (MOVE,), moves.MIRROR_PAD),
    "MINIMUM": Reader(pairs.extreme, ("minimum", TAIL), pairs.EXTREME),
    "MUL": Reader(pairs.arithmetic, ("multiply", TAIL), pairs.ARITHMETIC),
    "PACK": Reader(moves.pack, (MOVE,)),
    "PAD": Reader(moves.pad, (MOVE,), moves.PAD),
    "PADV2": Reader(moves.pad, (MOVE,), moves.PADV2),
    "PRELU": Reader(functions.prelu, ("prelu",), functions.PRELU),
    "QUANTIZE": Reader(borders.quantize, ("requantize", BORDER), borders.QUANTIZE),
    "RELU": Reader(functions.relu, ("clip",), functions.UNARY),
    "RELU6": Reader(functions.relu, ("clip",), functions.UNARY),
    "RELU_0_TO_1": Reader(functions.relu, ("clip",), functions.UNARY),
    "RELU_N1_TO_1": Reader(functions.relu, ("clip",), functions.UNARY),
    "RESHAPE": Reader(moves.reshape, (MOVE,), moves.RESHAPE),
    "RESIZE_BILINEAR": Reader(planes.resize_bilinear, ("resize_linear",), planes.RESIZE),
    "RESIZE_NEAREST_NEIGHBOR": Reader(planes.resize_nearest, (MOVE,), planes.RESIZE),
    "RSQRT": Reader(functions.unary, ("rsqrt",), functions.UNARY),
    "SHAPE": Reader(moves.shape_of, (KNOWN,)),
    "SLICE": Reader(slices.slice_, (MOVE,), slices.SLICE),
    "SOFTMAX": Reader(functions.softmax, ("softmax", TAIL), functions.SOFTMAX),
    "SPLIT": Reader(slices.split, (MOVE,), slices.SPLIT),
    "SPLIT_V": Reader(slices.split_v, (MOVE,), slices.SPLIT_V),
    "SQUEEZE": Reader(moves.squeeze, (MOVE,)),
    "STRIDED_SLICE": Reader(slices.strided_slice, (MOVE,), slices.STRIDED_SLICE),
    "SQUARED_DIFFERENCE": Reader(
        pairs.squared_difference, ("squared_difference",), pairs.SQUARED_DIFFERENCE
    ),
    "SUB": Reader(pairs.arithmetic, ("subtract", TAIL), pairs.SUM),
    "SUM": Reader(reductions.sum_, ("reduce_sum",), reductions.REDUCTION),
    "SVDF": Reader(svdf.svdf, ("recurrent_conv2d",), svdf.SVDF),
    "TANH": Reader(functions.unary, ("tanh",), functions.UNARY),
    "TRANSPOSE": Reader(moves.transpose, (MOVE,), moves.TRANSPOSE),
    "TRANSPOSE_CONV": Reader(
        contractions.transpose_conv, ("conv_transpose2d",), contractions.TRANSPOSE_CONV
    ),
    "UNIDIRECTIONAL_SEQUENCE_LSTM": Reader(
        recurrent.lstm,
        (
            "recurrent_fully_connected",
            "recurrent_add",
            "recurrent_multiply",
            "recurrent-sigmoid",
            "recurrent-tanh",
        ),
        recurrent.LSTM,
    ),
    "UNPACK": Reader(slices.unpack, (MOVE,)),
}
"""By the schema's name."""
