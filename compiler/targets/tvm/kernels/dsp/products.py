# SPDX-License-Identifier: Apache-2.0
"""What a sum of products needs of the DSP extension: packed weights, biases, how it is scaled."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from intaglio.compiler.analysis.accumulators import AccumulateOp
from intaglio.compiler.ir.graph import Array
from intaglio.compiler.targets.tvm.kernels.dsp.panel import OFFSET, SCALE_BITS, STEP
from intaglio.compiler.targets.tvm.kernels.scope import Scope
from intaglio.compiler.targets.tvm.kernels.vector.contraction import INT32, contraction
from intaglio.numerics.intervals import Interval

_CENTRE = 128
"""What is taken from unsigned codes, which makes them signed."""


@dataclass(frozen=True, slots=True)
class Products:
    """A sum of products of signed bytes.

    Attributes:
        weights: ``[O, ...]``, without their zero points.
        bias: by output channel, before it is scaled; for codes taken as signed ones.
        centre: what is taken from a code to make it signed.
        total: the interval of the accumulators.
    """

    weights: npt.NDArray[np.int8]
    bias: tuple[int, ...]
    centre: int
    total: Interval

    @property
    def _wrapped_bias(self) -> npt.NDArray[np.int32]:
        return _wrapped(np.array(self.bias, dtype=object))

    def plain_line(self) -> "Line":
        """The weights along one line for each output channel, as they are."""
        weights = self.weights.reshape(self.weights.shape[0], -1)
        return Line(weights, self._wrapped_bias, 0, self.total)

    def line(self) -> "Line":
        """The weights along one line for each output channel, in the form that takes less."""
        outputs = self.weights.shape[0]
        flat = self.weights.reshape(outputs, -1).astype(np.int64)
        flat = np.pad(flat, ((0, 0), (0, -flat.shape[1] % STEP)))
        even, odd = flat[:, 0::2], flat[:, 1::2]
        joined = 256 * odd + even
        scaled = self.total.scale_by(1 << SCALE_BITS)
        joint = INT32.interval.contains(scaled) and bool(joined.min() >= -(1 << 15))
        if not joint:
            return Line(flat.astype(np.int8), self._wrapped_bias, 0, self.total)
        bias = (np.array(self.bias, dtype=object) + OFFSET * odd.sum(axis=1)) << SCALE_BITS
        packed = joined.astype("<i2").view(np.int8)
        return Line(packed, _wrapped(bias), SCALE_BITS, self.total)


@dataclass(frozen=True, slots=True)
class Line:
    """Weights and biases as the loops over a panel take them.

    Attributes:
        weights: ``[O, K]``, K a multiple of ``STEP``.
        bias: by output channel, of the sums as they are scaled.
        scale_bits: by how many bits the sums are larger than the accumulators.
        total: the interval of the accumulators.
    """

    weights: npt.NDArray[np.int8]
    bias: npt.NDArray[np.int32]
    scale_bits: int
    total: Interval

    @property
    def joint(self) -> bool:
        """Whether bytes of weights are joined."""
        return self.scale_bits > 0

    @property
    def steps(self) -> int:
        """Turns of a loop over a sum."""
        return int(self.weights.shape[1]) // STEP


def _wrapped(values: Array) -> npt.NDArray[np.int32]:
    return np.array([INT32.wrap(int(value)) for value in values], dtype=np.int32)


def products(
    scope: Scope, op: AccumulateOp, weights: Array, zero_points: tuple[int, ...], input_zero: int
) -> Products | None:
    """The sum of a node; None where 8 or 32 bits don't hold what it needs.

    Args:
        scope: the node.
        op: its op.
        weights: constant, output channels first.
        zero_points: of the weights: one, or one for each output channel.
        input_zero: the zero point of x.
    """
    found = contraction(scope, op, weights, zero_points, input_zero)
    if found is None or weights.size == 0:
        return None
    signed = scope.graph.operand_types(scope.node)[0].integer.signed
    centre = 0 if signed else _CENTRE
    sums = found.weights.reshape(found.weights.shape[0], -1).astype(np.int64).sum(axis=1)
    # The bias is there for codes plus an offset; here it is for codes less the centre.
    bias = found.bias.astype(object) + (found.offset + centre) * sums.astype(object)
    return Products(found.weights, tuple(int(value) for value in bias), centre, found.total)
