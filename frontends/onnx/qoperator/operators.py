# SPDX-License-Identifier: Apache-2.0
"""The operators on codes that are read, each with what it means and what is expected of it."""

from collections.abc import Mapping
from dataclasses import replace

from intaglio.frontends.constraints import Constraint, expects
from intaglio.frontends.onnx.contractions import CONV, GEMM, MATMUL
from intaglio.frontends.onnx.elementwise import ADD, LEAKY_RELU, MULTIPLY, SIGMOID, SOFTMAX
from intaglio.frontends.onnx.meanings import QuantizedConstant, Real, Static
from intaglio.frontends.onnx.moves import CONCAT
from intaglio.frontends.onnx.pooling import AVERAGE_POOL, GLOBAL_AVERAGE_POOL
from intaglio.frontends.onnx.qoperator.places import Place, operands_of
from intaglio.frontends.onnx.qoperator.reading import OperatorOnCodes, element_of
from intaglio.frontends.onnx.site import Site
from intaglio.frontends.readers import Reader


@expects("constant scales and zero points")
def constant_parameters(site: Site) -> str | None:
    """Scales that a graph computes can't be folded into integers beforehand."""
    for place in (*operands_of(site.node), RESULTS.get(site.node.op_type)):
        if place is None:
            continue
        for index in (place.scale, place.zero_point):
            if index is not None and site.has(index) and not _is_static(site, index):
                return f"computes its operand {index + 1}"
    return None


@expects("operands of 8-bit codes")
def codes_of_eight_bits(site: Site) -> str | None:
    """What the operators are defined for."""
    for place in operands_of(site.node):
        assert place.codes is not None
        element = element_of(site, place.codes)
        if element is not None and element.bits > 8:
            return f"its operand {place.codes + 1} is of type {element}"
    return None


@expects("channels as axis 1 (channels_last = 0)")
def channels_first_layout(site: Site) -> str | None:
    """ONNX Runtime's own passes write the other layout; files don't."""
    return "sets channels_last" if site.flag("channels_last") else None


@expects("constant weights")
def constant_weights(site: Site) -> str | None:
    """Weights are packed and proved about before anything runs."""
    place = operands_of(site.node)[1]
    assert place.codes is not None
    found = site.operand(place.codes)
    return None if isinstance(found, Static | QuantizedConstant) else "computes its weights"


@expects("a scale for the result")
def quantized_result(site: Site) -> str | None:
    """Without one QGemm gives float32."""
    place = RESULTS["QGemm"]
    assert place.scale is not None
    return None if site.has(place.scale) else "gives real numbers"


def _is_static(site: Site, index: int) -> bool:
    return isinstance(site.operand(index), Static)


def _softmax(site: Site) -> Real:
    """The attribute ``opset`` says which Softmax of ONNX is meant."""
    return SOFTMAX(replace(site, opset=site.integer("opset", site.opset)))


def _last_axis(site: Site) -> int:
    return -1


def _output_axis(site: Site) -> int:
    return 0 if site.flag("transB") else 1


_SOFTMAX = Reader(_softmax, SOFTMAX.becomes, SOFTMAX.constraints)
_AFTER_ONE = Place(None, 3, 4)
_AFTER_TWO = Place(None, 6, 7)
_COMMON: tuple[Constraint[Site], ...] = (constant_parameters, codes_of_eight_bits)
_PLANES = (*_COMMON, channels_first_layout)

RESULTS: Mapping[str, Place] = {
    "QGemm": Place(None, 7, 8),
    "QLinearAdd": _AFTER_TWO,
    "QLinearAveragePool": _AFTER_ONE,
    "QLinearConcat": Place(None, 0, 1),
    "QLinearConv": _AFTER_TWO,
    "QLinearGlobalAveragePool": _AFTER_ONE,
    "QLinearLeakyRelu": _AFTER_ONE,
    "QLinearMatMul": _AFTER_TWO,
    "QLinearMul": _AFTER_TWO,
    "QLinearSigmoid": _AFTER_ONE,
    "QLinearSoftmax": _AFTER_ONE,
}

OPERATORS: Mapping[str, OperatorOnCodes] = {
    "ConvInteger": OperatorOnCodes(CONV, (*_COMMON, constant_weights), None),
    "MatMulInteger": OperatorOnCodes(MATMUL, _COMMON, None, weight_axis=_last_axis),
    "QGemm": OperatorOnCodes(
        GEMM, (*_COMMON, quantized_result), RESULTS["QGemm"], bias=6, weight_axis=_output_axis
    ),
    "QLinearAdd": OperatorOnCodes(ADD, _COMMON, _AFTER_TWO),
    "QLinearAveragePool": OperatorOnCodes(AVERAGE_POOL, _PLANES, _AFTER_ONE),
    "QLinearConcat": OperatorOnCodes(CONCAT, _COMMON, RESULTS["QLinearConcat"]),
    "QLinearConv": OperatorOnCodes(CONV, (*_PLANES, constant_weights), _AFTER_TWO, bias=8),
    "QLinearGlobalAveragePool": OperatorOnCodes(GLOBAL_AVERAGE_POOL, _PLANES, _AFTER_ONE),
    "QLinearLeakyRelu": OperatorOnCodes(LEAKY_RELU, _COMMON, _AFTER_ONE),
    "QLinearMatMul": OperatorOnCodes(MATMUL, _COMMON, _AFTER_TWO, weight_axis=_last_axis),
    "QLinearMul": OperatorOnCodes(MULTIPLY, _COMMON, _AFTER_TWO),
    "QLinearSigmoid": OperatorOnCodes(SIGMOID, _COMMON, _AFTER_ONE),
    "QLinearSoftmax": OperatorOnCodes(_SOFTMAX, _COMMON, _AFTER_ONE),
}
"""Each with its constraints, from which the list of supported operators is made too."""

ONNX_OWN = frozenset({"ConvInteger", "MatMulInteger", "QLinearConv", "QLinearMatMul"})
"""Those of ONNX's own domain; the others are of ONNX Runtime's, which has some of these as well."""
