# SPDX-License-Identifier: Apache-2.0
"""Which function reads which op: the list of all that is supported."""

from collections.abc import Mapping

from intaglio.frontends.onnx import (
    borders,
    contractions,
    elementwise,
    moves,
    pooling,
    resize,
    transposed_convolution,
)
from intaglio.frontends.onnx.meanings import Meaning
from intaglio.frontends.onnx.qonnx import dispatch as qonnx
from intaglio.frontends.onnx.qoperator import integer_results
from intaglio.frontends.onnx.qoperator.operators import ONNX_OWN, OPERATORS
from intaglio.frontends.onnx.site import Site
from intaglio.frontends.readers import Reader

OnnxReader = Reader[Site, Meaning | tuple[Meaning, ...]]

REAL: Mapping[str, OnnxReader] = {
    "Add": elementwise.ADD,
    "AveragePool": pooling.AVERAGE_POOL,
    "Cast": integer_results.CAST,
    "Clip": elementwise.CLIP,
    "Concat": moves.CONCAT,
    "Conv": contractions.CONV,
    "ConvTranspose": transposed_convolution.CONV_TRANSPOSE,
    "DequantizeLinear": borders.DEQUANTIZE,
    "Dropout": moves.IDENTITY,
    "Elu": elementwise.ELU,
    "Exp": elementwise.EXP,
    "Flatten": moves.FLATTEN,
    "Gelu": elementwise.GELU,
    "Gemm": contractions.GEMM,
    "GlobalAveragePool": pooling.GLOBAL_AVERAGE_POOL,
    "GlobalMaxPool": pooling.GLOBAL_MAX_POOL,
    "HardSigmoid": elementwise.HARD_SIGMOID,
    "HardSwish": elementwise.HARD_SWISH,
    "Identity": moves.IDENTITY,
    "LeakyRelu": elementwise.LEAKY_RELU,
    "MatMul": contractions.MATMUL,
    "Max": elementwise.MAXIMUM,
    "MaxPool": pooling.MAX_POOL,
    "Min": elementwise.MINIMUM,
    "Mul": integer_results.MULTIPLY,
    "PRelu": elementwise.PRELU,
    "Pad": moves.PAD,
    "QuantizeLinear": borders.QUANTIZE,
    "ReduceMean": pooling.REDUCE_MEAN,
    "Relu": elementwise.RELU,
    "Reshape": moves.RESHAPE,
    "Resize": resize.RESIZE,
    "Sigmoid": elementwise.SIGMOID,
    "Slice": moves.SLICE,
    "Softmax": elementwise.SOFTMAX,
    "Split": moves.SPLIT,
    "Squeeze": moves.SQUEEZE,
    "Sub": elementwise.SUBTRACT,
    "Tanh": elementwise.TANH,
    "Transpose": moves.TRANSPOSE,
    "Unsqueeze": moves.UNSQUEEZE,
}
"""By op of ONNX's own domain: those on real numbers, which codes stand for."""

ON_CODES: Mapping[str, OnnxReader] = {name: each.reader for name, each in OPERATORS.items()}
"""By op of ONNX's own domain or ONNX Runtime's: those on codes."""

READERS: Mapping[str, OnnxReader] = {
    **REAL,
    **{name: ON_CODES[name] for name in sorted(ONNX_OWN)},
}
"""By op of ONNX's own domain."""

DOMAINS: Mapping[str, Mapping[str, OnnxReader]] = {
    "": READERS,
    "ai.onnx": READERS,
    "com.microsoft": {
        **ON_CODES,
        # ONNX lacked some of their types before opset 21.
        "DequantizeLinear": borders.DEQUANTIZE,
        "QuantizeLinear": borders.QUANTIZE,
    },
}
"""By domain, and there by op."""

WITH_QONNX: Mapping[str, Mapping[str, OnnxReader]] = {
    **DOMAINS,
    "": {**READERS, **qonnx.READERS},
    "ai.onnx": {**READERS, **qonnx.READERS},
    **dict.fromkeys(qonnx.DOMAINS, qonnx.QUANTIZERS),
}
"""As ``DOMAINS``, for a model with nodes of QONNX: there float32 goes on between codes."""

CONSTANT_OPS = frozenset({"Cast", "CastLike", "Constant", "Div", "Gather", "Neg", "Shape"})
"""Ops that are read only where their result follows from the file (see ``folding``)."""

HINTS: Mapping[str, str] = {
    "BatchNormalization": "fold it into the op in front before quantizing",
    "DynamicQuantizeLinear": "quantize with scales that calibration fixes",
}
"""What to do about some ops that are not supported."""
