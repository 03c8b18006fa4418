# SPDX-License-Identifier: Apache-2.0
"""Functions of one or two quantized values, bounds, and softmax."""

from dataclasses import replace
from math import prod

import numpy as np

from intaglio.compiler.ir import scaled
from intaglio.frontends.axes import normalized
from intaglio.frontends.constraints import expects
from intaglio.frontends.onnx.bounds import NO_BOUNDS, Bounds, side_from_array, without_redundant
from intaglio.frontends.onnx.expectations import (
    TWO_OPERANDS,
    constant,
    finite,
    one_of,
    quantized,
    quantized_constant,
)
from intaglio.frontends.onnx.meanings import (
    Clipped,
    Quantized,
    QuantizedConstant,
    Real,
    Shape,
    Static,
)
from intaglio.frontends.onnx.moving import only_codes, permuted, to_last
from intaglio.frontends.onnx.site import Site
from intaglio.frontends.readers import BOUND, Reader
from intaglio.frontends.refusal import Refusal
from intaglio.numerics.float32 import Float32

_ZERO = Float32(0)
_FUNCTIONS = {
    "Sigmoid": scaled.UnaryFunction.SIGMOID,
    "Tanh": scaled.UnaryFunction.TANH,
    "HardSwish": scaled.UnaryFunction.HARD_SWISH,
    "Exp": scaled.UnaryFunction.EXP,
}
_BINARY: dict[str, scaled.Op] = {
    "Add": scaled.Add(),
    "Sub": scaled.Subtract(),
    "Mul": scaled.Multiply(),
    "Min": scaled.Minimum(),
    "Max": scaled.Maximum(),
}


def relu(site: Site) -> Real:
    """Relu: a lower bound of zero."""
    return _clipped(site, site.real(0), Bounds(low=(_ZERO,)))


def clip(site: Site) -> Real:
    """Clip: its bounds are attributes up to opset 10, then operands."""
    value = site.real(0)
    low = _clip_side(site, 1, "min", -np.inf)
    high = _clip_side(site, 2, "max", np.inf)
    return _clipped(site, value, Bounds(low, high))


def _clip_side(site: Site, index: int, name: str, unbounded: float) -> tuple[Float32, ...]:
    if site.has(index):
        array = site.static(index)
    elif name in site.node.attributes:
        array = np.array(site.number(name, 0.0), np.float32)
    else:
        return ()
    if array.size != 1:
        raise Refusal(f"its {name} has {array.size} elements; one is expected")
    return side_from_array(array.reshape(()), (), unbounded)[0]


def min_or_max(site: Site) -> Real:
    """Min, Max: of two values, or a bound where one operand is a constant that isn't quantized."""
    constants = [index for index in (0, 1) if isinstance(site.operand(index), Static)]
    if len(constants) != 1:
        return binary(site)
    value = site.real(1 - constants[0])
    lower = site.node.op_type == "Max"
    unbounded = -np.inf if lower else np.inf
    side, axis = side_from_array(site.static(constants[0]), value.shape, unbounded)
    if lower:
        return _clipped(site, value, Bounds(low=side, axis=axis))
    return _clipped(site, value, Bounds(high=side, axis=axis))


def _clipped(site: Site, value: Real, bounds: Bounds) -> Real:
    bounds = NO_BOUNDS.then(bounds)
    if isinstance(value, Quantized) and value.type.scaled.per_tensor:
        bounds = without_redundant(bounds, value.type.integer, value.type.scaled)
    return Clipped(value, bounds, site.source, site.label) if bounds else value


def binary(site: Site) -> Real:
    """Add, Sub, Mul, Min, Max of two quantized values, with NumPy's broadcasting."""
    return site.computed(_BINARY[_function(site)], [site.activation(0), site.activation(1)])


def _function(site: Site) -> str:
    """What an operator computes; those on codes are called after those on real numbers."""
    return site.node.op_type.removeprefix("QLinear")


def unary(site: Site) -> Real:
    """Sigmoid, Tanh, HardSwish, Exp."""
    return site.computed(scaled.Unary(_FUNCTIONS[_function(site)]), [site.activation(0)])


def leaky_relu(site: Site) -> Real:
    """LeakyRelu with its slope."""
    return _with_parameters(site, scaled.UnaryFunction.LEAKY_RELU, 0.01)


def elu(site: Site) -> Real:
    """Elu with its alpha."""
    return _with_parameters(site, scaled.UnaryFunction.ELU, 1.0)


def hard_sigmoid(site: Site) -> Real:
    """HardSigmoid with alpha and beta."""
    return _with_parameters(site, scaled.UnaryFunction.HARD_SIGMOID, 0.2, 0.5)


