# SPDX-License-Identifier: Apache-2.0
"""Rules of the scaled level: which operands are constants, which have scales by channel."""

from collections.abc import Iterator

from intaglio.compiler.ir import moves, scaled
from intaglio.compiler.ir.graph import AnyOp, Graph, Level
from intaglio.compiler.ir.types import PLAIN
from intaglio.compiler.ir.verify.parameters import paired
from intaglio.compiler.ir.verify.rules import Rule, violation
from intaglio.numerics.integers import IntType

Axes = tuple[int | None, ...]
"""By operand: the axis that its scales may go along; None where one scale serves."""


def scales_go_by_channel_where_allowed(graph: Graph) -> Iterator[str]:
    """Weights, biases and slopes may have scales by output channel; all other values have one."""
    if graph.level is not Level.SCALED:
        return
    for node in graph.nodes:
        axes = _channel_axes(node.op)
        if axes is None:
            continue
        for operand, axis in dict.fromkeys(zip(node.operands, axes, strict=False)):
            quantization = graph.type_of(operand).quantization
            if quantization is None or quantization.per_tensor or quantization.axis == axis:
                continue
            found = f"scales of %{operand} along axis {quantization.axis}"
            yield violation(node, found, "one scale" if axis is None else f"axis {axis} or one")
        result = node.type.quantization
        if result is not None and not result.per_tensor:
            yield violation(node, f"scales of the result along axis {result.axis}", "one scale")


def _channel_axes(op: AnyOp) -> Axes | None:
    """The axes of the operands' scales; None where any will do, as for moves."""
    match op:
        case scaled.Conv2d() | scaled.ConvTranspose2d():
            return (None, 0, 0)
        case scaled.FullyConnected():
            return (None, 1, 0)
        case scaled.PRelu():
            return (None, 0)
        case (
            moves.Transpose()
            | moves.Reshape()
            | moves.Slice()
            | moves.Concat()
            | moves.Pad()
            | moves.ResizeNearest()
        ):
            return None
        case _:
            return (None, None)


def weights_are_constant(graph: Graph) -> Iterator[str]:
    """The weights of a fully connected layer and the slopes of a PRelu are constants."""
    for node in graph.nodes:
        if not isinstance(node.op, scaled.FullyConnected | scaled.PRelu):
            continue
        if graph.constant(node.operands[1]) is None:
            yield violation(node, f"the computed operand %{node.operands[1]}", "a constant")


def clips_have_room(graph: Graph) -> Iterator[str]:
    """An activation has no bound, one, or one for each channel, and no low one above a high one."""
    for node in graph.nodes:
        clip = getattr(node.op, "activation", None)
        if not isinstance(clip, scaled.Clip):
            continue
        channels = node.type.shape[-1] if node.type.shape else 1
        for what, bounds in (("low", clip.low), ("high", clip.high)):
            if len(bounds) not in (0, 1, channels):
                found = f"{len(bounds)} {what} bounds of the activation"
                yield violation(node, found, f"0, 1 or {channels}")
        if any(a.fraction > b.fraction for a, b in paired(clip.low, clip.high)):
            yield violation(node, "a low bound above a high one", "room between them")


def choices_are_plain_integers(graph: Graph) -> Iterator[str]:
    """An index is a plain integer: scale 1, zero point 0, of a type that holds every index."""
    for node in graph.nodes:
        if not isinstance(node.op, scaled.ArgMax | scaled.ArgMin):
            continue
        quantization = node.type.quantization
        if quantization is not None and quantization != PLAIN:
            yield violation(node, "an index with a scale of its own", "scale 1 and zero point 0")
        last = graph.type_of(node.operands[0]).shape[node.op.axis] - 1
        element = node.type.element
        if isinstance(element, IntType) and not element.contains(last):
            yield violation(node, f"a result of {element}", f"a type that holds {last}")


RULES: tuple[Rule, ...] = (
    scales_go_by_channel_where_allowed,
    weights_are_constant,
    clips_have_room,
    choices_are_plain_integers,
)
