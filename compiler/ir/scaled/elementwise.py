# SPDX-License-Identifier: Apache-2.0
"""Elementwise functions of quantized values, and softmax."""

from dataclasses import dataclass
from enum import Enum

from intaglio.numerics.float32 import Float32


@dataclass(frozen=True, slots=True)
class Clip:
    """Real bounds, for the whole tensor (one) or by channel of the last axis; none is unbounded."""

    low: tuple[Float32, ...] = ()
    high: tuple[Float32, ...] = ()


UNBOUNDED = Clip()
_ZERO = Float32(0)
_ONE = Float32(0x3F800000)


@dataclass(frozen=True, slots=True)
class Add:
    """real y = clip(x1 + x2), NumPy broadcasting.

    ``recurrent``, here and in the ops below: inside a recurrent cell, whose kernel may have
    arithmetic of its own.
    """

    activation: Clip = UNBOUNDED
    recurrent: bool = False


@dataclass(frozen=True, slots=True)
class Subtract:
    """real y = clip(x1 - x2), NumPy broadcasting."""

    activation: Clip = UNBOUNDED


@dataclass(frozen=True, slots=True)
class Multiply:
    """real y = clip(x1 * x2), NumPy broadcasting."""

    activation: Clip = UNBOUNDED
    recurrent: bool = False


@dataclass(frozen=True, slots=True)
class Minimum:
    """real y = min(x1, x2), NumPy broadcasting."""


@dataclass(frozen=True, slots=True)
class Maximum:
    """real y = max(x1, x2), NumPy broadcasting."""


@dataclass(frozen=True, slots=True)
class SquaredDifference:
    """real y = (x1 - x2)², NumPy broadcasting."""


class UnaryFunction(Enum):
    """A real function of one variable.

    ``alpha`` and ``beta`` are the attributes of ``Unary``: LEAKY_RELU slope alpha; ELU alpha;
    HARD_SIGMOID max(0, min(1, alpha x + beta)).  GELU is x Φ(x); GELU_TANH its tanh approximation.
    RSQRT is 1 / sqrt(x), and where x <= 0 the highest code.
    """

    IDENTITY = "identity"
    LEAKY_RELU = "leaky-relu"
    SIGMOID = "sigmoid"
    TANH = "tanh"
    HARD_SIGMOID = "hard-sigmoid"
    HARD_SWISH = "hard-swish"
    GELU = "gelu"
    GELU_TANH = "gelu-tanh"
    ELU = "elu"
    EXP = "exp"
    RSQRT = "rsqrt"


@dataclass(frozen=True, slots=True)
class Unary:
    """real y = clip(function(x)).

    Attributes:
        function: the real function.
        alpha: its first parameter, where it has one.
        beta: its second parameter, where it has one.
        activation: real bounds applied after the function.
        recurrent: as for ``Add``.
    """

    function: UnaryFunction
    alpha: Float32 = _ZERO
    beta: Float32 = _ZERO
    activation: Clip = UNBOUNDED
    recurrent: bool = False


@dataclass(frozen=True, slots=True)
class PRelu:
    """real y = x where x >= 0, else slope * x; slope is a quantized constant ``[1]`` or ``[C]``."""


@dataclass(frozen=True, slots=True)
class Requantize:
    """real y = clip(x) in another scale, zero point or width (a Relu or Clip that stands alone).

    Attributes:
        activation: the bounds.
        joined: the op is part of a concatenation, whose kernel may rescale in its own way.
    """

    activation: Clip = UNBOUNDED
    joined: bool = False


@dataclass(frozen=True, slots=True)
class Reinterpret:
    """The same codes, read with the result's scale and zero point: no arithmetic.

    Two nodes of a model may state different parameters for one tensor of codes; each is right for
    what it computes.
    """


@dataclass(frozen=True, slots=True)
class L2Normalization:
    """real y = x / sqrt(Σ x²) along ``axis``; where all x are 0, so is y."""

    axis: int


@dataclass(frozen=True, slots=True)
class Softmax:
    """real y = exp(beta x) / Σ exp(beta x) along ``axis``."""

    axis: int
    beta: Float32 = _ONE


@dataclass(frozen=True, slots=True)
class LogSoftmax:
    """real y = x - log(Σ exp(x)) along ``axis``."""

    axis: int
