# SPDX-License-Identifier: Apache-2.0
"""What the model returns: codes, dequantized codes, or one float op after those."""

from intaglio.compiler.ir import scaled
from intaglio.compiler.ir.float_tail import BinaryFunction, FloatTail
from intaglio.compiler.ir.types import FLOAT32, TensorType
from intaglio.frontends.onnx.emitter import Emitter
from intaglio.frontends.onnx.meanings import (
    Clipped,
    Computed,
    FloatInput,
    Meaning,
    Moved,
    Quantized,
    QuantizedConstant,
    Static,
    Stepped,
    Tail,
    Unknown,
)
from intaglio.frontends.onnx.moving import settled
from intaglio.frontends.onnx.qonnx.tails import float_tail
from intaglio.frontends.refusal import Refusal

_TAIL: dict[type[scaled.Op], BinaryFunction] = {
    scaled.Add: BinaryFunction.ADD,
    scaled.Subtract: BinaryFunction.SUBTRACT,
    scaled.Multiply: BinaryFunction.MULTIPLY,
    scaled.Minimum: BinaryFunction.MINIMUM,
    scaled.Maximum: BinaryFunction.MAXIMUM,
}


def finish(emitter: Emitter, value: Meaning, tensor: str, node: str) -> str:
    """Emit what the model returns under the name ``tensor``; the name in the graph.

    Args:
        emitter: the graph under construction.
        value: what the output means.
        tensor: the output in the user's model.
        node: the user's node that computes it.

    Raises:
        Refusal: it is a constant, or the float result of something other than an elementwise
            function or a softmax of quantized values.
    """
    if isinstance(value, Clipped):
        value = settled(emitter, value, node)
    match value:
        case QuantizedConstant():
            return finish(emitter, emitter.constant(value), tensor, node)
        case Quantized(real=False):
            return value.name
        case Quantized():
            return _dequantized(emitter, value.name, tensor, node)
        case Computed(op=op):
            return _tail(emitter, value, op, tensor)
        case Moved() if _moves_float32(value):
            return _moved(emitter, value, tensor, node)
        case Clipped() | Moved():
            raise Refusal(f"is the float result of {value.label}; quantize that")
        case FloatInput():
            raise Refusal("is an input as it came; quantize it")
        case Stepped() | Tail():
            return float_tail(emitter, value, tensor, node)
        case Static():
            raise Refusal("is a constant; leave it out")
        case Unknown():
            return ""


def _tail(emitter: Emitter, value: Computed, op: scaled.Op, tensor: str) -> str:
    kind = _TAIL.get(type(op))
    if kind is not None:
        last: FloatTail = scaled.Float32Binary(kind)
    elif isinstance(op, scaled.Softmax):
        last = scaled.Float32Softmax(op.axis)
    else:
        raise Refusal(f"is the float result of {value.label}; quantize that")
    operands = tuple(
        _dequantized(emitter, operand, f"{operand}.real", value.node) for operand in value.operands
    )
    return emitter.node(tensor, TensorType(FLOAT32, value.shape), last, operands, value.node)


def _moves_float32(value: Moved) -> bool:
    """Whether it rearranges real numbers that codes stand for, and nothing else."""
    if isinstance(value.move, scaled.MaxPool2d) or value.padding:
        return False
    return all(
        isinstance(part, Quantized) or (isinstance(part, Moved) and _moves_float32(part))
        for part in value.parts
    )


def _moved(emitter: Emitter, value: Moved, wanted: str, node: str) -> str:
    """Parts of different scales meet in float32 at last."""
    parts = tuple(
        _moved(emitter, part, part.source + part.suffix, node)
        if isinstance(part, Moved)
        else _dequantized(emitter, part.name, f"{part.source}.real", node)
        for part in value.parts
        if isinstance(part, Moved | Quantized)
    )
    return emitter.node(wanted, TensorType(FLOAT32, value.shape), value.move, parts, value.node)


def _dequantized(emitter: Emitter, name: str, wanted: str, node: str) -> str:
    type = TensorType(FLOAT32, emitter.builder.type_of(name).shape)
    return emitter.node(wanted, type, scaled.Dequantize(), (name,), node)
