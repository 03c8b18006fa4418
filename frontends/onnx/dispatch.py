# SPDX-License-Identifier: Apache-2.0
"""Which function reads which op: the list of all that is supported."""

from collections.abc import Callable, Mapping

from intaglio.frontends.onnx.borders import dequantize_linear, quantize_linear
from intaglio.frontends.onnx.contractions import conv, gemm, matmul
from intaglio.frontends.onnx.elementwise import (
    binary,
    clip,
    elu,
    gelu,
    hard_sigmoid,
    leaky_relu,
    min_or_max,
    prelu,
    relu,
    softmax,
    unary,
)
from intaglio.frontends.onnx.meanings import Meaning, Real
from intaglio.frontends.onnx.moves import (
    concat,
    flatten,
    identity,
    pad,
    reshape,
    slice_,
    split,
    squeeze,
    transpose,
    unsqueeze,
)
from intaglio.frontends.onnx.pooling import (
    average_pool,
    global_average_pool,
    global_max_pool,
    max_pool,
    reduce_mean,
)
from intaglio.frontends.onnx.qonnx import dispatch as qonnx
from intaglio.frontends.onnx.qoperator.integer_results import cast, dequantized_product
from intaglio.frontends.onnx.qoperator.operators import ONNX_OWN, OPERATORS
from intaglio.frontends.onnx.resize import resize
from intaglio.frontends.onnx.site import Site
from intaglio.frontends.onnx.transposed_convolution import conv_transpose


def multiply(site: Site) -> Real:
    """Mul: of cast codes and their scale, or of two quantized values."""
    return dequantized_product(site) or binary(site)


Reader = Callable[[Site], "Meaning | tuple[Meaning, ...]"]

READERS: Mapping[str, Reader] = {
    "Add": binary,
    "AveragePool": average_pool,
    "Cast": cast,
    "Clip": clip,
    "Concat": concat,
    "Conv": conv,
    "ConvTranspose": conv_transpose,
    "DequantizeLinear": dequantize_linear,
    "Dropout": identity,
    "Elu": elu,
    "Exp": unary,
    "Flatten": flatten,
    "Gelu": gelu,
    "Gemm": gemm,
    "GlobalAveragePool": global_average_pool,
    "GlobalMaxPool": global_max_pool,
    "HardSigmoid": hard_sigmoid,
    "HardSwish": unary,
    "Identity": identity,
    "LeakyRelu": leaky_relu,
    "MatMul": matmul,
    "Max": min_or_max,
    "MaxPool": max_pool,
    "Min": min_or_max,
    "Mul": multiply,
    "PRelu": prelu,
    "Pad": pad,
    "QuantizeLinear": quantize_linear,
    "ReduceMean": reduce_mean,
    "Relu": relu,
    "Reshape": reshape,
    "Resize": resize,
    "Sigmoid": unary,
    "Slice": slice_,
    "Softmax": softmax,
    "Split": split,
    "Squeeze": squeeze,
    "Sub": binary,
    "Tanh": unary,
    "Transpose": transpose,
    "Unsqueeze": unsqueeze,
    **{name: OPERATORS[name].read for name in sorted(ONNX_OWN)},
}
"""By op of ONNX's own domain."""

DOMAINS: Mapping[str, Mapping[str, Reader]] = {
    "": READERS,
    "ai.onnx": READERS,
    "com.microsoft": {
        **{name: operator.read for name, operator in OPERATORS.items()},
        # ONNX lacked some of their types before opset 21.
        "DequantizeLinear": dequantize_linear,
        "QuantizeLinear": quantize_linear,
    },
}
"""By domain, and there by op."""

WITH_QONNX: Mapping[str, Mapping[str, Reader]] = {
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
