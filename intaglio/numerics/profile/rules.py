# SPDX-License-Identifier: Apache-2.0
"""The rules of a profile: which op, operand types and granularity use which arithmetic."""

from dataclasses import dataclass
from enum import Enum

from intaglio.errors import InvalidOption
from intaglio.numerics.accumulator import (
    AccumulationOrder,
    Overflow,
    PartialSums,
    ProductTruncation,
)
from intaglio.numerics.integers import IntType
from intaglio.numerics.profile.methods import (
    Float32RawRescale,
    Float32Rescale,
    MeanMethod,
    PairMethod,
    SoftmaxMethod,
    UnaryMethod,
)
from intaglio.numerics.profile.ranges import require_within
from intaglio.numerics.profile.schemes import Lanes, Rescale
from intaglio.numerics.rounding import Rounding


class Granularity(Enum):
    """How many scales a weight tensor has."""

    PER_TENSOR = "per-tensor"
    PER_CHANNEL = "per-channel"


@dataclass(frozen=True, slots=True)
class Condition:
    """When a rule applies; an empty field accepts everything.

    Attributes:
        ops: op kinds in the words of the text form, such as ``conv2d``.
        operands: element types of the first operand.
        results: element types of the result.
        granularity: of the weights.
        maximum_bits: the widest first operand.
        weights: element types of the weights, or of the second of two operands.
        bias: element types of the bias, of which there has to be one.
        clipped: whether an activation cuts off codes of the result.
    """

    ops: tuple[str, ...] = ()
    operands: tuple[IntType, ...] = ()
    results: tuple[IntType, ...] = ()
    granularity: Granularity | None = None
    maximum_bits: int = 64
    weights: tuple[IntType, ...] = ()
    bias: tuple[IntType, ...] = ()
    clipped: bool | None = None

    def accepts(
        self,
        op: str,
        operand: IntType,
        result: IntType,
        granularity: Granularity,
        weights: IntType | None = None,
        bias: IntType | None = None,
        clipped: bool = False,
    ) -> bool:
        """Whether the rule is for this op between these types."""
        if self.clipped not in (None, clipped):
            return False
        if self.bias and bias not in self.bias:
            return False
        if self.weights and weights not in self.weights:
            return False
        if self.ops and op not in self.ops and GENERAL_KINDS.get(op) not in self.ops:
            return False
        if self.operands and operand not in self.operands:
            return False
        if self.results and result not in self.results:
            return False
        if operand.bits > self.maximum_bits:
            return False
        return self.granularity is None or self.granularity is granularity


ALWAYS = Condition()

GENERAL_KINDS = {
    "depthwise_conv2d": "conv2d",
    "plane_mean": "reduce_mean",
    "joined": "requantize",
    "recurrent_conv2d": "conv2d",
    "recurrent_fully_connected": "fully_connected",
    "recurrent_add": "add",
    "recurrent_multiply": "multiply",
    "recurrent-sigmoid": "sigmoid",
    "recurrent-tanh": "tanh",
}
"""Kinds that are cases of another: a rule for the general one serves them too."""


class FloatBias(Enum):
    """What becomes of a bias that the model kept in float32.

    ROUND: its code in the scale fl32(s_x * s_w), as the profile quantizes at the border.  EXACT: it
    is added in the real numbers before the one rounding of the result.
    """

    ROUND = "round"
    EXACT = "exact"


