# SPDX-License-Identifier: Apache-2.0
"""The shape of an op's result; each family's rule is in a module of its own."""

from collections.abc import Sequence
from typing import assert_never

from intaglio.compiler.ir import fixed, moves, scaled
from intaglio.compiler.ir.graph import AnyOp
from intaglio.compiler.ir.infer import contractions, elementwise, windows
from intaglio.compiler.ir.infer.counts import operand_counts
from intaglio.compiler.ir.infer.mismatch import Shape, require
from intaglio.compiler.ir.infer.moves import move
from intaglio.compiler.ir.types import TensorType
from intaglio.numerics.float_steps import channels_of
from intaglio.numerics.integers import IntType


def result_shape(op: AnyOp, operands: Sequence[TensorType], declared: Shape = ()) -> Shape:
    """The shape that the op's result has.

    Args:
        op: an op of either level.
        operands: the types of its operands, in order.
        declared: the shape that the result is said to have.  Needed where operands and attributes
            leave a choice: ``Reshape``, ``Slice``, ``ConvTranspose2d``, scaled ``ResizeLinear``.

    Raises:
        Mismatch: the operands, or ``declared``, don't fit the op.
    """
    counts = operand_counts(op)
    expected = f"{counts[0]} to {counts[-1]}" if len(counts) > 1 else f"{counts[0]}"
    require(len(operands) in counts, f"{len(operands)} operands", expected)
    shapes = tuple(operand.shape for operand in operands)
    match op:
        case (
            moves.Transpose()
            | moves.Reshape()
            | moves.Slice()
            | moves.Concat()
            | moves.Pad()
            | moves.ResizeNearest()
        ):
            return move(op, shapes, declared)
        case scaled.Conv2d() | fixed.Conv2d():
            return contractions.convolution(op, shapes)
        case scaled.ConvTranspose2d() | fixed.ConvTranspose2d():
            return contractions.transposed_convolution(op, shapes, declared)
        case scaled.FullyConnected() | scaled.MatMul() | fixed.MatMul():
            return contractions.matrix_product(shapes)
        case (
            scaled.MaxPool2d() | scaled.AveragePool2d() | fixed.MaxPool2d() | fixed.AveragePool2d()
        ):
            return windows.pool(op, shapes)
        case scaled.ResizeLinear():
            return windows.scaled_bilinear(shapes, declared)
        case fixed.ResizeLinear():
            return windows.fixed_bilinear(op, shapes)
        case scaled.ReduceMean() | scaled.ReduceSum() | fixed.ReduceSum():
            return elementwise.reduced(shapes[0], op.axes, op.keep_dimensions)
        case scaled.ArgMax() | scaled.ArgMin():
            return elementwise.reduced(shapes[0], (op.axis,), op.keep_dimensions)
        case (
            scaled.Softmax()
            | scaled.LogSoftmax()
            | scaled.L2Normalization()
            | fixed.Softmax()
            | fixed.Float32Softmax()
        ):
            return elementwise.along(shapes[0], op.axis)
        case (
            scaled.Add()
            | scaled.Subtract()
            | scaled.Multiply()
            | scaled.Minimum()
            | scaled.Maximum()
            | scaled.SquaredDifference()
            | fixed.Pairwise()
            | fixed.Add()
            | fixed.Subtract()
            | fixed.Multiply()
            | fixed.Minimum()
            | fixed.Maximum()
            | fixed.Float32Binary()
        ):
            return elementwise.broadcast(*shapes)
        case (
            scaled.Unary()
            | scaled.Requantize()
            | scaled.Reinterpret()
            | scaled.Quantize()
            | scaled.Dequantize()
            | fixed.Cast()
            | fixed.Quantize()
            | fixed.Float32Order()
            | fixed.Dequantize()
        ):
            return shapes[0]
        case scaled.Float32Steps(steps=steps, factors=factors):
            channels: dict[str, tuple[object, ...]] = {
                f"constants of step {at}": (None,) * channels_of(step)
                for at, step in enumerate(steps, 1)
            }
            return elementwise.by_channel(shapes[0], {**channels, "factors": factors or (None,)})
        case scaled.PRelu():
            return elementwise.sloped(*shapes)
        case fixed.Requantize(requantizers=requantizers):
            return elementwise.by_channel(shapes[0], {"requantizers": requantizers})
        case fixed.Clamp(low=low, high=high):
            return elementwise.by_channel(shapes[0], {"low bounds": low, "high bounds": high})
        case fixed.Lookup():
            element = operands[0].element
            require(isinstance(element, IntType), f"an operand of {element}", "integers")
            x, table = shapes
            return elementwise.looked_up(x, table, operands[0].integer.bits)
        case _:
            assert_never(op)
