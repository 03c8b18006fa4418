# SPDX-License-Identifier: Apache-2.0
"""Float32 operations with constants between an accumulator and the next Quant."""

from collections.abc import Mapping
from math import prod

import numpy as np
import onnx_ir as ir

from intaglio.compiler.ir.graph import Array
from intaglio.frontends.constraints import expects
from intaglio.frontends.onnx import elementwise as base
from intaglio.frontends.onnx.expectations import axes_at_least
from intaglio.frontends.onnx.meanings import Meaning, QuantizedConstant, Real, Static
from intaglio.frontends.onnx.qonnx.grids import with_codes
from intaglio.frontends.onnx.qonnx.quantizers import real_constant
from intaglio.frontends.onnx.qonnx.stepping import Origin, Steps, along, apply, number, stepped
from intaglio.frontends.onnx.site import Site, float32
from intaglio.frontends.refusal import Refusal
from intaglio.numerics.float_steps import Apply, Step, StepFunction

_FUNCTIONS: Mapping[str, StepFunction] = {
    "Add": StepFunction.ADD,
    "Sub": StepFunction.SUBTRACT,
    "Mul": StepFunction.MULTIPLY,
    "Div": StepFunction.DIVIDE,
    "Min": StepFunction.MINIMUM,
    "Max": StepFunction.MAXIMUM,
}

_MOST_ELEMENTS = 2**24


def arithmetic(site: Site) -> Meaning:
    """Add, Sub, Mul, Div, Min, Max with a constant, or of two values on grids."""
    constants = [constant_array(site.operand(index)) for index in (0, 1)]
    left, right = constants
    if left is not None and right is not None:
        return _folded(site, left, right)
    function = _FUNCTIONS[site.node.op_type]
    if right is not None:
        return _with_constant(site, function, 0, right)
    if left is None:
        if function is StepFunction.DIVIDE:
            raise Refusal("divides by what is computed; a constant divisor is expected")
        return base.binary(with_codes(site, 0, 1))
    if function is StepFunction.DIVIDE:
        raise Refusal("divides a constant by what is computed; a constant divisor is expected")
    if function is StepFunction.SUBTRACT:
        function = StepFunction.SUBTRACT_FROM
    return _with_constant(site, function, 1, left)


def constant_array(value: Meaning) -> Array | None:
    """The real numbers that the file holds for a value, None where it is computed."""
    match value:
        case Static():
            return value.array
        case QuantizedConstant():
            return real_constant(value)
        case _:
            return None


def _folded(site: Site, left: Array, right: Array) -> Static:
    a, b = float32(left, "its first operand"), float32(right, "its second operand")
    try:
        large = prod(np.broadcast_shapes(a.shape, b.shape)) > _MOST_ELEMENTS
    except ValueError:
        raise Refusal(f"combines constants of the shapes {a.shape} and {b.shape}") from None
    if large:
        raise Refusal("computes a large constant; fold constants before quantizing")
    functions = {
        "Add": np.add,
        "Sub": np.subtract,
        "Mul": np.multiply,
        "Div": np.divide,
        "Min": np.minimum,
        "Max": np.maximum,
    }
    with np.errstate(all="ignore"):
        found = np.asarray(functions[site.node.op_type](a, b), np.float32)
    return Static(site.source, found, ir.DataType.FLOAT)


def _with_constant(site: Site, function: StepFunction, index: int, array: Array) -> Real:
    value = site.real(index)
    steps = apply(function, array, value.shape, f"its operand {2 - index}")
    return after(site, value, steps)


def after(site: Site, value: Real, steps: Steps) -> Real:
    """Steps that the node does on a value."""
    return stepped(site.emitter, value, steps, Origin(site.source, site.name, site.label))


def relu(site: Site) -> Real:
    """Relu: max(r, 0)."""
    return after(site, site.real(0), Steps((number(StepFunction.MAXIMUM, 0.0),)))


def negate(site: Site) -> Real:
    """Neg: r * -1."""
    return after(site, site.real(0), Steps((number(StepFunction.MULTIPLY, -1.0),)))


def clip(site: Site) -> Real:
    """Clip: the lower bound first."""
    value, steps = site.real(0), list[Step]()
    for index, name, function in (
        (1, "min", StepFunction.MAXIMUM),
        (2, "max", StepFunction.MINIMUM),
    ):
        if site.has(index):
            bound = float32(site.static(index), f"its {name}")
        elif name in site.node.attributes:
            bound = np.array(site.number(name, 0.0), np.float32)
        else:
            continue
        if bound.size != 1 or np.isnan(bound).any():
            raise Refusal(f"its {name} is not one number")
        if np.isfinite(bound).all():
            steps.append(number(function, float(bound.reshape(()))))
    return after(site, value, Steps(tuple(steps)))


def power(site: Site) -> Static:
    """Pow of a constant by 1/2 or 2: each is one IEEE-754 operation."""
    values = float32(site.static(0), "its first operand")
    exponent = site.static(1)
    kind = float(exponent.reshape(())) if exponent.size == 1 else None
    with np.errstate(all="ignore"):
        if kind == 0.5:
            found = np.sqrt(values)
        elif kind == 2.0:
            found = values * values
        else:
            raise Refusal(f"raises a constant to {exponent.ravel()[:3]}; 0.5 or 2 is expected")
    return Static(site.source, np.asarray(found, np.float32), ir.DataType.FLOAT)


@expects("constant scale, bias, mean and variance")
def constant_statistics(site: Site) -> str | None:
    """All of a normalization but its input is known."""
    known = [isinstance(each, Static) for each in site.operands[1:5]]
    return None if known == [True] * 4 else "a parameter is computed or left out"


@expects("inference (training_mode 0)")
def at_inference(site: Site) -> str | None:
    """Nothing is computed from the batch."""
    return "it is in training mode" if site.flag("training_mode") else None


BATCH_NORMALIZATION = (constant_statistics, at_inference, axes_at_least(2, 0))


def batch_normalization(site: Site) -> Real:
    """BatchNormalization along axis 1: fl(fl(r * a) + b), as ONNX Runtime computes it.

    a = fl(scale * fl(1 / fl(sqrt(fl(variance + epsilon))))), b = fl(bias - fl(mean * a)).
    """
    value = site.real(0)
    scale, bias, mean, variance = (
        float32(site.static(index), f"its operand {index + 1}") for index in range(1, 5)
    )
    if {each.shape for each in (scale, bias, mean, variance)} != {value.shape[1:2]}:
        raise Refusal(f"its parameters aren't one for each of {value.shape[1]} channels")
    with np.errstate(all="ignore"):
        root = np.sqrt(variance + np.float32(site.number("epsilon", 1e-5)))
        factor = scale * (np.float32(1) / root)
        offset = bias - mean * factor
    tall = (-1,) + (1,) * (len(value.shape) - 2)
    steps: list[Step] = []
    axes: set[int | None] = set()
    for function, array in ((StepFunction.MULTIPLY, factor), (StepFunction.ADD, offset)):
        constants, axis = along(array.reshape(tall), value.shape, "a normalization's constant")
        steps.append(Apply(function, constants))
        axes.add(axis)
    return after(site, value, Steps(tuple(steps), 1 if 1 in axes else None))