@dataclass(frozen=True, slots=True)
class ContractionRule:
    """Convolutions and matrix products.

    Attributes:
        when: the condition.
        rescale: how the accumulator becomes a code.
        accumulator_bits: width of the signed accumulator.
        overflow: what it does with a sum that doesn't fit.
        order: the order of the additions.
        bias_bits: width of the signed bias.
        float_bias: what becomes of a bias in float32.
        lanes: the channels behind the last whole vector, where they are rescaled otherwise.
        product_bits: width of a product's register; 0 for one that holds every product.  Networks
            with wider products are refused.
        truncation: what is dropped of every product.  The bias drops as many bits, rounded alike,
            and the real multiplier makes up for them.
        partial_sums: the registers before the accumulator.
    """

    rescale: Rescale
    when: Condition = ALWAYS
    accumulator_bits: int = 32
    overflow: Overflow = Overflow.WRAP
    order: AccumulationOrder = AccumulationOrder.BIAS_FIRST
    bias_bits: int = 32
    float_bias: FloatBias = FloatBias.ROUND
    lanes: Lanes | None = None
    product_bits: int = 0
    truncation: ProductTruncation | None = None
    partial_sums: PartialSums | None = None

    def __post_init__(self) -> None:
        """Refuse numbers that no machine has."""
        require_within("accumulator_bits", self.accumulator_bits, 1, 64)
        require_within("bias_bits", self.bias_bits, 1, 64)
        require_within("product_bits", self.product_bits, 0, 64)
        partial = self.partial_sums
        if partial is not None and partial.type.bits > self.accumulator_bits:
            raise InvalidOption(
                "partial_sums.type",
                partial.type,
                f"is wider than the accumulator of {self.accumulator_bits} bits, which has to "
                "take every partial sum",
                f"give i{self.accumulator_bits} or less, or widen accumulator_bits",
            )
        dropped = self.truncation
        if dropped is not None and 0 < self.product_bits <= dropped.dropped_bits:
            raise InvalidOption(
                "truncation.dropped_bits",
                dropped.dropped_bits,
                f"leaves nothing of a product of {self.product_bits} bits",
                f"give {self.product_bits - 1} or less",
            )


@dataclass(frozen=True, slots=True)
class PairRule:
    """Elementwise functions of two operands."""

    method: PairMethod
    when: Condition = ALWAYS


@dataclass(frozen=True, slots=True)
class MeanRule:
    """Average pools, means and sums.

    Attributes:
        method: how the sum becomes a code.
        when: the condition.
        accumulator_bits: width of the signed accumulator.
        overflow: what it does with a sum over axes that doesn't fit; where absent, networks with
            such sums are refused.  The sum of a pool's window always has to fit.
    """

    method: MeanMethod
    when: Condition = ALWAYS
    accumulator_bits: int = 32
    overflow: Overflow | None = None

    def __post_init__(self) -> None:
        """Refuse numbers that no machine has."""
        require_within("accumulator_bits", self.accumulator_bits, 1, 64)


@dataclass(frozen=True, slots=True)
class UnaryRule:
    """Functions of one operand; ``when.ops`` names functions such as ``leaky-relu``."""

    method: UnaryMethod
    when: Condition = ALWAYS


@dataclass(frozen=True, slots=True)
class RescaleRule:
    """A code in another scale: by a requantizer, or in float32."""

    method: Rescale | Float32Rescale | Float32RawRescale
    when: Condition = ALWAYS


@dataclass(frozen=True, slots=True)
class SoftmaxRule:
    """Softmax, its logarithm and L2 normalization: along an axis."""

    method: SoftmaxMethod
    when: Condition = ALWAYS


class ResizeWeights(Enum):
    """How the weight of a neighbour is derived from the real source coordinate.

    EXACT keeps the rational number; NEAREST rounds it half to even to ``fraction_bits``; STEP walks
    by an integer step of ``fraction_bits`` fractional bits (TFLite).
    """

    EXACT = "exact"
    NEAREST = "nearest"
    STEP = "step"


@dataclass(frozen=True, slots=True)
class ResizeRule:
    """Bilinear interpolation.

    Attributes:
        weights: how they are derived.
        fraction_bits: fractional bits of each axis's weight where they are rounded.
        rounding: of the weighted sum.
    """

    weights: ResizeWeights
    rounding: Rounding
    fraction_bits: int = 0
    when: Condition = ALWAYS

    def __post_init__(self) -> None:
        """Refuse numbers that no machine has."""
        require_within("fraction_bits", self.fraction_bits, 0, 16)
