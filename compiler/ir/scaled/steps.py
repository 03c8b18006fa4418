# SPDX-License-Identifier: Apache-2.0
"""Float32 operations between codes, as QONNX models have them."""

from dataclasses import dataclass

from intaglio.numerics.float32 import Float32
from intaglio.numerics.float_steps import Step


@dataclass(frozen=True, slots=True)
class Float32Steps:
    """code y = saturate(half_even(steps(fl32(real x * factor)))).

    Operand: x, codes with one scale, or a float32 graph input (then without factors).  The steps
    name every operation and are part of the model: every profile lowers them to the same bits, as
    thresholds.  The scale and zero point of y say what its codes mean and take no part.

    Attributes:
        steps: in order; constants are one, or one for each index of the last axis.
        factors: exact further factors of x, none, one, or one for each index of the last axis: the
            scales of the weights of which x is an accumulator.
    """

    steps: tuple[Step, ...]
    factors: tuple[Float32, ...] = ()
