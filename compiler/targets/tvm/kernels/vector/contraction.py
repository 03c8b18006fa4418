# SPDX-License-Identifier: Apache-2.0
"""What every sum of 8-bit products needs: the conditions, and a bias that corrects.

A vector unit multiplies unsigned by signed bytes.  A code x is taken as ``u = x + offset >= 0``;
the bias takes back what the offset and the zero point add:

    Σ (x - zero) w = Σ u w - (zero + offset) Σ w

All of it modulo 2**32, in any order, which gives the sum wherever it fits into 32 bits.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np
import numpy.typing as npt

from intaglio.compiler.analysis.accumulators import AccumulateOp, ChannelRange, channel_ranges
from intaglio.compiler.analysis.settled_accumulators import settled
from intaglio.compiler.ir.graph import Array
from intaglio.compiler.targets.tvm.kernels.scope import Scope
from intaglio.numerics.accumulator import Overflow
from intaglio.numerics.integers import IntType
from intaglio.numerics.intervals import Interval

INT8, INT32 = IntType(8, signed=True), IntType(32, signed=True)
Int8Array = npt.NDArray[np.int8]
Int32Array = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Contraction:
    """A sum that the instruction computes.

    Attributes:
        weights: without their zero points, output channels first.
        bias: by output channel, with the correction, wrapped to 32 bits.
        offset: what is added to a code of x before it is multiplied; 128 flips an int8's sign bit.
        total: the interval of the accumulators.
    """

    weights: Int8Array
    bias: Int32Array
    offset: int
    total: Interval


def contraction(
    scope: Scope, op: AccumulateOp, weights: Array, zero_points: Sequence[int], input_zero: int
) -> Contraction | None:
    """The sum of a node in this form; None where 8 or 32 bits don't hold what it needs.

    Args:
        scope: the node.
        op: its op.
        weights: constant, output channels first.
        zero_points: of the weights: one, or one for each output channel.
        input_zero: the zero point of x.
    """
    x = scope.graph.operand_types(scope.node)[0].integer
    zeros = np.array(zero_points, dtype=np.int64).reshape(-1, *[1] * (weights.ndim - 1))
    biases = scope.constant(2)
    if x.bits > 8 or (biases is None and len(scope.node.operands) > 2):
        return None
    if weights.dtype.itemsize > 4 or (zeros.size and np.abs(zeros).max() > 1 << 31):
        return None
    centred = weights.astype(np.int64) - zeros
    if centred.min() < INT8.minimum or centred.max() > INT8.maximum:
        return None
    total = _accumulated(scope, op)
    if total is None:
        return None
    offset = 128 if x.signed else 0
    outputs = weights.shape[0]
    sums = centred.reshape(outputs, -1).sum(axis=1)
    given = np.zeros(outputs, dtype=object) if biases is None else biases.astype(object)
    corrected = given - (input_zero + offset) * sums.astype(object)
    bias = np.array([INT32.wrap(int(value)) for value in corrected], dtype=np.int32)
    return Contraction(centred.astype(np.int8), bias, offset, total)


def _accumulated(scope: Scope, op: AccumulateOp) -> Interval | None:
    """The interval of the sums modulo 2**32 before the overflow rule, if that is all it needs."""
    bounds = reduce(
        ChannelRange.__or__, channel_ranges(scope.graph.definitions, scope.node, op, scope.ranges)
    )
    accumulator = settled(op.accumulator, bounds)
    if not accumulator.plain:
        return None
    fits = INT32.interval.contains(bounds.total)
    match accumulator.overflow:
        case Overflow.WRAP:
            whole = INT32.interval if accumulator.type == INT32 else None
            return bounds.total if fits else whole
        case Overflow.SATURATE:
            return bounds.total if fits else None
        case Overflow.SATURATE_EACH_ADD | Overflow.TRAP:
            return None
