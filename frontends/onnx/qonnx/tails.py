# SPDX-License-Identifier: Apache-2.0
"""Float32 results behind the last codes: a dequantization, steps, perhaps a softmax."""

import numpy as np

from intaglio.compiler.ir import scaled
from intaglio.compiler.ir.float_tail import BinaryFunction
from intaglio.compiler.ir.moves import Pad
from intaglio.compiler.ir.types import FLOAT32, TensorType
from intaglio.frontends.onnx import elementwise as base
from intaglio.frontends.onnx.emitter import Emitter
from intaglio.frontends.onnx.meanings import (
    Clipped,
    Computed,
    Moved,
    Quantized,
    Real,
    Stepped,
    Tail,
)
from intaglio.frontends.onnx.qonnx.stepping import Origin, start_of
from intaglio.frontends.onnx.site import Site
from intaglio.frontends.refusal import Refusal
from intaglio.numerics.float32 import Float32
from intaglio.numerics.float_steps import Apply, StepFunction

_FUNCTIONS = {
    StepFunction.ADD: BinaryFunction.ADD,
    StepFunction.SUBTRACT: BinaryFunction.SUBTRACT,
    StepFunction.SUBTRACT_FROM: BinaryFunction.SUBTRACT,
    StepFunction.MULTIPLY: BinaryFunction.MULTIPLY,
    StepFunction.DIVIDE: BinaryFunction.DIVIDE,
    StepFunction.MINIMUM: BinaryFunction.MINIMUM,
    StepFunction.MAXIMUM: BinaryFunction.MAXIMUM,
}


def softmax(site: Site) -> Real:
    """Softmax of codes, or as the last op behind an accumulator."""
    value = site.real(0)
    if isinstance(value, Quantized):
        return base.softmax(site)
    axis = base.softmax_axis(site, value.shape)
    inner = float_tail(site.emitter, value, f"{site.source}.operand", site.name)
    type = TensorType(FLOAT32, value.shape)
    name = site.emitter.node(site.source, type, scaled.Float32Softmax(axis), (inner,), site.name)
    return Tail(name, value.shape, site.source, site.label)


def float_tail(emitter: Emitter, value: Real, wanted: str, node: str) -> str:
    """Emit a value in float32; the name in the graph.

    Raises:
        Refusal: it is a float input, or of steps that no float op of the graph does.
    """
    match value:
        case Tail():
            return value.name
        case Moved():
            return _moved_tail(emitter, value, wanted, node)
        case Stepped() | Computed() | Clipped():
            origin = Origin(value.source, node, value.label)
            return _stepped_tail(emitter, start_of(emitter, value, origin), wanted)
        case _:
            raise Refusal(f"is the float value {value.source}; put a Quant in front")


def _moved_tail(emitter: Emitter, value: Moved, wanted: str, node: str) -> str:
    if isinstance(value.move, Pad | scaled.MaxPool2d):
        raise Refusal(f"is the float result of {value.label}; put a Quant in front")
    parts = tuple(float_tail(emitter, part, f"{wanted}.part", node) for part in value.parts)
    type = TensorType(FLOAT32, value.shape)
    return emitter.rearranged(wanted, type, value.move, parts, value.node)


def _stepped_tail(emitter: Emitter, value: Stepped, wanted: str) -> str:
    type = emitter.builder.type_of(value.operand)
    if type.element == FLOAT32:
        raise Refusal(f"is the float result of {value.label} on an input; put a Quant in front")
    plain = TensorType(FLOAT32, value.shape)
    name = emitter.node(f"{wanted}.real", plain, scaled.Dequantize(), (value.operand,), value.node)
    steps = list(value.steps)
    if value.factors:
        steps.insert(0, Apply(StepFunction.MULTIPLY, value.factors))
    for at, step in enumerate(steps):
        if not isinstance(step, Apply) or step.function not in _FUNCTIONS:
            raise Refusal(f"is the float result of {value.label}; put a Quant in front")
        constant = _constant(emitter, value, step.constants, wanted)
        first = step.function is StepFunction.SUBTRACT_FROM
        operands = (constant, name) if first else (name, constant)
        last = at == len(steps) - 1
        name = emitter.node(
            wanted if last else f"{wanted}.step",
            plain,
            scaled.Float32Binary(_FUNCTIONS[step.function]),
            operands,
            value.node,
        )
    return name


def _constant(emitter: Emitter, value: Stepped, constants: tuple[Float32, ...], wanted: str) -> str:
    shape: tuple[int, ...] = ()
    if len(constants) > 1 and value.axis is not None:
        shape = (len(constants),) + (1,) * (len(value.shape) - 1 - value.axis)
    array = np.array([each.value for each in constants], np.float32).reshape(shape)
    return emitter.builder.constant(
        f"{wanted}.constant", TensorType(FLOAT32, shape), array, value.source
    )
