# SPDX-License-Identifier: Apache-2.0
"""Which function reads which op of a QONNX model; what isn't here is read as in other models."""

from collections.abc import Callable, Mapping

from intaglio.frontends.onnx.meanings import Meaning
from intaglio.frontends.onnx.qonnx.contractions import conv, conv_transpose, gemm, matmul
from intaglio.frontends.onnx.qonnx.elementwise import (
    arithmetic,
    batch_normalization,
    clip,
    negate,
    power,
    relu,
)
from intaglio.frontends.onnx.qonnx.multi_threshold import multi_threshold
from intaglio.frontends.onnx.qonnx.quant import bipolar_quant, quant, trunc
from intaglio.frontends.onnx.qonnx.tails import softmax
from intaglio.frontends.onnx.site import Site

DOMAINS = frozenset({"qonnx.custom_op.general", "finn.custom_op.general", "onnx.brevitas"})
"""Of QONNX's own nodes, in the spelling of each exporter."""

OLDEST_OPSET = 9
"""What old exporters of QONNX wrote."""

Reader = Callable[[Site], "Meaning | tuple[Meaning, ...]"]

QUANTIZERS: Mapping[str, Reader] = {
    "BipolarQuant": bipolar_quant,
    "IntQuant": quant,
    "MultiThreshold": multi_threshold,
    "Quant": quant,
    "Trunc": trunc,
}
"""By op of QONNX's domains."""

READERS: Mapping[str, Reader] = {
    "Add": arithmetic,
    "BatchNormalization": batch_normalization,
    "Clip": clip,
    "Conv": conv,
    "ConvTranspose": conv_transpose,
    "Div": arithmetic,
    "Gemm": gemm,
    "MatMul": matmul,
    "Max": arithmetic,
    "Min": arithmetic,
    "Mul": arithmetic,
    "Neg": negate,
    "Pow": power,
    "Relu": relu,
    "Softmax": softmax,
    "Sub": arithmetic,
}
"""By op of ONNX's own domain, in a model that has nodes of QONNX."""