def _with_parameters(
    site: Site, function: scaled.UnaryFunction, alpha: float, beta: float = 0.0
) -> Real:
    parameters = (site.number("alpha", alpha), site.number("beta", beta))
    first, second = (Float32.from_value(number) for number in parameters)
    return site.computed(scaled.Unary(function, first, second), [site.activation(0)])


def gelu(site: Site) -> Real:
    """Gelu, exact or by its tanh approximation."""
    exact = site.text("approximate", "none") == "none"
    function = scaled.UnaryFunction.GELU if exact else scaled.UnaryFunction.GELU_TANH
    return site.computed(scaled.Unary(function), [site.activation(0)])


def softmax(site: Site) -> Real:
    """Softmax along one axis; before opset 13, over all axes from one on."""
    x = site.activation(0)
    return site.computed(scaled.Softmax(softmax_axis(site, x.shape)), [x])


def softmax_axis(site: Site, shape: Shape) -> int:
    """The axis that the results along add up to 1.

    Raises:
        Refusal: the operand hasn't that axis.
    """
    return normalized(site.integer("axis", -1 if site.opset >= 13 else 1), len(shape))


@expects("one axis (before opset 13, one behind which there are no elements)")
def ONE_AXIS(site: Site) -> str | None:
    """Older softmaxes span all axes from one on."""
    shape = site.operand(0).shape
    if shape is None or site.opset >= 13:
        return None
    return "spans several axes" if prod(shape[softmax_axis(site, shape) + 1 :]) > 1 else None


def prelu(site: Site) -> Real:
    """PRelu with one slope, or one for each channel (axis 1)."""
    x, slope = site.activation(0), site.weights(1)
    rank = len(x.shape)
    if slope.array.size == 1:
        flat = _flat_slope(site, slope)
        return site.computed(scaled.PRelu(), [x, flat])
    extents = (1,) * (rank - slope.array.ndim) + slope.shape
    wide = [axis for axis, extent in enumerate(extents) if extent > 1]
    if len(extents) != rank or len(wide) != 1 or extents[wide[0]] != x.shape[wide[0]]:
        raise Refusal(f"its slopes have the shape {slope.shape}; one for each channel is expected")
    return _prelu_along(site, x, _flat_slope(site, slope), wide[0])


def _prelu_along(site: Site, x: Quantized, slope: Quantized, axis: int) -> Real:
    """Slopes go by the last axis: turn the one they are for there, and back."""
    there, back = to_last(axis, len(x.shape))
    turned = site.move(scaled.Transpose(there), x, permuted(x.shape, there), ".last")
    result = site.computed(scaled.PRelu(), [only_codes(turned), slope])
    return site.move(scaled.Transpose(back), result, x.shape, ".back")


def _flat_slope(site: Site, slope: QuantizedConstant) -> Quantized:
    """Slopes in a row; they vary along one axis alone, so their scales can go along no other."""
    axis = None if slope.quantization.axis is None else 0
    quantization = replace(slope.quantization, axis=axis)
    flat = replace(slope, array=slope.array.reshape(-1), quantization=quantization)
    return site.emitter.constant(flat)


BINARY = (TWO_OPERANDS, quantized(0, 1))
UNARY = (quantized(0),)
_SLOPE, _OFFSET = ("alpha", 0.0), ("beta", 0.0)

ADD = Reader(binary, ("add",), BINARY)
SUBTRACT = Reader(binary, ("subtract",), BINARY)
MULTIPLY = Reader(binary, ("multiply",), BINARY)
MINIMUM = Reader(min_or_max, ("minimum", "clip", BOUND), (TWO_OPERANDS,))
MAXIMUM = Reader(min_or_max, ("maximum", "clip", BOUND), (TWO_OPERANDS,))
RELU = Reader(relu, ("clip", BOUND))
CLIP = Reader(clip, ("clip", BOUND), (constant(1, "min"), constant(2, "max")))
SIGMOID = Reader(unary, ("sigmoid",), UNARY)
TANH = Reader(unary, ("tanh",), UNARY)
HARD_SWISH = Reader(unary, ("hard-swish",), UNARY)
EXP = Reader(unary, ("exp",), UNARY)
ELU = Reader(elu, ("elu",), (*UNARY, finite(_SLOPE)))
LEAKY_RELU = Reader(leaky_relu, ("leaky-relu",), (*UNARY, finite(_SLOPE)))
HARD_SIGMOID = Reader(hard_sigmoid, ("hard-sigmoid",), (*UNARY, finite(_SLOPE, _OFFSET)))
GELU = Reader(
    gelu, ("gelu", "gelu-tanh"), (*UNARY, one_of("approximate", "none", ("none", "tanh")))
)
PRELU = Reader(prelu, ("prelu",), (*UNARY, quantized_constant(1, "slopes")))
SOFTMAX = Reader(softmax, ("softmax",), (*UNARY, ONE_AXIS))
