# SPDX-License-Identifier: Apache-2.0
"""The operators on codes that are read, each with what it means and what is expected of it."""

from collections.abc import Mapping
from dataclasses import replace

from intaglio.compiler.ir import scaled
from intaglio.frontends.constraints import Constraint, expects
from intaglio.frontends.onnx.contractions import conv, gemm, matmul
from intaglio.frontends.onnx.elementwise import leaky_relu, softmax
from intaglio.frontends.onnx.meanings import QuantizedConstant, Real, Static
from intaglio.frontends.onnx.moves import joined
from intaglio.frontends.onnx.moving import rearrange
from intaglio.frontends.onnx.pooling import average_pool, global_average_pool
from intaglio.frontends.onnx.qoperator.places import Place, operands_of
from intaglio.frontends.onnx.qoperator.reading import OperatorOnCodes, element_of
from intaglio.frontends.onnx.site import Site


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


def _add(site: Site) -> Real:
    return site.computed(scaled.Add(), [site.activation(0), site.activation(1)])


def _multiply(site: Site) -> Real:
    return site.computed(scaled.Multiply(), [site.activation(0), site.activation(1)])


def _sigmoid(site: Site) -> Real:
    function = scaled.Unary(scaled.UnaryFunction.SIGMOID)
    return site.computed(function, [site.activation(0)])


def _softmax(site: Site) -> Real:
    """The attribute ``opset`` says which Softmax of ONNX is meant."""
    return softmax(replace(site, opset=site.integer("opset", site.opset)))


def _concat(site: Site) -> Real:
    return rearrange(site.emitter, joined(site))


def _last_axis(site: Site) -> int:
    return -1


def _output_axis(site: Site) -> int:
    return 0 if site.flag("transB") else 1


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
    "ConvInteger": OperatorOnCodes(conv, (*_COMMON, constant_weights), None),
    "MatMulInteger": OperatorOnCodes(matmul, _COMMON, None, weight_axis=_last_axis),
    "QGemm": OperatorOnCodes(
        gemm, (*_COMMON, quantized_result), RESULTS["QGemm"], bias=6, weight_axis=_output_axis
    ),
    "QLinearAdd": OperatorOnCodes(_add, _COMMON, _AFTER_TWO),
    "QLinearAveragePool": OperatorOnCodes(average_pool, _PLANES, _AFTER_ONE),
    "QLinearConcat": OperatorOnCodes(_concat, _COMMON, RESULTS["QLinearConcat"]),
    "QLinearConv": OperatorOnCodes(conv, (*_PLANES, constant_weights), _AFTER_TWO, bias=8),
    "QLinearGlobalAveragePool": OperatorOnCodes(global_average_pool, _PLANES, _AFTER_ONE),
    "QLinearLeakyRelu": OperatorOnCodes(leaky_relu, _COMMON, _AFTER_ONE),
    "QLinearMatMul": OperatorOnCodes(matmul, _COMMON, _AFTER_TWO, weight_axis=_last_axis),
    "QLinearMul": OperatorOnCodes(_multiply, _COMMON, _AFTER_TWO),
    "QLinearSigmoid": OperatorOnCodes(_sigmoid, _COMMON, _AFTER_ONE),
    "QLinearSoftmax": OperatorOnCodes(_softmax, _COMMON, _AFTER_ONE),
}
"""Each with its constraints, from which the list of supported operators is made too."""

ONNX_OWN = frozenset({"ConvInteger", "MatMulInteger", "QLinearConv", "QLinearMatMul"})
"""Those of ONNX's own domain; the others are of ONNX Runtime's, which has some of these as well."""
