# SPDX-License-Identifier: Apache-2.0
"""Which function reads which op of a QONNX model; what isn't here is read as in other models."""

from collections.abc import Mapping

from intaglio.frontends.onnx.contractions import PRODUCT, WITHOUT_DATA
from intaglio.frontends.onnx.elementwise import ONE_AXIS
from intaglio.frontends.onnx.expectations import TWO_OPERANDS, axes_at_least, constant
from intaglio.frontends.onnx.meanings import Meaning
from intaglio.frontends.onnx.qonnx.contractions import conv, conv_transpose, gemm, matmul
from intaglio.frontends.onnx.qonnx.elementwise import (
    BATCH_NORMALIZATION,
    arithmetic,
    batch_normalization,
    clip,
    negate,
    power,
    relu,
)
from intaglio.frontends.onnx.qonnx.multi_threshold import MULTI_THRESHOLD, multi_threshold
from intaglio.frontends.onnx.qonnx.quant import (
    BIPOLAR_QUANT,
    QUANT,
    bipolar_quant,
    quant,
    trunc,
)
from intaglio.frontends.onnx.qonnx.tails import softmax
from intaglio.frontends.onnx.site import Site
from intaglio.frontends.onnx.transposed_convolution import WITHOUT_DATA as TRANSPOSED_WITHOUT_DATA
from intaglio.frontends.readers import BORDER, KNOWN, STEPS, TAIL, Reader

DOMAINS = frozenset({"qonnx.custom_op.general", "finn.custom_op.general", "onnx.brevitas"})
"""Of QONNX's own nodes, in the spelling of each exporter."""

OLDEST_OPSET = 9
"""What old exporters of QONNX wrote."""

QonnxReader = Reader[Site, Meaning | tuple[Meaning, ...]]

_QUANTIZER = Reader(quant, (BORDER, STEPS, "requantize"), QUANT)
_BOUNDED = (constant(1, "min"), constant(2, "max"))


def _arithmetic(*becomes: str) -> QonnxReader:
    return Reader(arithmetic, (*becomes, STEPS), (TWO_OPERANDS,))


QUANTIZERS: Mapping[str, QonnxReader] = {
    "BipolarQuant": Reader(bipolar_quant, (BORDER, STEPS), BIPOLAR_QUANT),
    "IntQuant": _QUANTIZER,
    "MultiThreshold": Reader(multi_threshold, (STEPS,), MULTI_THRESHOLD),
    "Quant": _QUANTIZER,
    "Trunc": Reader(trunc, (STEPS,), QUANT),
}
"""By op of QONNX's domains."""

READERS: Mapping[str, QonnxReader] = {
    "Add": _arithmetic("add"),
    "BatchNormalization": Reader(batch_normalization, (STEPS,), BATCH_NORMALIZATION),
    "Clip": Reader(clip, (STEPS,), _BOUNDED),
    "Conv": Reader(conv, ("conv2d", "depthwise_conv2d", STEPS), WITHOUT_DATA),
    "ConvTranspose": Reader(conv_transpose, ("conv_transpose2d", STEPS), TRANSPOSED_WITHOUT_DATA),
    "Div": _arithmetic(),
    "Gemm": Reader(gemm, ("fully_connected", "mat_mul", STEPS), PRODUCT),
    "MatMul": Reader(matmul, ("fully_connected", "mat_mul"), (axes_at_least(2, 0, 1),)),
    "Max": _arithmetic("maximum"),
    "Min": _arithmetic("minimum"),
    "Mul": _arithmetic("multiply"),
    "Neg": Reader(negate, (STEPS,)),
    "Pow": Reader(power, (KNOWN,), (constant(0, "base"), constant(1, "exponent"))),
    "Relu": Reader(relu, (STEPS,)),
    "Softmax": Reader(softmax, ("softmax", TAIL), (ONE_AXIS,)),
    "Sub": _arithmetic("subtract"),
}
"""By op of ONNX's own domain, in a model that has nodes of QONNX."""
